"""Runs the WSGI application under an ASGI server, and does what WSGI cannot: notice, cut, bound.

WSGI tells nobody that a client has left, and a server that ends a failed body cleanly (granian does, for
WSGI) makes a part look whole. Under ASGI (specification 3.0, HTTP section) a client's leaving is a message,
and an application that returns before the last ``http.response.body`` has its connection cut. So:

- a client that leaves while its answer is made cancels the query behind it;
- a body that fails is cut off, not ended;
- a body that arrives too slowly or is too large never reaches a thread;
- a client that reads slowly holds no thread: the next part is made when it has taken the last one.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from kg.store.base import Cancellation
from webapp.answers import AnswerCache, Key, Reply

_log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]

CANCELLATION = "kg.cancellation"
"""Key of the request's ``Cancellation`` in its WSGI environment."""
NOTE = "kg.note"
"""Key of the ``Note`` that an application leaves there about an answer that may be kept."""
HELD_CONTEXT, BEGUN_QUERY = "kg.context", "kg.begun"
"""Keys of what a ``Shortcut`` has in hand when it leaves a request to the application."""
_WATCH_AFTER_S = 0.02
"""From when on a request is watched for its client's leaving: most are answered before."""


class Shortcut(Protocol):
    """Answers some requests in the event loop, where no thread has to be waited for."""

    async def answer(self, environ: dict[str, Any]) -> Reply | None:
        """Return the response, or None where the application has to make it; never blocks."""

    def drop(self, environ: dict[str, Any]) -> None:
        """Free what ``answer`` left in the environment, if the application has not taken it over."""

    def close(self) -> None:
        """Called once, when no request comes any more."""


@dataclass(frozen=True, slots=True)
class _Head:
    status: int
    headers: tuple[tuple[bytes, bytes], ...]


class _Refused(Exception):
    """A request that no thread needs to see; ``status`` says why."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class _Gone(Exception):
    """The client has left, or takes nothing any more."""


class Bridge:
    """An ASGI application around a WSGI one.

    Parameters
    ----------
    application: the WSGI callable.
    threads: requests that it works on at a time; others wait for a thread.
    max_body_bytes: the largest request body.
    patience_s: how long the client may take for the next part of its body, or to take the next part of
        an answer.
    shortcut: is asked before the application.
    cache: is asked before the shortcut.
    """

    def __init__(
        self,
        application: WsgiApplication,
        *,
        threads: int,
        max_body_bytes: int,
        patience_s: float,
        shortcut: Shortcut | None = None,
        cache: AnswerCache | None = None,
    ) -> None:
        self._application = application
        self._cache = cache
        self._shortcut = shortcut
        self._pool = ThreadPoolExecutor(threads, "request")
        self._max_body_bytes = max_body_bytes
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3.0)."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            self._close()
        elif scope["type"] == "http":
            try:
                await self._answer(scope, receive, send)
            except _Refused as refused:
                await _refuse(send, refused)
            except _Gone:
                pass  # to return before the body's end cuts the connection

    def _close(self) -> None:
        """Let what is recorded only now and then be recorded."""
        if self._cache is not None:
            self._cache.tell()
        if self._shortcut is not None:
            self._shortcut.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await self._read_body(scope, receive)
        key = self._cache.make_key(scope, body) if self._cache is not None else None
        reply = self._cache.find(key, scope) if self._cache is not None and key is not None else None
        if reply is None:
            reply = await self._make(scope, body, key, receive, send)
        if reply is not None:
            await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
            await send({"type": "http.response.body", "body": reply.body})

    async def _make(
        self, scope: Scope, body: bytes, key: Key | None, receive: Receive, send: Send
    ) -> Reply | None:
        """Return a reply, or send it in parts and return None."""
        cancellation = Cancellation()
        environ = make_environ(scope, body, cancellation)
        reply = await self._shortcut.answer(environ) if self._shortcut is not None else None
        if reply is not None:
            self._keep(key, reply)
            return reply
        try:
            await self._apply(environ, cancellation, key, receive, send)
        finally:
            if self._shortcut is not None:
                self._shortcut.drop(environ)
        return None

    def _keep(self, key: Key | None, reply: Reply) -> None:
        if self._cache is not None and key is not None:
            self._cache.keep(key, reply)

    async def _apply(
        self,
        environ: dict[str, Any],
        cancellation: Cancellation,
        key: Key | None,
        receive: Receive,
        send: Send,
    ) -> None:
        """Answer by the application, in threads."""
        response = _Response(self._application, environ)
        watch = _Watch(receive, cancellation)
        try:
            chunk = await watch.unless_gone(self._in_thread(response.start))
            head = response.head
            if chunk is not None and response.is_complete:
                self._keep(key, Reply(head.status, head.headers, chunk, environ.get(NOTE)))
            await send({"type": "http.response.start", "status": head.status, "headers": head.headers})
            while chunk is not None and not response.is_complete:
                part = {"type": "http.response.body", "body": chunk, "more_body": True}
                await self._be_patient(send(part))
                chunk = await watch.unless_gone(self._in_thread(response.read))
            await send({"type": "http.response.body", "body": chunk or b""})
        except BaseException:
            cancellation.cancel()
            raise
        finally:
            watch.stop()
            if not response.is_closed:
                await asyncio.shield(self._in_thread(response.close))

    def _in_thread(self, work: Callable[[], Any]) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def _read_body(self, scope: Scope, receive: Receive) -> bytes:
        headers = dict(scope["headers"])
        announced = headers.get(b"content-length", b"")
        if not announced and b"transfer-encoding" not in headers:
            return b""
        if announced.isdigit() and int(announced) > self._max_body_bytes:
            return b""  # the application sees the length, and refuses what is not worth reading
        body = bytearray()
        while True:
            try:
                message = await self._be_patient(receive())
            except _Gone:
                detail = f"The body did not arrive: nothing came for {self._patience_s:g} s."
                raise _Refused(408, detail) from None
            if message["type"] == "http.disconnect":
                raise _Gone
            body += message.get("body", b"")
            # One byte more than is allowed is enough for the application to see that, and to refuse it.
            if not message.get("more_body") or len(body) > self._max_body_bytes:
                return bytes(body[: self._max_body_bytes + 1])

    async def _be_patient(self, step: Awaitable[Any]) -> Any:
        try:
            return await asyncio.wait_for(step, self._patience_s)
        except TimeoutError:
            raise _Gone from None


class _Response:
    """One call of the WSGI application; its methods run in threads, one after the other."""

    def __init__(self, application: WsgiApplication, environ: dict[str, Any]) -> None:
        self._application = application
        self._environ = environ
        self._body: Iterable[bytes] = ()
        self._chunks: Iterator[bytes] = iter(())
        self._length: int | None = None
        self._read = 0
        self.head = _Head(500, ())
        self.is_closed = True

    @property
    def is_complete(self) -> bool:
        """Whether all that was announced has been read."""
        return self._length is not None and self._read >= self._length

    def start(self) -> bytes | None:
        """Call the application; returns the first part of the body, or None for an empty one."""
        self._body = self._application(self._environ, self._start_response)
        self.is_closed = False
        self._chunks = iter(self._body)
        return self.read()

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        pairs = tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers)
        self.head = _Head(int(status[:3]), pairs)
        length = dict(pairs).get(b"content-length")
        self._length = int(length) if length is not None else None
        return lambda data: None  # PEP 3333's old way to write, which nothing here uses

    def read(self) -> bytes | None:
        """Return the next part that holds something, or None at the end."""
        try:
            chunk = next((chunk for chunk in self._chunks if chunk), None)
        except Exception as error:
            if self._read == 0:
                raise  # nothing is on its way yet, so the server still can say that it failed
            _log.warning("An answer was cut off after %d bytes: %s", self._read, error)
            raise _Gone from error
        self._read += len(chunk or b"")
        if chunk is None or self.is_complete:
            self.close()
        return chunk

    def close(self) -> None:
        """Close the body (PEP 3333); nothing happens the second time."""
        if not self.is_closed:
            self.is_closed = True
            if hasattr(self._body, "close"):
                self._body.close()


class _Watch:
    """Watches for the client's leaving, from the moment that an answer takes longer than most."""

    def __init__(self, receive: Receive, cancellation: Cancellation) -> None:
        self._receive = receive
        self._cancellation = cancellation
        self._task: asyncio.Task[None] | None = None

    async def unless_gone(self, work: asyncio.Future[Any]) -> Any:
        """Return what the work returns.

        Raises
        ------
        _Gone: the client left first; the work was told to stop, and has.
        """
        if self._task is None:
            done, _ = await asyncio.wait({work}, timeout=_WATCH_AFTER_S)
            if done:
                return work.result()
            self._task = asyncio.ensure_future(self._wait_for_leaving())
        await asyncio.wait({work, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        self._cancellation.cancel()
        await asyncio.wait({work})
        work.exception()  # whatever it was, nobody is there to see it
        raise _Gone

    async def _wait_for_leaving(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def stop(self) -> None:
        """Watch no longer."""
        if self._task is not None:
            self._task.cancel()


def make_environ(scope: Scope, body: bytes, cancellation: Cancellation) -> dict[str, Any]:
    """Return the WSGI environment of a request (PEP 3333, "environ Variables").

    >>> scope = {"method": "GET", "path": "/id/é", "query_string": b"a=1", "headers": [(b"accept", b"*/*")],
    ...          "http_version": "1.1", "scheme": "http", "client": ("10.0.0.1", 5), "server": ("h", 80)}
    >>> environ = make_environ(scope, b"", Cancellation())
    >>> environ["PATH_INFO"], environ["HTTP_ACCEPT"], environ["REMOTE_ADDR"]
    ('/id/Ã©', '*/*', '10.0.0.1')
    """
    root = scope.get("root_path", "")
    host, port = scope.get("server") or ("localhost", 80)
    client, client_port = scope.get("client") or ("", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": root.encode().decode("latin-1"),
        "PATH_INFO": scope["path"].removeprefix(root).encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "REMOTE_ADDR": client,
        "REMOTE_PORT": str(client_port),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        CANCELLATION: cancellation,
    }
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        text = value.decode("latin-1")
        # A list may come in several lines (RFC 9110, section 5.3); a cookie's lines are joined its own way.
        joint = "; " if key == "HTTP_COOKIE" else ", "
        environ[key] = environ[key] + joint + text if key in environ else text
    return environ


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _refuse(send: Send, refused: _Refused) -> None:
    title = HTTPStatus(refused.status).phrase
    problem = {"type": "about:blank", "title": title, "status": refused.status, "detail": str(refused)}
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"cache-control", b"no-store"),
        (b"access-control-allow-origin", b"*"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(problem).encode()})

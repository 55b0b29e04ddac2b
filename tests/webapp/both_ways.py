"""Requests of a test client through the bridge: what the event loop can answer never comes to a view."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from flask import Flask
from werkzeug.datastructures import Headers

from kg.settings import Settings
from webapp.answers import AnswerCache
from webapp.bridge import Bridge, Message
from webapp.direct import DirectSparql

WAYS = ("view", "bridge")


class ThroughBridge:
    """A WSGI application that plays an ASGI server with a ``Bridge`` behind it.

    ``answered`` counts what was answered before the application was called.
    """

    running: ClassVar[list[ThroughBridge]] = []

    def __init__(self, app: Flask, settings: Settings, cache: AnswerCache | None = None) -> None:
        self.answered = 0
        self.cache = cache or AnswerCache(app.extensions["kg_contexts"].latest, 0)
        self._application = app.wsgi_app
        self._called = False
        self.shortcut = DirectSparql(app.extensions["kg_contexts"], settings)
        self._bridge = Bridge(
            self._call,
            threads=4,
            max_body_bytes=settings.max_query_bytes,
            patience_s=settings.client_patience_s,
            shortcut=self.shortcut,
            cache=self.cache,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.running.append(self)

    def end(self) -> None:
        """Tell metrics and the log what they were not told yet, and stop."""
        self.call_in_loop(self.shortcut.close)
        self.call_in_loop(self.cache.tell)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def forbid_making(self) -> None:
        """From now on a request that is not answered from memory fails."""
        self._bridge._make = None  # type: ignore[assignment, method-assign]

    def call_in_loop(self, work: Callable[[], None]) -> None:
        """Call something where the bridge runs."""

        async def call() -> None:
            work()

        asyncio.run_coroutine_threadsafe(call(), self._loop).result(10)

    def _call(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self._called = True
        return self._application(environ, start_response)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        self._called = False
        coming = asyncio.run_coroutine_threadsafe(self._play(environ), self._loop)
        start, *parts = coming.result(60)
        self.answered += not self._called
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
        start_response(f"{start['status']} {start['status']}", headers)
        return [part["body"] for part in parts]

    async def _play(self, environ: dict[str, Any]) -> list[Message]:
        body, sent = environ["wsgi.input"].read(), list[Message]()

        async def receive() -> Message:
            nonlocal body
            if body is None:
                return await asyncio.Future()
            message, body = {"type": "http.request", "body": body}, None
            return message

        async def send(message: Message) -> None:
            sent.append(message)

        await self._bridge(_to_scope(environ), receive, send)
        return sent


def _to_scope(environ: dict[str, Any]) -> dict[str, Any]:
    headers = [
        (name.lower().encode(), str(value).encode("latin-1")) for name, value in _read_headers(environ)
    ]
    root = environ.get("SCRIPT_NAME", "")
    return {
        "type": "http",
        "method": environ["REQUEST_METHOD"],
        "path": (root + environ["PATH_INFO"]).encode("latin-1").decode(),
        "root_path": root,
        "query_string": environ["QUERY_STRING"].encode("latin-1"),
        "headers": headers,
        "http_version": "1.1",
        "scheme": environ["wsgi.url_scheme"],
        "client": (environ.get("REMOTE_ADDR", ""), 5000),
        "server": (environ["SERVER_NAME"], int(environ["SERVER_PORT"])),
    }


def _read_headers(environ: dict[str, Any]) -> Headers:
    headers = Headers()
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            headers.add(name.removeprefix("HTTP_").replace("_", "-"), value)
        elif name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            headers.add(name.replace("_", "-"), value)
    return headers

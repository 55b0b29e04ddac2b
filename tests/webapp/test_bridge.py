"""What the bridge does with a client: each test plays the ASGI server."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kg.store.base import Cancellation
from webapp.bridge import CANCELLATION, Bridge, Message

Environ = dict[str, Any]
SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/kg/sparql",
    "root_path": "/kg",
    "query_string": b"a=%20",
    "headers": [(b"content-length", b"4"), (b"accept", b"text/csv"), (b"accept", b"*/*;q=0.1")],
    "http_version": "1.1",
    "scheme": "http",
    "client": ("10.0.0.1", 5000),
    "server": ("h", 80),
}
BODY = {"type": "http.request", "body": b"body"}
GONE = {"type": "http.disconnect"}


def run_apart(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run in a thread of its own: a browser of other tests may have a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def play(
    application: Callable[[Environ, Any], Iterable[bytes]],
    messages: Iterable[Message | float] = (BODY,),
    taken_after_s: float = 0.0,
    **scope: Any,
) -> list[Message]:
    """Send messages (a number is a pause) and return what came back; then the client just waits."""
    sent: list[Message] = []
    coming = iter(messages)

    async def receive() -> Message:
        for message in coming:
            if isinstance(message, float):
                await asyncio.sleep(message)
            else:
                return message
        return await asyncio.Future()

    async def send(message: Message) -> None:
        if message.get("more_body"):
            await asyncio.sleep(taken_after_s)
        sent.append(message)

    bridge = Bridge(application, threads=4, max_body_bytes=8, patience_s=0.3)
    run_apart(bridge(SCOPE | scope, receive, send))
    return sent


def say(*parts: bytes, **headers: str) -> Callable[[Environ, Any], Iterable[bytes]]:
    def application(environ: Environ, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [(name.replace("_", "-"), value) for name, value in headers.items()])
        return parts

    return application


def test_an_answer_of_one_part_is_one_message() -> None:
    start, body = play(say(b"hello", Content_Length="5"))
    assert (start["status"], start["headers"]) == (200, ((b"content-length", b"5"),))
    assert body["body"] == b"hello" and not body.get("more_body")


def test_parts_are_sent_as_they_come() -> None:
    _, *bodies = play(say(b"a", b"", b"b"))
    assert [body["body"] for body in bodies] == [b"a", b"b", b""]


def test_the_environment() -> None:
    seen: Environ = {}

    def application(environ: Environ, start_response: Any) -> Iterable[bytes]:
        seen.update(environ)
        start_response("204 No Content", [])
        return []

    play(application)
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["QUERY_STRING"]) == ("/kg", "/sparql", "a=%20")
    assert (seen["CONTENT_LENGTH"], seen["HTTP_ACCEPT"]) == ("4", "text/csv, */*;q=0.1")
    assert seen["wsgi.input"].read() == b"body"


def test_no_part_of_a_large_body_is_taken_for_the_whole() -> None:
    bodies = []

    def application(environ: Environ, start_response: Any) -> Iterable[bytes]:
        bodies.append(environ["wsgi.input"].read())
        start_response("413 Content Too Large", [])
        return []

    parts: list[Message] = [{"type": "http.request", "body": b"12345", "more_body": True}] * 1000
    chunked = [(b"transfer-encoding", b"chunked")]
    play(application, parts, headers=chunked)
    play(application, parts, headers=[(b"content-length", b"5000")])
    assert bodies == [b"123451234", b""], "one byte more than is allowed, or nothing"


def test_a_body_that_does_not_come_is_refused() -> None:
    start, _ = play(say(b"never"), [{"type": "http.request", "body": b"a", "more_body": True}])
    assert start["status"] == 408


def test_a_body_that_fails_is_cut_off() -> None:
    closed = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield b"a"
            raise RuntimeError("the disk is gone")

        def close(self) -> None:
            closed.append(True)

    def application(environ: Environ, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return Body()

    sent = play(application)
    assert [message.get("body") for message in sent[1:]] == [b"a"], "no last part: the server must cut"
    assert closed == [True]


def test_an_application_that_fails_before_its_first_part_is_no_answer() -> None:
    def application(environ: Environ, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        play(application)


def test_a_client_that_leaves_cancels_what_runs_for_it() -> None:
    cancelled = threading.Event()

    def application(environ: Environ, start_response: Any) -> Iterable[bytes]:
        cancellation: Cancellation = environ[CANCELLATION]
        cancellation.on_cancel(cancelled.set)
        assert cancelled.wait(5)
        start_response("503 Service Unavailable", [])
        return []

    started = time.monotonic()
    assert play(application, [BODY, 0.1, GONE]) == []
    assert cancelled.is_set() and time.monotonic() - started < 4


def test_a_client_that_leaves_between_two_parts_closes_the_body() -> None:
    closed = threading.Event()

    class Body:
        def __init__(self, cancellation: Cancellation) -> None:
            self.left = threading.Event()
            cancellation.on_cancel(self.left.set)

        def __iter__(self) -> Iterator[bytes]:
            yield b"a"
            self.left.wait(5)

        def close(self) -> None:
            closed.set()

    def application(environ: Environ, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return Body(environ[CANCELLATION])

    sent = play(application, [BODY, 0.2, GONE])
    assert [message.get("body") for message in sent[1:]] == [b"a"]
    assert closed.is_set()


def test_a_client_that_takes_nothing_is_cut_off() -> None:
    sent = play(say(b"a", b"b"), taken_after_s=2.0)
    assert len(sent) == 1, "the head, and no end"


def test_a_slow_client_holds_no_thread() -> None:
    """More slow clients than threads, and one more is answered at once."""

    async def run() -> float:
        bridge = Bridge(say(b"a", b"b", b"c"), threads=2, max_body_bytes=8, patience_s=5)

        def send_once() -> Callable[[], Awaitable[Message]]:
            rest = [BODY]

            async def receive() -> Message:
                if not rest:
                    await asyncio.Event().wait()  # such a client sends nothing more, and stays
                return rest.pop()

            return receive

        async def take_slowly(message: Message) -> None:
            await asyncio.sleep(1.0 if message.get("more_body") else 0)

        async def take(message: Message) -> None:
            pass

        slow = [asyncio.ensure_future(bridge(dict(SCOPE), send_once(), take_slowly)) for _ in range(10)]
        await asyncio.sleep(0.2)
        started = time.monotonic()
        await bridge(dict(SCOPE), send_once(), take)
        took = time.monotonic() - started
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return took

    assert run_apart(run()) < 0.8

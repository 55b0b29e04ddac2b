"""Whether there is a new release is asked seldom, and known soon."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvloop

from tests.webapp.conftest import MakeRelease
from webapp.latest import Latest, State

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def run(work: Coroutine[Any, Any, None], loop: str) -> None:
    """Run in a loop of a kind, in a thread: tests in a browser keep one in this."""

    def run_here() -> None:
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            runner.run(work)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run_here).result()


@pytest.mark.parametrize("loop", LOOPS)
def test_a_new_release_is_known_after_a_millisecond(loop: str, publish: MakeRelease, tmp_path: Path) -> None:
    async def read_before_and_after() -> None:
        latest = Latest(tmp_path)
        assert latest.read() == ("", 0)
        publish("r1")
        await asyncio.sleep(0.002)
        first, made_at = latest.read()
        assert first.endswith("/r1")
        assert made_at > 0
        publish("r2")
        await asyncio.sleep(0.002)
        assert latest.read()[0].endswith("/r2")

    run(read_before_and_after(), loop)


def test_requests_of_the_same_tick_ask_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    latest, ticks, asked = Latest(tmp_path), iter([7.001, 7.001, 7.001, 7.002, 7.002]), []
    clock = SimpleNamespace(time=lambda: next(ticks))
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: clock)

    def ask() -> State:
        asked.append(1)
        return "releases/r1", len(asked)

    monkeypatch.setattr(latest, "_ask", ask)
    assert [latest.read()[1] for _ in range(5)] == [1, 1, 1, 2, 2]

"""Whether there is a new release is asked seldom, and known soon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.webapp.conftest import MakeRelease
from webapp.latest import Latest, State

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Run in a loop of each kind."""

    def run_(work: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(work)

    return run_


def test_a_new_release_is_known_after_a_millisecond(
    run: Callable[[Coroutine[Any, Any, None]], None], publish: MakeRelease, tmp_path: Path
) -> None:
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

    run(read_before_and_after())


def test_requests_of_one_turn_ask_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def ask(latest: Latest) -> State:
        asked.append(latest)
        return "releases/r1", 1

    async def read_often() -> None:
        latest = Latest(tmp_path)
        assert {latest.read() for _ in range(1000)} == {("releases/r1", 1)}

    monkeypatch.setattr(Latest, "_ask", ask)
    uvloop.run(read_often())
    assert len(asked) == 1

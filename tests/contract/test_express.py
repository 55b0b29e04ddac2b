"""Queries that an event loop asks together: each gets its own answer, whatever becomes of the others."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest

from kg import errors
from kg.formats import CSV
from kg.store.base import Query
from kg.store.embedded import express
from kg.store.embedded.pool import PoolSize
from kg.store.embedded.store import EmbeddedStore

SLOW = "SELECT (COUNT(*) AS ?n) {{ {} }} # {}"
LARGE = "SELECT * {{ {} }} # {}"
DEEP = "ASK {" + "{" * 6000 + "}" * 6000 + "}"
"""A query whose worker dies of it."""
MAX_BYTES = 32 * 1024

Found = TypeVar("Found")


@pytest.fixture(params=[1, 4])
def store(request: pytest.FixtureRequest, store_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(store_path, PoolSize(request.param, 512 * 1024**2, waiting=200, wait_s=20.0))
    yield store
    store.close()


def quick(number: int) -> str:
    return f"SELECT ?n {{ VALUES ?n {{ {number} }} }}"


def slow(number: int) -> str:
    values = " ".join(f"VALUES ?v{name} {{ {'1 ' * 160} }}" for name in "abc")
    return SLOW.format(values, number)


def large(number: int) -> str:
    return LARGE.format(f"VALUES ?a {{ {'1234567 ' * 60} }} VALUES ?b {{ {'1234567 ' * 60} }}", number)


def run_loop(work: Coroutine[Any, Any, Found]) -> Found:
    """Return what a coroutine does; in a thread, since other tests leave an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def ask_all(store: EmbeddedStore, texts: list[str]) -> tuple[list[bytes | type[Exception]], int]:
    """Ask all at once in one event loop; returns answers or errors, and how many came without a thread."""
    quickly = 0

    async def ask(text: str) -> bytes | type[Exception]:
        nonlocal quickly
        begun = store.begin(Query(text, result_formats=(CSV,), client=str(hash(text) % 3)))
        answer = await begun.wait_shortly(MAX_BYTES)
        if answer is not None:
            quickly += 1
            return answer.whole
        try:
            return await asyncio.to_thread(lambda: b"".join(begun.finish()))
        except errors.StoreError as error:
            return type(error)

    async def run() -> list[bytes | type[Exception]]:
        return await asyncio.gather(*map(ask, texts))

    return run_loop(run()), quickly


def expect(text: str) -> bytes | type[Exception]:
    if text == DEEP:
        return errors.QueryTooLarge
    if text == "SELECT":
        return errors.QuerySyntaxError
    if text.startswith("SELECT (COUNT"):
        return b"n\r\n4096000\r\n"
    if text.startswith("SELECT *"):
        return b"a,b\r\n" + b"1234567,1234567\r\n" * 3600
    return f"n\r\n{text.split('{')[2].split()[0]}\r\n".encode()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the loop wait longer: this machine may be slow just now."""
    monkeypatch.setattr(express, "PATIENCE_S", 5.0)
    monkeypatch.setattr(express, "PATIENCE_CPU_S", 5.0)


def wait_for_rest(store: EmbeddedStore) -> None:
    until = time.monotonic() + 10
    while store.read_state().busy or store.read_state().waiting:
        assert time.monotonic() < until, store.read_state()
        time.sleep(0.01)


@pytest.mark.usefixtures("patient")
def test_many_quick_queries(store: EmbeddedStore) -> None:
    texts = [quick(number) for number in range(150)]
    assert ask_all(store, texts) == ([expect(text) for text in texts], 150)
    wait_for_rest(store)


@pytest.mark.parametrize("bad", [slow(0), large(0), DEEP, "SELECT"], ids=["slow", "large", "deep", "syntax"])
def test_one_that_is_different_among_quick_ones(
    store: EmbeddedStore, bad: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves the loop to a thread, and it alone."""
    monkeypatch.setattr(express, "PATIENCE_S", 5.0)
    monkeypatch.setattr(express, "PATIENCE_CPU_S", 0.08)  # the slow one takes several times as much
    texts = [quick(number) for number in range(20)]
    texts.insert(3, bad)
    assert ask_all(store, texts) == ([expect(text) for text in texts], 20)
    wait_for_rest(store)


def test_all_kinds_in_any_order(store: EmbeddedStore) -> None:
    rng = random.Random(7)
    for turn in range(4):
        texts = [quick(1000 * turn + number) for number in range(30)]
        texts += [slow(turn), slow(turn + 100), large(turn), DEEP, "SELECT"]
        rng.shuffle(texts)
        answers, _ = ask_all(store, texts)
        assert answers == [expect(text) for text in texts]
        wait_for_rest(store)


@pytest.mark.usefixtures("patient")
def test_askers_that_leave(store: EmbeddedStore) -> None:
    """The answers to those who have left are nobody else's."""

    async def run() -> list[bytes]:
        tasks = [
            asyncio.create_task(
                store.begin(Query(quick(number), result_formats=(CSV,), client="a")).wait_shortly(MAX_BYTES)
            )
            for number in range(60)
        ]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for task in tasks[::3]:
            task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(answer, asyncio.CancelledError) for answer in answers[::3]] == [True] * 20
        return [answer.whole for answer in answers if isinstance(answer, express.WholeAnswer)]

    assert run_loop(run()) == [expect(quick(number)) for number in range(60) if number % 3]
    wait_for_rest(store)


def test_an_asker_that_leaves_with_its_query(store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that was handed to somebody who is not there any more is not lost."""
    tasks: list[asyncio.Task[express.WholeAnswer | None]] = []
    depart = express.Express._depart

    def depart_and_cancel(line: express.Express) -> None:
        depart(line)
        tasks[0].cancel()

    monkeypatch.setattr(express.Express, "_depart", depart_and_cancel)

    async def run() -> None:
        query = Query(slow(0), result_formats=(CSV,), client="a")
        tasks.append(asyncio.create_task(store.begin(query).wait_shortly(MAX_BYTES)))
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]

    run_loop(run())
    wait_for_rest(store)


@pytest.mark.usefixtures("patient")
def test_threads_have_their_turn(store_path: Path) -> None:
    """A loop that never stops asking gives the only worker to others."""
    store = EmbeddedStore(store_path, PoolSize(1, 512 * 1024**2, waiting=200, wait_s=20.0))
    done = threading.Event()
    answered = 0

    async def ask() -> None:
        nonlocal answered
        while not done.is_set():
            answer = await store.begin(Query("ASK {}", client="a")).wait_shortly(MAX_BYTES)
            assert answer is not None
            answered += 1

    async def ask_much() -> None:
        await asyncio.gather(*(ask() for _ in range(20)))

    loop = threading.Thread(target=lambda: asyncio.run(ask_much()))
    loop.start()
    try:
        asked = 0
        while asked < 20 or answered <= 20:
            assert b"true" in b"".join(store.query(Query("ASK {}", client="b")))
            asked += 1
            assert asked < 10_000, "the loop has no turn"
    finally:
        done.set()
        loop.join()
        store.close()
    assert not loop.is_alive()


class NoWorkers:
    """A pool that has none for anybody."""

    max_waiting, wait_s, closed, has_waiting = 10, 0.4, False, False

    def queue_up(self, ticket: object, *, slow: bool) -> object:
        return ticket

    def redeem(self, ticket: object, cancellation: object, *, slow: bool) -> None:
        raise errors.StoreBusy("All query workers are busy.")


def test_who_came_later_waits_longer() -> None:
    """Only those whose time is over are told so."""

    async def run() -> None:
        line = express.Express(NoWorkers())  # type: ignore[arg-type]
        first = asyncio.create_task(line.ask("a", b"", MAX_BYTES))
        await asyncio.sleep(0.2)
        second = asyncio.create_task(line.ask("a", b"", MAX_BYTES))
        await asyncio.wait({first})
        assert not second.done()
        for task in (first, second):
            with pytest.raises(errors.StoreBusy):
                await task

    run_loop(run())


def test_a_store_that_is_closed(store: EmbeddedStore) -> None:
    """Whoever waits is told, at once."""

    async def run() -> list[errors.StoreError | None]:
        begun = [store.begin(Query(slow(number), client="a")) for number in range(12)]
        waiting = [asyncio.create_task(one.wait_shortly(MAX_BYTES)) for one in begun]
        await asyncio.sleep(0.001)
        store.close()
        await asyncio.gather(*waiting)
        return [await asyncio.to_thread(catch, one) for one in begun]

    def catch(one) -> errors.StoreError | None:  # type: ignore[no-untyped-def]
        try:
            b"".join(one.finish())
        except errors.StoreError as error:
            return error
        return None

    found = run_loop(run())
    assert all(isinstance(error, errors.StoreUnavailable) for error in found), found

"""What the processes that answer queries are started with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from ctypes.util import find_library
from pathlib import Path

import pytest

from kg.release.layout import Release
from kg.store.base import Query
from kg.store.embedded import frames
from kg.store.embedded.nursery import ALLOCATOR, Nursery
from kg.store.embedded.process import WorkerProcess

Start = Callable[[], AbstractContextManager[WorkerProcess]]


@pytest.fixture
def start(mini_release: Release) -> Start:
    @contextmanager
    def start_worker() -> Iterator[WorkerProcess]:
        nursery = Nursery(mini_release.path / "store", 512 * 1024**2, ())
        worker = nursery.start_worker()
        yield worker
        worker.kill()
        nursery.close()

    return start_worker


def read_environment(worker: WorkerProcess) -> dict[str, str]:
    content = Path(f"/proc/{worker.pid}/environ").read_text()
    return dict(pair.split("=", 1) for pair in content.split("\0") if pair)


@pytest.mark.parametrize("given", [None, "", "libm.so.6", "libof-no-machine.so"])
def test_a_worker_knows_an_allocator_and_no_proxy(
    start: Start, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example")
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    if given is not None:
        monkeypatch.setenv("LD_PRELOAD", given)
    with start() as worker:
        environment = read_environment(worker)
    assert environment.keys() == {"LD_PRELOAD", "PYTHONPATH", "LC_ALL"}
    assert environment["LD_PRELOAD"] == (ALLOCATOR if given is None else given)


@pytest.mark.skipif(find_library("jemalloc") != ALLOCATOR, reason=f"{ALLOCATOR} is not installed")
def test_a_worker_uses_the_allocator(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    with start() as worker:
        assert ALLOCATOR in Path(f"/proc/{worker.pid}/maps").read_text()


def test_the_first_query_finds_a_worker_that_has_worked(start: Start) -> None:
    with start() as worker:
        assert worker.receive(time.monotonic() + 30)[0] == frames.READY
        before = count_page_faults(worker)
        worker.send(frames.to_request(Query("SELECT ?s { ?s ?p ?o } LIMIT 1")), time.monotonic() + 30)
        while worker.receive(time.monotonic() + 30)[0] != frames.END:
            pass
        assert count_page_faults(worker) - before < 50  # more than a hundred where it has not


def count_page_faults(worker: WorkerProcess) -> int:
    return int(Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[7])

"""What only the embedded store promises: its worker processes."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kg import errors
from kg.formats import CSV
from kg.store.base import Limits, Query
from kg.store.embedded import EmbeddedStore


@pytest.fixture
def embedded(store_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(store_path, workers=1, max_worker_bytes=512 * 1024**2, queue_s=5.0)
    yield store
    store.close()


def read_children() -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == os.getpid() and b"kg.store.worker" in command:
                found.add(int(entry.name))
    return found


def wait_for_idle(store: EmbeddedStore, count: int) -> None:
    until = time.monotonic() + 10
    while store.count_workers() != (count, 0):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_workers_killed_from_outside_are_replaced(embedded: EmbeddedStore) -> None:
    wait_for_idle(embedded, 2)
    before = read_children()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.05)  # a signal takes a moment; who asks within it is told to try again
    assert b"true" in b"".join(embedded.query(Query("ASK {}")))
    wait_for_idle(embedded, 2)
    assert not before & read_children()


def test_worker_killed_in_the_stream(embedded: EmbeddedStore) -> None:
    values = "{" + " ".join(map(str, range(100))) + "}"
    answer = embedded.query(Query(f"SELECT * {{ VALUES ?a {values} VALUES ?b {values} VALUES ?c {values} }}"))
    for pid in read_children():
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(errors.StoreUnavailable):
        for _ in answer:
            pass


def test_short_answers_free_the_worker_before_they_are_read(embedded: EmbeddedStore) -> None:
    answers = [embedded.query(Query("ASK {}")) for _ in range(20)]
    assert all(b"true" in b"".join(answer) for answer in answers)


def test_a_spare_stands_ready(embedded: EmbeddedStore) -> None:
    wait_for_idle(embedded, 2)
    with pytest.raises(errors.QueryTooLarge):
        embedded.query(Query("SELECT * {" + "{" * 50_000 + "}" * 50_000 + "}"))
    started = time.monotonic()
    b"".join(embedded.query(Query("ASK {}")))
    assert time.monotonic() - started < 0.05


def test_closing_ends_all_processes_and_running_queries(store_path: Path) -> None:
    store = EmbeddedStore(store_path, workers=2, max_worker_bytes=512 * 1024**2, queue_s=1.0)
    values = "{" + " ".join(map(str, range(100))) + "}"
    answer = store.query(Query(f"SELECT * {{ VALUES ?a {values} VALUES ?b {values} VALUES ?c {values} }}"))
    mine = read_children()
    store.close()
    with pytest.raises(errors.StoreUnavailable):
        for _ in answer:
            pass
    with pytest.raises(errors.StoreUnavailable):
        store.query(Query("ASK {}"))
    assert not mine & read_children()
    store.close()


def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(errors.StoreUnavailable):
        EmbeddedStore(tmp_path / "none", workers=1, max_worker_bytes=512 * 1024**2, queue_s=1.0)


def test_workers_end_with_their_parent(store_path: Path) -> None:
    code = (
        "import os, sys, time; from pathlib import Path; from kg.store.embedded import EmbeddedStore\n"
        f"s = EmbeddedStore(Path({str(store_path)!r}), workers=1, max_worker_bytes=2**29, queue_s=1.0)\n"
        "while s.count_workers()[0] < 2: time.sleep(0.01)\n"
        "print(*(w.process.pid for w in s._pool._idle), flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pids = done.stdout.split()
    assert len(pids) == 2, done.stderr
    until = time.monotonic() + 5
    while any(is_running(pid) for pid in pids):
        assert time.monotonic() < until
        time.sleep(0.02)


def is_running(pid: str) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_memory_stays_flat_over_a_large_result(embedded: EmbeddedStore) -> None:
    values = "{" + " ".join(map(str, range(150))) + "}"
    text = f"SELECT * {{ VALUES ?a {values} VALUES ?b {values} VALUES ?c {values} }}"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    limits = Limits(deadline_s=60, max_result_bytes=1024**3)
    size = sum(len(chunk) for chunk in embedded.query(Query(text, result_formats=(CSV,), limits=limits)))
    assert size > 20_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 * 1024, "KiB in this process"

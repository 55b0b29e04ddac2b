"""What only the embedded store promises: its worker processes."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import kg
from kg import errors
from kg.formats import CSV, RESULT_FORMATS
from kg.store.base import Limits, Query, StoreState
from kg.store.embedded import pool
from kg.store.embedded.pool import SPARE_WORKERS, PoolSize
from kg.store.embedded.store import EmbeddedStore

SIZE = PoolSize(workers=1, worker_bytes=512 * 1024**2, wait_s=5.0)


@pytest.fixture
def embedded(store_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(store_path, SIZE)
    yield store
    store.close()


def read_children() -> set[int]:
    """Return the workers: grandchildren of this process, forked by the nurseries of its stores."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    nurseries = {pid for pid, parent in parents.items() if parent == os.getpid()}
    return {pid for pid, parent in parents.items() if parent in nurseries}


def wait_for_idle(store: EmbeddedStore, count: int) -> None:
    until = time.monotonic() + 10
    while (store.read_state().idle, store.read_state().busy) != (count, 0):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_workers_killed_from_outside_are_replaced(embedded: EmbeddedStore) -> None:
    wait_for_idle(embedded, 2)
    before = read_children()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    # A signal takes a moment; who asks within it is told to try again.
    wait_until(lambda: not before & read_children())
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


def test_a_spare_stands_ready(embedded: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next query need not wait until a lost worker is replaced."""
    wait_for_idle(embedded, 2)
    monkeypatch.setattr(embedded._pool, "_start_missing", lambda: None)
    with pytest.raises(errors.QueryTooLarge):
        embedded.query(Query("SELECT * {" + "{" * 50_000 + "}" * 50_000 + "}"))
    assert b"true" in b"".join(embedded.query(Query("ASK {}")))


def test_closing_ends_all_processes_and_running_queries(store_path: Path) -> None:
    store = EmbeddedStore(store_path, PoolSize(workers=2, worker_bytes=512 * 1024**2, wait_s=1.0))
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
        EmbeddedStore(tmp_path / "none", PoolSize(workers=1, worker_bytes=512 * 1024**2, wait_s=1.0))


def test_workers_end_with_their_parent(store_path: Path) -> None:
    code = (
        "import os, sys, time; from pathlib import Path; from kg.store.embedded.store import EmbeddedStore\n"
        "from kg.store.embedded.pool import PoolSize\n"
        f"s = EmbeddedStore(Path({str(store_path)!r}), PoolSize(workers=1, worker_bytes=2**29, wait_s=1.0))\n"
        "while s.read_state().idle < 2: time.sleep(0.01)\n"
        "print(*(w.pid for w in s._pool._idle), flush=True); os.kill(os.getpid(), 9)"
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
    limits = Limits(deadline_s=60, max_result_bytes=1024**3, max_result_rows=10**9)
    size = sum(len(chunk) for chunk in embedded.query(Query(text, result_formats=(CSV,), limits=limits)))
    assert size > 20_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 * 1024, "KiB in this process"


# --- the wall behind the refusal of SERVICE


def test_a_service_that_the_words_do_not_show_meets_the_wall(
    store_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A copy of the code whose reading of the words finds no SERVICE: the kernel ends the worker."""
    code = tmp_path / "code"
    shutil.copytree(Path(kg.__file__).parent, code / "kg")
    tokens = code / "kg/store/tokens.py"
    blind = tokens.read_text(encoding="utf-8").replace("services=tuple(", "services=() and tuple(")
    tokens.write_text(blind, encoding="utf-8")
    monkeypatch.setattr(kg, "__file__", str(code / "kg/__init__.py"))
    with EngineStub() as stub:
        store = EmbeddedStore(store_path, SIZE)
        try:
            for silent in ("", "SILENT "):
                with pytest.raises(errors.QueryRefused):
                    store.query(Query(f"SELECT * {{ SERVICE {silent}<{stub.address}> {{ ?s ?p ?o }} }}"))
            assert b"true" in b"".join(store.query(Query("ASK {}")))
        finally:
            store.close()
        assert stub.requests == []


def test_service_to_what_is_allowed(store_path: Path) -> None:
    with EngineStub() as stub:
        store = EmbeddedStore(store_path, SIZE, (stub.address,))
        try:
            allowed = Query(
                f"SELECT ?x {{ SERVICE <{stub.address}sparql> {{ ?s ?p ?x }} }}", result_formats=(CSV,)
            )
            assert b"".join(store.query(allowed)) == b"x\r\nfrom elsewhere\r\n"
            for target in ("<http://127.0.0.1:1/>", "?g", "<sparql>", "ex:a"):
                text = f"PREFIX ex: <{stub.address}> SELECT * {{ SERVICE {target} {{ ?s ?p ?o }} }}"
                with pytest.raises(errors.QueryRefused, match="may name"):
                    store.query(Query(text))
        finally:
            store.close()
        assert len(stub.requests) == 1


class EngineStub:
    """A SPARQL endpoint with one answer, which remembers who asked."""

    def __enter__(self) -> EngineStub:
        requests: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                requests.append(self.path)
                self.rfile.read(int(self.headers["Content-Length"]))
                body = b'{"head":{"vars":["x"]},"results":{"bindings":['
                body += b'{"x":{"type":"literal","value":"from elsewhere"}}]}}'
                self.send_response(200)
                self.send_header("Content-Type", "application/sparql-results+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.requests = requests
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


# --- lanes, turns, and clients that leave

HUNDRED = "{" + " ".join(map(str, range(100))) + "}"
ENDLESS = " ".join(f"VALUES ?{name} {HUNDRED}" for name in "abcdef")
ENDLESS = f"SELECT (COUNT(*) AS ?n) {{ {ENDLESS} }}"


def endless(number: int) -> str:
    return f"{ENDLESS} # {number}"


@pytest.fixture
def lanes(store_path: Path) -> Iterator[EmbeddedStore]:
    size = PoolSize(workers=4, worker_bytes=512 * 1024**2, waiting=6, wait_s=3.0)
    store = EmbeddedStore(store_path, size)
    yield store
    store.close()


def ask_in_background(store: EmbeddedStore, query: Query) -> Future[object]:
    def ask() -> object:
        try:
            return b"".join(store.query(query))
        except errors.StoreError as error:
            return type(error)

    future: Future[object] = Future()
    threading.Thread(target=lambda: future.set_result(ask()), daemon=True).start()
    return future


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def ask_endlessly(store: EmbeddedStore, client: str, number: int) -> tuple[Query, Future[object]]:
    query = Query(endless(number), limits=Limits(deadline_s=120), client=client)
    return query, ask_in_background(store, query)


def end_all(running: list[tuple[Query, Future[object]]]) -> list[object]:
    for query, _ in running:
        query.cancellation.cancel()
    return [future.result(30) for _, future in running]


def test_slow_queries_leave_two_workers_to_the_quick(lanes: EmbeddedStore) -> None:
    running = [ask_endlessly(lanes, f"10.0.0.{number}", number) for number in range(4)]
    wait_until(lambda: sum(future.done() for _, future in running) == 2)
    assert lanes.read_state().slow == 2
    for _ in range(50):
        assert b"true" in b"".join(lanes.query(Query("ASK {}", client="10.0.0.9")))
        assert lanes.read_state().slow == 2
    ends = end_all(running)
    assert ends.count(errors.QueryCancelled) == ends.count(errors.StoreBusy) == 2


def test_one_client_does_not_get_all_slow_places(lanes: EmbeddedStore) -> None:
    greedy = [ask_endlessly(lanes, "a", number) for number in range(3)]
    wait_until(lambda: sum(future.done() for _, future in greedy) == 2)
    assert lanes.read_state().slow == 1
    other = [ask_endlessly(lanes, "b", 9)]
    wait_until(lambda: lanes.read_state().slow == 2)
    assert end_all(other) == [errors.QueryCancelled]
    ends = end_all(greedy)
    assert (ends.count(errors.QueryCancelled), ends.count(errors.StoreBusy)) == (1, 2)


def test_a_query_that_was_put_back_answers_when_its_turn_comes(lanes: EmbeddedStore) -> None:
    blocking = [ask_endlessly(lanes, "a", 1)]
    wait_until(lambda: lanes.read_state().slow == 1)
    rows = " ".join(f"VALUES ?{name} {HUNDRED}" for name in "abc")
    long = f"SELECT (COUNT(*) AS ?n) {{ {rows} VALUES ?d {{ 1 2 3 4 5 }} }}"
    put_back = ask_in_background(lanes, Query(long, result_formats=(CSV,), client="a"))
    wait_until(lambda: lanes.read_state().waiting == 1)
    end_all(blocking)
    assert put_back.result(30) == b"n\r\n5000000\r\n"


def is_at_rest(store: EmbeddedStore) -> bool:
    state = store.read_state()
    return state.idle >= SPARE_WORKERS and state == StoreState(idle=state.idle, busy=0, slow=0, waiting=0)


def test_workers_come_with_need_and_go_without(lanes: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_until(lambda: is_at_rest(lanes))
    running = [ask_endlessly(lanes, client, 1) for client in "ab"]
    wait_until(lambda: lanes.read_state() == StoreState(idle=SPARE_WORKERS, busy=2, slow=2, waiting=0))
    ends = [future.result(5) for future in [ask_in_background(lanes, Query("ASK {}")) for _ in range(8)]]
    assert not any(isinstance(end, type) for end in ends)
    monkeypatch.setattr(pool, "_UNNEEDED_S", 0.1)
    for blocking in running:
        end_all([blocking])
    wait_until(lambda: lanes.read_state() == StoreState(idle=SPARE_WORKERS, busy=0, slow=0, waiting=0))


def test_too_many_that_wait_are_refused_at_once(lanes: EmbeddedStore) -> None:
    limits = Limits(deadline_s=2)
    queries = [Query(endless(n), limits=limits, client=str(n)) for n in range(40)]
    results = [future.result(30) for future in [ask_in_background(lanes, query) for query in queries]]
    assert set(results) == {errors.QueryTimeout, errors.StoreBusy}
    wait_until(lambda: is_at_rest(lanes))


def test_who_leaves_frees_the_worker(lanes: EmbeddedStore) -> None:
    query = Query(endless(1), limits=Limits(deadline_s=60), client="a")
    running = ask_in_background(lanes, query)
    wait_until(lambda: lanes.read_state().slow == 1)
    query.cancellation.cancel()
    assert running.result(5) is errors.QueryCancelled
    wait_until(lambda: is_at_rest(lanes))


def test_who_leaves_while_waiting_takes_no_worker(store_path: Path) -> None:
    store = EmbeddedStore(store_path, PoolSize(workers=1, worker_bytes=512 * 1024**2, wait_s=20))
    try:
        blocking = Query(endless(1), limits=Limits(deadline_s=60), client="a")
        waiting = Query("ASK {}", client="b")
        futures = [ask_in_background(store, blocking)]
        wait_until(lambda: store.read_state().slow == 1)
        futures.append(ask_in_background(store, waiting))
        wait_until(lambda: store.read_state().waiting == 1)
        waiting.cancellation.cancel()
        assert futures[1].result(5) is errors.QueryCancelled
        blocking.cancellation.cancel()
        assert futures[0].result(5) is errors.QueryCancelled
    finally:
        store.close()


def test_to_cancel_what_has_ended_does_no_harm(lanes: EmbeddedStore) -> None:
    query = Query("ASK {}", client="a")
    assert b"true" in b"".join(lanes.query(query))
    before = read_children()
    query.cancellation.cancel()
    time.sleep(0.05)
    assert before <= read_children()


def test_rows_are_bounded_and_counted(lanes: EmbeddedStore) -> None:
    text = f"SELECT ?a ?b {{ VALUES ?a {HUNDRED} VALUES ?b {HUNDRED} }}"
    for fmt in RESULT_FORMATS:
        answer = lanes.query(Query(text, result_formats=(fmt,), client="a"))
        for _ in answer:
            pass
        assert answer.rows == 10_000
        with pytest.raises(errors.QueryTooLarge, match="9999 rows"):
            for _ in lanes.query(
                Query(text, result_formats=(fmt,), limits=Limits(max_result_rows=9_999), client="a")
            ):
                pass


def test_memory_limit(embedded: EmbeddedStore) -> None:
    many, fewer = "{" + " ".join(map(str, range(999))) + "}", "{" + " ".join(map(str, range(99))) + "}"
    text = f"SELECT * {{ VALUES ?a {many} VALUES ?b {many} VALUES ?c {fewer} }} ORDER BY ?c"
    with pytest.raises(errors.QueryTooLarge):
        b"".join(embedded.query(Query(text, limits=Limits(deadline_s=60))))
    assert b"true" in b"".join(embedded.query(Query("ASK {}")))

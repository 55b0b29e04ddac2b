"""Point queries beside heavy ones, and how soon one is gone that nobody waits for.

Two clients ask joins that take a second, one after the other, each of them new to the server; another asks
point queries from another address, and how long these take is told alone and beside the joins. Then, of ours
only: how soon after its deadline a runaway query is answered and its worker gone, how soon after its client
has left, and what becomes of point queries in a minute in which sixteen clients ask runaway ones only.
"""

from __future__ import annotations

import http.client
import itertools
import os
import socket
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from bench.asking import Client
from bench.graph import Size
from bench.mix import PROLOGUE, SHAPES
from bench.processes import find_family, read_processor_s
from bench.results import OURS, Figures
from bench.servers import Server

HEAVY_CLIENTS, FULL_CLIENTS = 2, 16
SECONDS, FULL_SECONDS = 8.0, 60.0
DEADLINE_S = 1.0
"""Of the runaway queries whose end is measured; those of the full minute have the server's own."""
IDLE_S, IDLE_CORES = 60.0, 0.05
"""How long servers may go on with what nobody waits for, and how many cores those use that do not."""
FEW = 100
"""Answers of which no 99th percentile can be told."""
OTHER_ADDRESS = "127.0.0.2"
JSON = "application/sparql-results+json"
HEAVY = (
    f"{PROLOGUE}SELECT (COUNT(*) AS ?n) {{ ?a org:member ?p . ?b org:member ?p . ?b org:organization ?o . "
    "?c org:organization ?o . ?c org:member ?q . ?d org:member ?q }"
)
RUNAWAY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"


def measure_crowd(servers: list[Server], size: Size, rounds: int) -> tuple[Figures, list[str]]:
    """Return milliseconds by line and server, and what failed."""
    figures: Figures = {}
    remarks: list[str] = []

    def keep(line: str, server: Server, figure: float) -> None:
        figures.setdefault(line, {}).setdefault(server.name, []).append(figure)

    numbers = itertools.count()
    for turn in range(rounds):
        shift = turn % len(servers)
        for server in servers[shift:] + servers[:shift]:
            _rest(remarks)
            for heavy, name in ((0, "alone"), (HEAVY_CLIENTS, f"beside {HEAVY_CLIENTS} heavy joins")):
                with _keep_asking(server, HEAVY, heavy, numbers) as joined:
                    times, failed = _ask_points(server, size, SECONDS, numbers)
                if len(times) < FEW:
                    remarks.append(
                        f"{server.name}: of the point queries {name} only {len(times)} were answered"
                    )
                else:
                    keep(f"point queries {name}, median", server, 1000 * statistics.median(times))
                    keep(f"point queries {name}, 99th percentile", server, 1000 * _find_p99(times))
                if failed:
                    remarks.append(f"{server.name}: of the point queries {name} failed: {_tell(failed)}")
                if heavy and turn == 0:
                    remarks.append(f"{server.name}: heavy joins ended in {_tell(joined)}")
    for server in (server for server in servers if server.name == OURS):
        for _ in range(rounds):
            _rest(remarks)
            for line, figure in _measure_ends(server, numbers):
                keep(line, server, figure)
        with _keep_asking(server, RUNAWAY, FULL_CLIENTS, numbers) as ended:
            times, failed = _ask_points(server, size, FULL_SECONDS, numbers)
        keep("point queries in a minute of runaway ones, 99th percentile", server, 1000 * _find_p99(times))
        told = f"{len(times)} point queries were answered and {sum(failed.values())} failed"
        remarks.append(
            f"{server.name}: in the minute of runaway queries {told}; these ended in {_tell(ended)}"
        )
    return figures, remarks


def _ask_points(
    server: Server, size: Size, seconds: float, numbers: Iterator[int]
) -> tuple[list[float], Counter[str]]:
    """Ask point queries that are new to the server for so long; returns their seconds, and what failed."""
    shapes = [shape for shape in SHAPES.values() if shape.group == "point" and not shape.is_graph]
    client, times, failed = Client(server), list[float](), Counter[str]()
    until = time.monotonic() + seconds
    for turn in itertools.count():
        if time.monotonic() >= until:
            break
        query = f"{shapes[turn % len(shapes)].write(size, turn)} # {next(numbers)}"
        begun = time.perf_counter()
        outcome = _ask(client, query)
        if outcome == "200":
            times.append(time.perf_counter() - begun)
        else:
            failed[outcome] += 1
            client = Client(server)
    client.close()
    return times, failed


@contextmanager
def _keep_asking(server: Server, query: str, clients: int, numbers: Iterator[int]) -> Iterator[Counter[str]]:
    """Let so many clients ask a query, new each time by a comment, until the block ends; yields outcomes."""
    done, outcomes = threading.Event(), Counter[str]()

    def loop() -> None:
        client = Client(server, OTHER_ADDRESS)
        while not done.is_set():
            outcome = _ask(client, f"{query} # {next(numbers)}")
            outcomes[outcome] += 1
            if outcome != "200":
                client = Client(server, OTHER_ADDRESS)
        client.close()

    threads = [threading.Thread(target=loop) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(0.5 if clients else 0.0)
        yield outcomes
    finally:
        done.set()
        for thread in threads:
            thread.join()


def _ask(client: Client, query: str) -> str:
    """Return the status of an answer, or what kept it from coming."""
    try:
        return str(client.send(query, JSON)[0])
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__


def _tell(outcomes: Counter[str]) -> str:
    return ", ".join(f"{outcome} ({times})" for outcome, times in sorted(outcomes.items()))


def _find_p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[98]


def _rest(remarks: list[str]) -> None:
    """Wait until no server works any more: some go on with a query for long after its client has left."""
    until = time.monotonic() + IDLE_S
    while (used := _measure_work(1.0)) > IDLE_CORES:
        if time.monotonic() > until:
            remarks.append(f"{IDLE_S:.0f} s after they were last asked servers still used {used:.2f} cores")
            return


def _measure_work(seconds: float) -> float:
    """Return how many cores all servers use."""
    before = _read_processor_times(os.getpid())
    time.sleep(seconds)
    after = _read_processor_times(os.getpid())
    return sum(after[pid] - before.get(pid, after[pid]) for pid in after) / seconds


# --- how soon a query is gone


def _measure_ends(server: Server, numbers: Iterator[int]) -> Iterator[tuple[str, float]]:
    """Yield milliseconds from a deadline to the answer, and from both kinds of end to the worker's."""
    hasty = replace(server, parameters=(*server.parameters, ("timeout", str(DEADLINE_S))))
    with _watch_worker(hasty, f"{RUNAWAY} # {next(numbers)}") as (connection, gone, begun):
        connection.recv(1)
        yield "answer to a runaway query, after its deadline", 1000 * (time.monotonic() - begun - DEADLINE_S)
        yield "end of its worker, after its deadline", 1000 * (gone() - begun - DEADLINE_S)
    with _watch_worker(server, f"{RUNAWAY} # {next(numbers)}") as (connection, gone, _):
        connection.close()
        left = time.monotonic()
        yield "end of its worker, after its client has left", 1000 * (gone() - left)


@contextmanager
def _watch_worker(server: Server, query: str) -> Iterator[tuple[socket.socket, Callable[[], float], float]]:
    """Send a query and find its worker; yields the connection, what waits for its end, and when all began."""
    assert server.pid is not None
    begun = time.monotonic()
    connection = _send(server, query)
    time.sleep(0.5)
    before = _read_processor_times(server.pid)
    time.sleep(0.2)
    after = _read_processor_times(server.pid)
    worker = max(after, key=lambda pid: after[pid] - before.get(pid, after[pid]))

    def wait() -> float:
        while Path("/proc", str(worker)).exists() and not _is_zombie(worker):
            time.sleep(0.001)
        return time.monotonic()

    with connection:
        yield connection, wait, begun


def _send(server: Server, query: str) -> socket.socket:
    parts = urlsplit(server.url)
    assert parts.hostname and parts.port
    connection = socket.create_connection((parts.hostname, parts.port))
    target = f"{parts.path}?{urlencode([*server.parameters, ('query', query)])}"
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: {JSON}\r\n\r\n".encode())
    return connection


def _read_processor_times(top: int) -> dict[int, float]:
    """Return the processor time, in seconds, of a process and of each below it."""
    return {pid: read_processor_s(pid) for pid in find_family(top)}


def _is_zombie(pid: int) -> bool:
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True

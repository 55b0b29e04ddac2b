"""Queries and clients that mean to bring a server down: each gets a clear answer or a closed connection.

After all of them the server is as it was: its workers are there, and its memory is given back. Bounded in
time and count; ``bench/soak.py`` does the same for as long as one likes.
"""

from __future__ import annotations

import http.client
import json
import os
import resource
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from bench.hostile import DATA, QUERIES, product
from kg.store.embedded.pool import SPARE_WORKERS
from tests.webapp.conftest import make_release
from tests.webapp.running import get, run_server


@dataclass
class Running:
    port: int
    pid: int


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    var = tmp_path_factory.mktemp("hostile")
    make_release(var, "r1", DATA)
    settings = {
        "query_workers": 4,
        "query_timeout_s": 1.5,
        "query_queue_s": 2.0,
        "max_worker_bytes": 256 * 1024**2,
        "max_result_rows": 100_000,
        "max_query_bytes": 2_000_000,
        "client_patience_s": 1.5,
    }
    with run_server(var, **settings) as port:
        get(port, "/sparql?query=ASK%7B%7D")
        yield Running(port, find_server_process(port))


def find_server_process(port: int) -> int:
    """Return the process that answers: the parent of the nursery of this server's workers."""
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes()
            if b"kg.store.embedded.nursery" in command and b"/hostile" in command:
                return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
    raise AssertionError(f"no server at {port} has workers")


def read_memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) * 1024


def post(port: int, query: str | bytes, address: str = "127.0.0.1") -> tuple[int, bytes]:
    """Ask from an address of this machine, as clients at different places would."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(address, 0))
    headers = {"Content-Type": "application/sparql-query", "Accept": "text/csv, text/turtle;q=0.5"}
    body = query if isinstance(query, bytes) else query.encode()
    try:
        connection.request("POST", "/sparql", body, headers)
        with connection.getresponse() as response:
            return response.status, response.read()
    finally:
        connection.close()


def read_gauges(port: int) -> dict[str, float]:
    lines = get(port, "/metrics")[1].decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("kg_store_queries{"))
    return {name.split('"')[1]: float(value) for name, value in pairs}


def assert_well(server: Running) -> None:
    """Quick queries answer, and after a moment all workers are idle again."""
    until = time.monotonic() + 20
    while True:
        status, body = post(server.port, "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")
        gauges = read_gauges(server.port)
        at_rest = gauges["busy"] == gauges["waiting"] == 0 and gauges["idle"] >= SPARE_WORKERS
        if status == 200 and body == b"n\r\n720\r\n" and at_rest:
            return
        assert time.monotonic() < until, (status, body, read_gauges(server.port))
        time.sleep(0.1)


@pytest.mark.parametrize("name", QUERIES)
def test_each_ends_in_a_clear_answer(server: Running, name: str) -> None:
    query, statuses = QUERIES[name]
    try:
        status, body = post(server.port, query)
    except http.client.IncompleteRead:
        status, body = 422, b'{"detail": "cut off in the middle, which the client sees"}'
    except (BrokenPipeError, ConnectionResetError):
        status, body = 413, b'{"detail": "closed while the client was still sending"}'
    assert status in statuses, (status, body[:300])
    if status != 200:
        assert json.loads(body)["detail"]
    assert post(server.port, "ASK {}") == (200, b"true")


@pytest.mark.parametrize("body", [b"\xff\xfe SELECT", b"SELECT * { ?s ?p '\xc3\x28' }", b"\x00" * 1000])
def test_bytes_that_are_no_text(server: Running, body: bytes) -> None:
    status, answer = post(server.port, body)
    assert status == 400
    assert json.loads(answer)["detail"]


def test_quick_queries_answer_while_all_kinds_of_others_run(server: Running) -> None:
    before = read_memory(server.pid)
    stop = threading.Event()
    statuses: list[int] = []

    def attack(number: int) -> None:
        queries = [query for query, _ in QUERIES.values() if len(query) < 300_000]
        while not stop.is_set():
            number += 1
            try:
                statuses.append(post(server.port, f"{queries[number % len(queries)]} # {number}")[0])
            except (http.client.HTTPException, OSError):
                statuses.append(0)

    with ThreadPoolExecutor(8) as pool:
        attackers = [pool.submit(attack, 1000 * n) for n in range(8)]
        quick = []
        until = time.monotonic() + 12
        while time.monotonic() < until:
            quick.append(post(server.port, "ASK {}", "127.0.0.2")[0])
            time.sleep(0.05)
        stop.set()
        for attacker in attackers:
            attacker.result(60)
    answered = quick.count(200)
    assert 500 not in statuses, "nothing that a client does is a fault of the server"
    assert answered >= 0.9 * len(quick), (
        f"{answered} of {len(quick)} quick queries, beside {len(statuses)} others"
    )
    assert_well(server)
    assert read_memory(server.pid) - before < 60 * 1024**2


def test_clients_that_leave(server: Running) -> None:
    query = urlencode({"query": f"SELECT (COUNT(*) AS ?n) {{ {product('abcdef')} }}", "timeout": "60"})
    for number in range(30):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(f"GET /sparql?{query}%23{number} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            time.sleep(0.05)
    assert_well(server)


def test_clients_that_send_slowly_or_nothing(server: Running) -> None:
    started = time.monotonic()
    beginnings = [
        b"",
        b"GET /sp",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: ",
        b"POST /sparql HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n"
        b"Content-Type: application/sparql-query\r\n\r\nASK",
    ]
    clients = []
    for beginning in beginnings * 20:
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(beginning)
        clients.append((beginning, client))
    assert post(server.port, "ASK {}") == (200, b"true")
    for beginning, client in clients:
        client.settimeout(15)
        answer = client.recv(4096)
        assert answer == b"" or answer.startswith((b"HTTP/1.1 408", b"HTTP/1.1 400")), (beginning, answer)
        client.close()
    assert time.monotonic() - started < 15
    assert_well(server)


def test_clients_that_read_slowly_keep_no_worker(server: Running) -> None:
    query = urlencode({"query": f"SELECT * {{ {product('abc')} }} LIMIT 90000", "format": "csv"})
    clients = []
    for _ in range(20):
        client = socket.create_connection(("127.0.0.1", server.port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(f"GET /sparql?{query} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        clients.append(client)
    time.sleep(0.5)
    assert post(server.port, "ASK {}", "127.0.0.2") == (200, b"true")
    assert_well(server)
    for client in clients:
        client.close()


def test_thousands_of_connections(server: Running) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(2000, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, wanted + 200)), hard))
    before = read_memory(server.pid)
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(wanted)]
    try:
        assert post(server.port, "ASK {}") == (200, b"true")
        for client in clients[::10]:
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        for client in clients[::10]:
            client.settimeout(20)
            assert client.recv(15) in (b"HTTP/1.1 200 OK", b"")
    finally:
        for client in clients:
            client.close()
    assert_well(server)
    assert read_memory(server.pid) - before < 60 * 1024**2


def test_workers_killed_from_outside(server: Running) -> None:
    for _ in range(3):
        nursery = find_children(server.pid)
        for pid in [worker for parent in nursery for worker in find_children(parent)]:
            os.kill(pid, 9)
        assert_well(server)
    for pid in find_children(server.pid):
        os.kill(pid, 9)
    assert_well(server)


def find_children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]

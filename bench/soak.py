"""Hostile load for as long as one likes: ``python -m bench.soak --minutes 60``.

Starts a server over a small release, sends it the queries of ``bench.hostile`` from several addresses of this
machine, with clients that leave, read slowly or send half a request among them; asks quick queries from
another address, and reads pages and data from a third. Prints, each minute and at the end: how the hostile
ended, how long the quick took, the memory of all processes of the server, its open files, and its workers.
Asserts nothing; a person judges.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlencode

from bench.hostile import QUERIES
from bench.processes import count_files, find_family, read_memory

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Run the soak."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--attackers", type=int, default=8)
    parser.add_argument("--port", type=int, default=8123)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as var:
        server = start_server(Path(var), options.port)
        try:
            soak(server.pid, options.port, Path(var), options.attackers, options.minutes * 60)
        finally:
            server.terminate()
            server.wait(30)


def start_server(var: Path, port: int) -> subprocess.Popen[bytes]:
    """Serve the sources of this checkout and wait until it is ready."""
    command = [sys.executable, "-m", "kg", "--var", str(var), "serve", "--port", str(port)]
    environment = os.environ | {"KG_QUERY_TIMEOUT_S": "5", "KG_CLIENT_PATIENCE_S": "5"}
    server = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for _ in range(600):
        try:
            if send(port, "GET", "/readyz")[0] == 200:
                return server
        except OSError:
            pass
        time.sleep(0.2)
    raise SystemExit("the server did not become ready")


def soak(pid: int, port: int, var: Path, attackers: int, seconds: float) -> None:
    """Attack, and print what is seen each minute."""
    stop, outcomes, quick = threading.Event(), Counter[str](), list[float]()
    threads = [
        threading.Thread(target=attack, args=(port, number, stop, outcomes), daemon=True)
        for number in range(attackers)
    ]
    threads.append(threading.Thread(target=ask_quickly, args=(port, stop, outcomes, quick), daemon=True))
    threads.append(threading.Thread(target=read_pages, args=(port, var, stop, outcomes), daemon=True))
    for thread in threads:
        thread.start()
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        stop.wait(min(60.0, left))
        report(pid, port, outcomes, quick)
        quick.clear()
    stop.set()
    for thread in threads:
        thread.join(60)
    time.sleep(10)
    print("at rest:")
    report(pid, port, outcomes, quick)


def attack(port: int, number: int, stop: threading.Event, outcomes: Counter[str]) -> None:
    """Do harm from an address of one's own until told to stop."""
    chance, address = random.Random(number), f"127.0.1.{number + 1}"
    while not stop.is_set():
        name = chance.choice(list(QUERIES))
        query, expected = QUERIES[name]
        try:
            if chance.random() < 0.2:
                misbehave(port, address, f"{query} # {chance.random()}", chance)
                outcomes["misbehaved"] += 1
                continue
            status, _ = send(port, "POST", "/sparql", f"{query} # {chance.random()}", address)
            fits = status in (*expected, 503)
            outcomes[str(status) if fits else f"UNEXPECTED {status} to {name}"] += 1
        except (http.client.HTTPException, OSError) as error:
            outcomes[type(error).__name__] += 1


def misbehave(port: int, address: str, query: str, chance: random.Random) -> None:
    """Send half a request, leave in the middle, or read a little and very slowly."""
    target = f"/sparql?{urlencode({'query': query[:4000], 'format': 'csv'})}"
    with socket.create_connection(("127.0.0.1", port), source_address=(address, 0)) as client:
        request = f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode()
        client.sendall(request[: chance.choice([5, 100, len(request)])])
        client.settimeout(1)
        time.sleep(chance.random())
        if chance.random() < 0.5:
            client.recv(10)


def ask_quickly(port: int, stop: threading.Event, outcomes: Counter[str], seconds: list[float]) -> None:
    """Ask for little, often, as a well-behaved client."""
    while not stop.is_set():
        started = time.monotonic()
        try:
            status, _ = send(port, "POST", "/sparql", "SELECT ?s { ?s ?p ?o } LIMIT 5", "127.0.2.1")
        except (http.client.HTTPException, OSError) as error:
            outcomes[f"quick {type(error).__name__}"] += 1
            continue
        seconds.append(time.monotonic() - started)
        outcomes[f"quick {status}"] += 1
        time.sleep(0.02)


def read_pages(port: int, var: Path, stop: threading.Event, outcomes: Counter[str]) -> None:
    """Read pages and data of all things, one after the other, as a crawler does."""
    slugs = [
        line[3:] for line in (var / "current" / "iris.txt").read_text().split() if line.startswith("id/")
    ]
    while not stop.is_set():
        for path in (form.format(slug) for slug in slugs for form in ("/page/{}", "/data/{}.ttl")):
            if stop.wait(0.02):
                return
            try:
                outcomes[f"page {send(port, 'GET', path, address='127.0.2.2')[0]}"] += 1
            except (http.client.HTTPException, OSError) as error:
                outcomes[f"page {type(error).__name__}"] += 1


def send(
    port: int, method: str, path: str, query: str | None = None, address: str = "127.0.0.1"
) -> tuple[int, bytes]:
    """Send one request and return status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=(address, 0))
    try:
        headers = {"Content-Type": "application/sparql-query", "Accept": "text/csv, text/turtle;q=0.5"}
        connection.request(method, path, query.encode() if query is not None else None, headers)
        with connection.getresponse() as response:
            return response.status, response.read()
    finally:
        connection.close()


def report(pid: int, port: int, outcomes: Counter[str], quick: list[float]) -> None:
    """Print a line of figures and the outcomes so far."""
    family = find_family(pid)
    memory = sum(read_memory(member) for member in family) / 1024**2
    files = sum(count_files(member) for member in family)
    times = sorted(quick) or [0.0]
    median, late = statistics.median(times), times[int(0.99 * (len(times) - 1))]
    lines = send(port, "GET", "/metrics")[1].decode().splitlines()
    state = " ".join(
        line.removeprefix("kg_store_queries") for line in lines if line.startswith("kg_store_queries")
    )
    print(
        f"{time.strftime('%H:%M:%S')} {len(family)} processes, {memory:.0f} MB (proportional), {files} files;"
        f" quick: median {median * 1000:.1f} ms, 99th {late * 1000:.1f} ms of {len(quick)}; {state}"
    )
    print("   ", ", ".join(f"{name}: {count}" for name, count in sorted(outcomes.items())), flush=True)


if __name__ == "__main__":
    main()

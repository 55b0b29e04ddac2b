"""Memory and files of a server in an hour of the mix: ``python -m bench.steady --minutes 60``.

Asks the queries of ``bench.mix`` with ever new parameters, and now and then pages and data of people, at a
rate at which the server is not busy, and prints each minute what all its processes hold. Asserts nothing; a
person judges.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import os
import tempfile
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from bench.asking import Client
from bench.graph import Size
from bench.mix import SHAPES
from bench.processes import count_files, find_family, read_memory
from bench.run import prepare_graph
from bench.servers import Server, serve_ours

ACCEPT = "application/sparql-results+json, text/turtle"


def main() -> None:
    """Serve, ask and tell."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--triples", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second (20)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kg-bench-") as folder:
        graph = prepare_graph(Path(folder), asked.triples)
        with serve_ours(graph.parent / "ours", graph) as server:
            print("| minute | requests | failed | MB, proportional | files | processes |")
            print("|---|---|---|---|---|---|")
            ask_steadily(server, Size(asked.triples), asked.minutes * 60, asked.rate)


def ask_steadily(server: Server, size: Size, seconds: float, rate: float) -> None:
    """Send a request each ``1 / rate`` seconds, and print a line a minute."""
    client, outcomes = Client(server), Counter[bool]()
    shapes = itertools.cycle(SHAPES.values())
    begun = time.monotonic()
    for number in itertools.count():
        due = begun + number / rate
        if due >= begun + seconds:
            break
        time.sleep(max(0.0, due - time.monotonic()))
        if number % (60 * rate) == 0:
            tell(round(number / rate / 60), outcomes)
        try:
            is_page = number % 5 == 0
            path = ("/page/person-{}", "/data/person-{}.ttl")[number // 5 % 2].format(number % size.people)
            status = (
                read(server, path) if is_page else client.send(next(shapes).write(size, number), ACCEPT)[0]
            )
        except (OSError, http.client.HTTPException):
            status, client = 0, Client(server)
        outcomes[status == 200] += 1
    tell(round(seconds / 60), outcomes)
    time.sleep(90)  # spare workers end when they have not been needed for a minute
    tell(round(seconds / 60) + 1, outcomes)


def read(server: Server, path: str) -> int:
    """Return the status of a page."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    connection.request("GET", path, headers={"Accept": "text/html, text/turtle;q=0.9"})
    with connection.getresponse() as response:
        response.read()
        return response.status


def tell(minute: int, outcomes: Counter[bool]) -> None:
    """Print what the processes of the server hold."""
    family = find_family(os.getpid())[1:]
    memory = sum(map(read_memory, family)) / 1024**2
    files = sum(map(count_files, family))
    cells = (minute, outcomes.total(), outcomes[False], f"{memory:.0f}", files, len(family))
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main()

"""Measures entity pages, how soon a server answers, and what it takes at rest: ``python -m bench.pages``.

Each round asks for things that nobody asked for before in this process: people, and the hub that everyone
took part in. In the process, what is told is the time of the processor from the request to the last byte of
the body, packed as browsers take it; over HTTP it is time on the clock. A start is from the command to the
first answer; memory is that of all processes of a server at rest, what they share counted once.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from werkzeug.test import EnvironBuilder, run_wsgi_app

from bench.graph import BASE, Size
from bench.processes import find_family, read_memory, read_processor_s
from bench.report import render_result, write_page
from bench.results import OURS, Figures, Result, write_result
from bench.run import prepare_graph
from bench.servers import ROOT, describe_machine, prepare_release
from kg.settings import Settings
from tests.engines.process import find_free_port
from webapp.app import create_app

PAGES, STARTS = 40, 3
"""Pages of a kind in a round; starts of a server."""
REST_S = 5.0
HEADERS = {"Accept-Encoding": "gzip, br, zstd", "Accept-Language": "en"}
HUB = "edition-0"
FORMS = {"page": "/page/{}", "Turtle": "/data/{}.ttl", "JSON-LD": "/data/{}.jsonld"}

Ask = Callable[[], None]
Prepare = Callable[[str], Ask]
"""Makes a request for a path ready; only what comes after is measured."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark at each size and print what came out; keep it where that is asked for."""
    parser = argparse.ArgumentParser(
        prog="bench.pages", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--triples", type=int, nargs="+", default=[100_000], help="sizes (100000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, after one that warms up (5)")
    parser.add_argument("--keep", type=Path, help="folder for the graphs and the releases")
    parser.add_argument("--write", action="store_true", help="keep the results and write docs/performance.md")
    asked = parser.parse_args(arguments)
    with ExitStack() as stack:
        folder = asked.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kg-bench-")))
        for triples in asked.triples:
            result = measure(folder.absolute(), triples, asked.rounds)
            print("\n".join(render_result(result)), flush=True)
            if asked.write:
                write_result(result)
    if asked.write:
        write_page()


def measure(folder: Path, triples: int, rounds: int) -> Result:
    """Measure at one size; builds the release unless the folder has it."""
    var = prepare_var(folder, triples)
    machine = describe_machine()
    figures = measure_in_process(var, Size(triples), rounds)
    figures |= measure_server(var, Size(triples), rounds)
    remarks = [
        f"{PAGES} things of a kind in each of {rounds} rounds; what is told is the median of each round",
        f"the page of a person shows {count_facts(var, Size(triples))} facts with evidence in the median",
    ]
    machine = f"{machine} at the start, {describe_machine()} at the end"
    return Result("pages", triples, f"{datetime.now(UTC):%Y-%m-%d}", machine, "", figures, {}, remarks)


def prepare_var(folder: Path, triples: int) -> Path:
    """Return the folder of releases for a graph of a size."""
    graph = prepare_graph(folder, triples)
    prepare_release(graph.with_name("ours"), graph)
    return graph.with_name("ours") / "var"


def measure_in_process(var: Path, size: Size, rounds: int) -> Figures:
    """Return milliseconds of the processor, by form of the document."""
    app = create_app(Settings(var=str(var), base_iri=BASE, query_workers=1))

    def prepare(path: str) -> Ask:
        environ = EnvironBuilder(path, headers=HEADERS).get_environ()

        def ask() -> None:
            _, status, _ = run_wsgi_app(app.wsgi_app, environ, buffered=True)
            if not status.startswith("200"):
                raise RuntimeError(f"{path}: {status}")

        return ask

    try:
        return _measure_forms(prepare, size, rounds, "processor ms", time.thread_time)
    finally:
        app.extensions["kg_contexts"].close()


def count_facts(var: Path, size: Size) -> int:
    """Return how many facts the page of a person shows with their evidence, in the median."""
    app = create_app(Settings(var=str(var), base_iri=BASE, query_workers=1))
    try:
        people = random.Random(size.people).sample(range(size.people), k=min(PAGES, size.people))
        pages = (app.test_client().get(f"/page/person-{number}").text for number in people)
        return round(statistics.median(page.count('<details class="evidence"') for page in pages))
    finally:
        app.extensions["kg_contexts"].close()


def measure_server(var: Path, size: Size, rounds: int) -> Figures:
    """Return milliseconds over HTTP by form of the document, seconds to start, and megabytes at rest."""
    names = ("start to the first answer, s", "start, processor s", "memory at rest, MB")
    clocked, worked, rested = list[float](), list[float](), list[float]()
    figures: Figures = {}
    for turn in range(STARTS):
        port = find_free_port()
        begun = time.monotonic()
        server = start(var, port)
        try:
            _wait(port)
            clocked.append(time.monotonic() - begun)
            worked.append(sum(map(read_processor_s, find_family(server.pid))))
            time.sleep(REST_S)
            rested.append(sum(map(read_memory, find_family(server.pid))) / 1024**2)
            if turn == 0:
                figures |= _measure_forms(_connect(port), size, rounds, "ms over HTTP", time.monotonic)
        finally:
            server.terminate()
            server.wait(30)
    told = zip(names, (clocked, worked, rested), strict=True)
    return figures | {name: {OURS: measured} for name, measured in told}


def start(var: Path, port: int) -> subprocess.Popen[bytes]:
    """Start a server over a release."""
    command = [sys.executable, "-m", "kg", "--var", str(var), "serve", "--no-build", "--port", str(port)]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"KG_BASE_IRI": BASE},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _wait(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.01)
        finally:
            connection.close()
    raise RuntimeError("the server did not start")


def _connect(port: int) -> Prepare:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(path: str) -> None:
        connection.request("GET", path, headers=HEADERS)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")

    return lambda path: partial(ask, path)


def _measure_forms(
    prepare: Prepare, size: Size, rounds: int, unit: str, clock: Callable[[], float]
) -> Figures:
    count = min(PAGES, size.people // (len(FORMS) * (rounds + 1)))
    people = random.Random(size.triples).sample(range(size.people), k=count * len(FORMS) * (rounds + 1))
    figures: Figures = {}
    for form, path in FORMS.items():
        paths = [path.format(f"person-{people.pop()}") for _ in range(count * (rounds + 1))]
        figures[f"{form} of a person, {unit}"] = {OURS: _time(prepare, paths, rounds, clock)}
        hub = [path.format(HUB)] * (rounds + 1)
        figures[f"{form} of a hub, {unit}"] = {OURS: _time(prepare, hub, rounds, clock)}
    return figures


def _time(prepare: Prepare, paths: list[str], rounds: int, clock: Callable[[], float]) -> list[float]:
    """Return the median of each round but the first, in milliseconds."""
    length = len(paths) // (rounds + 1)
    medians = []
    for turn in range(rounds + 1):
        times = []
        for path in paths[turn * length : (turn + 1) * length]:
            ask = prepare(path)
            begun = clock()
            ask()
            times.append((clock() - begun) * 1000)
        medians.append(statistics.median(times))
    return medians[1:]


if __name__ == "__main__":
    main()

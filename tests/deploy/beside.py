"""``python -m tests.deploy.beside``: the service over an engine, beside the service over its own store.

Sources of a size are built into a release, which goes by ``kg publish`` into each engine that is installed;
then ``kg serve`` runs over each, and over the release itself, all at once and idle but for the one that is
asked. They are asked in turn, another first in each round, so that what else the machine does meets all
alike: ratios tell more than figures. About ten minutes with the defaults; needs wrk and nginx.
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from bench.graph import BASE, Size
from bench.load import drive, make_paths, measure_load
from bench.report import render_result
from bench.results import OURS, Figures, Result
from bench.servers import Server, describe_machine
from bench.sources import write_sources
from tests.deploy.cluster import start_nginx
from tests.deploy.measure import KG, serving
from tests.engines import Missing
from tests.engines.process import Engine, find_free_port, find_program
from tests.engines.start import start_fuseki, start_oxigraph, start_virtuoso

ENGINES = {
    "Oxigraph server": start_oxigraph,
    "Virtuoso": start_virtuoso,
    "Fuseki": start_fuseki,
    "Fuseki, union as default graph": partial(start_fuseki, has_union=True),
}
ASKED = 40
"""Pages, and queries, of a round; each is asked for once."""
CONNECTIONS = 8
KEPT = "/page/person-0"
SECONDS = 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--triples", type=int, default=100_000, help="about so many (100000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds that count, after one (3)")
    asked = parser.parse_args()
    before = describe_machine()
    with tempfile.TemporaryDirectory(prefix="kg-beside-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o711)  # nginx's workers may be another user's
        var = build(folder, asked.triples)
        servers = [serve(stack, folder, var, OURS)]
        remarks = []
        for engine in ENGINES:
            try:
                servers.append(serve(stack, folder, var, engine))
            except Missing as error:
                remarks.append(f"{engine} is left out: {error}")
        figures: Figures = {}
        for part, failed in measure(stack, folder, servers, Size(asked.triples), asked.rounds):
            print(
                "\n".join([*map(str, part.items()), *failed]), file=sys.stderr, flush=True
            )  # that something is going on
            figures |= part
            remarks += failed
    machine = f"{before} at the start, {describe_machine()} at the end"
    result = Result(
        "beside",
        asked.triples,
        f"{datetime.now(UTC):%Y-%m-%d}",
        machine,
        "its own store",
        figures,
        {server.name: server.load_s for server in servers[1:]},
        remarks,
    )
    print("\n".join(render_result(result)))


def build(folder: Path, triples: int) -> Path:
    """Build a release of generated sources; returns the folder of releases."""
    write_sources(folder / "sources", triples)
    var = folder / "var"
    run_kg(["--sources", str(folder / "sources"), "--var", str(var), "build"])
    return var


def run_kg(arguments: list[str], environment: dict[str, str] | None = None) -> None:
    """Run a command of ours; raises ``RuntimeError`` with what it said."""
    named = os.environ | {"KG_BASE_IRI": BASE} | (environment or {})
    done = subprocess.run([KG, *arguments], env=named, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"kg {' '.join(arguments)}: {(done.stdout + done.stderr)[-1000:]}")


def serve(stack: ExitStack, folder: Path, var: Path, name: str) -> Server:
    """Serve the release from its own store, or from an engine that it is published to before."""
    environment, load_s = {}, 0.0
    if name != OURS:
        data = folder / name.replace(" ", "-").replace(",", "")
        data.mkdir()
        environment = name_engine(stack.enter_context(ENGINES[name](data)))
        begun = time.monotonic()
        run_kg(["--var", str(var), "publish"], environment)
        load_s = time.monotonic() - begun
    port = find_free_port()
    settings = {"KG_BASE_IRI": BASE, "KG_PROCESSES": "2", **environment}
    stack.enter_context(serving(var, port, folder / "kg.log", **settings))
    return Server(name, f"http://127.0.0.1:{port}/sparql", load_s)


def name_engine(engine: Engine) -> dict[str, str]:
    """Return the settings for an engine."""
    return {
        "KG_STORE": engine.query_url,
        "KG_STORE_PROFILE": engine.profile,
        "KG_STORE_USER": engine.user,
        "KG_STORE_PASSWORD": engine.password,
    }


def measure(
    stack: ExitStack, folder: Path, servers: list[Server], size: Size, rounds: int
) -> Iterator[tuple[Figures, list[str]]]:
    """Yield figures, by what was asked and of whom, and what failed, part by part."""
    count = ASKED * (rounds + 1)
    pages = [f"/page/person-{number}" for number in range(min(count, size.people))]
    queries = {server.name: make_paths(server, size, 0, "cold")[:count] for server in servers}
    yield {"point query, ms": time_in_turn(servers, rounds, lambda server: queries[server.name])}, []
    yield {"page of a person, ms": time_in_turn(servers, rounds, lambda server: pages)}, []
    yield measure_kept(stack, folder, servers, rounds)
    # Last, since an engine may go on with what it was asked for when nobody waits for it any more.
    rates, failed = measure_load(servers, size, rounds, "cold")
    yield {f"point queries a second, connections: {number}": cells for number, cells in rates.items()}, failed


def time_in_turn(
    servers: list[Server], rounds: int, list_paths: Callable[[Server], list[str]]
) -> dict[str, list[float]]:
    """Ask for paths one after the other, each once; returns the median of each round but the first, in ms."""
    medians: dict[str, list[float]] = {server.name: [] for server in servers}
    for turn in range(rounds + 1):
        shift = turn % len(servers)
        for server in servers[shift:] + servers[:shift]:
            paths = list_paths(server)
            length = len(paths) // (rounds + 1)
            took = time_paths(server, paths[turn * length : (turn + 1) * length])
            if turn:
                medians[server.name].append(took)
    return medians


def time_paths(server: Server, paths: list[str]) -> float:
    """Return the median of the milliseconds that answers took."""
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    times = []
    for path in paths:
        begun = time.monotonic()
        connection.request("GET", path, headers={"Accept": "text/html, application/sparql-results+json"})
        with connection.getresponse() as answer:
            answer.read()
        times.append((time.monotonic() - begun) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"{server.name}: {path}: {answer.status}")
    connection.close()
    return statistics.median(times)


def measure_kept(
    stack: ExitStack, folder: Path, servers: list[Server], rounds: int
) -> tuple[Figures, list[str]]:
    """Return pages a second that were asked for before: from the service, and from nginx before it."""
    direct: dict[str, list[float]] = {server.name: [] for server in servers}
    cached: dict[str, list[float]] = {server.name: [] for server in servers}
    fronts, remarks = {}, []
    wrk = find_program("wrk", "Debian's package wrk")
    for number, server in enumerate(servers):
        fronts[server.name] = f"127.0.0.1:{find_free_port()}"
        behind = urlsplit(server.url).netloc
        stack.enter_context(start_nginx(folder / f"nginx-{number}", [behind], fronts[server.name]))
    time.sleep(1)
    for turn in range(rounds):
        shift = turn % len(servers)
        for server in servers[shift:] + servers[:shift]:
            for host, rates in ((urlsplit(server.url).netloc, direct), (fronts[server.name], cached)):
                one = Server(server.name, f"http://{host}", 0)
                time_paths(one, [KEPT])  # so that it is kept
                rate, failed = drive(wrk, one, [KEPT], CONNECTIONS, "", SECONDS)
                if failed:
                    remarks.append(f"{server.name}: {failed} failed of a page that is asked again")
                rates[server.name].append(rate)
    figures: Figures = {
        f"a page again, a second, {CONNECTIONS} connections": direct,
        f"the same from nginx's cache, a second, {CONNECTIONS} connections": cached,
    }
    return figures, remarks


if __name__ == "__main__":
    main()

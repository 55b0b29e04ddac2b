"""Asks ours and the peers the same in turn: ``python -m bench.run mix --triples 100000 --rounds 5``.

``mix``   each round draws new parameters; each query goes to all servers one after the other over HTTP, in
          another order each round, and all must answer the same rows. What differs, or fails, is listed.
``cold``  requests per second of point queries that no server has seen before, with wrk
``hot``   the same of queries that were asked before
``crowd`` point queries beside heavy ones, and how soon a query is gone that nobody waits for

Peers that are not installed are left out by name. The result goes into bench/results/ with ``--write``, and
docs/performance.md is made anew of all that is there. ``--keep`` keeps what was loaded for the next run.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import bench.graph
from bench.asking import Client, Measurement, ask
from bench.crowd import measure_crowd
from bench.differences import list_differences
from bench.graph import Size, make_graph
from bench.load import measure_load
from bench.mix import SHAPES
from bench.peers import PEERS, serve_peer
from bench.report import render_result, write_page
from bench.results import Figures, Result, write_result
from bench.servers import Server, describe_machine, serve_ours
from tests.engines import Missing

KINDS = ("mix", "cold", "hot", "crowd")
WARM_UP = -1
"""The round that is not counted."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print what came out; keep it where that is asked for."""
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"{', '.join(KINDS)} (mix)")
    parser.add_argument("--triples", type=int, default=100_000, help="size of the graph (100000)")
    parser.add_argument(
        "--rounds", type=int, default=5, help="rounds that count, after one that warms up (5)"
    )
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, help="servers of others (all)")
    parser.add_argument("--keep", type=Path, help="folder for the graph and the loaded stores")
    parser.add_argument("--write", action="store_true", help="keep the result and write docs/performance.md")
    asked = parser.parse_args(arguments)
    kinds = asked.kinds or ["mix"]
    if asked.triples < 1 or asked.rounds < 1:
        parser.error("--triples and --rounds are at least 1")
    if unknown := set(kinds) - set(KINDS):
        parser.error(f"KIND is one of {', '.join(KINDS)}, and not {', '.join(sorted(unknown))}")
    with ExitStack() as stack:
        folder = asked.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kg-bench-")))
        servers = start(stack, folder.absolute(), asked.triples, tuple(asked.peers))
        for kind in kinds:
            result = measure(kind, servers, asked.triples, asked.rounds)
            print("\n".join(render_result(result)), flush=True)
            if asked.write:
                write_result(result)
    if asked.write:
        write_page()


def start(stack: ExitStack, folder: Path, triples: int, peers: tuple[str, ...]) -> list[Server]:
    """Start ours and each peer that can be had, over the same file."""
    graph = prepare_graph(folder, triples)
    folder = graph.parent
    servers = [stack.enter_context(serve_ours(folder / "ours", graph))]
    for name in peers:
        try:
            servers.append(stack.enter_context(serve_peer(name, folder / name, graph, triples)))
        except Missing as error:
            print(f"{name} is left out: {error}", flush=True)
    return servers


def prepare_graph(folder: Path, triples: int) -> Path:
    """Return the file of a graph of a size; it is made unless the folder has it."""
    # What was kept is of no use once the generator has changed.
    version = sha256(Path(bench.graph.__file__).read_bytes()).hexdigest()[:8]
    folder = folder / f"{triples}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    graph = folder / "graph.nq"
    if not graph.exists():
        with graph.with_suffix(".part").open("w", encoding="utf-8") as file:
            file.writelines(make_graph(triples))
        graph.with_suffix(".part").rename(graph)
    return graph


def measure(kind: str, servers: list[Server], triples: int, rounds: int) -> Result:
    """Measure one kind on servers that run."""
    before = describe_machine()
    if kind == "mix":
        figures, remarks = measure_mix(servers, Size(triples), rounds)
    elif kind == "crowd":
        figures, remarks = measure_crowd(servers, Size(triples), rounds)
    else:
        figures, remarks = measure_load(servers, Size(triples), rounds, kind)
    return Result(
        kind,
        triples,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=f"{before} at the start, {describe_machine()} at the end",
        unit="ms" if kind in ("mix", "crowd") else "requests/s",
        figures=figures,
        loading={server.name: server.load_s for server in servers},
        remarks=remarks,
    )


def measure_mix(servers: list[Server], size: Size, rounds: int) -> tuple[Figures, list[str]]:
    """Ask all shapes of all servers; returns milliseconds by shape, and what failed or differed."""
    clients = [Client(server) for server in servers]
    measurements: list[Measurement] = []
    for turn in range(WARM_UP, rounds):
        for shape in SHAPES.values():
            query = shape.write(size, turn)
            # Who comes first changes, so that none always finds the processor as another left it.
            shift = turn % len(clients)
            for client in clients[shift:] + clients[:shift]:
                measurement = ask(client, shape, turn, query)
                if turn != WARM_UP:
                    measurements.append(measurement)
    for client in clients:
        client.close()
    figures: Figures = {shape: {server.name: [] for server in servers} for shape in SHAPES}
    for one in measurements:
        if not one.fault:
            figures[one.shape][one.server].append(1000 * one.seconds)
    return figures, list_differences(measurements)


if __name__ == "__main__":
    main()

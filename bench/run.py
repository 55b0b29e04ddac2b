"""Asks ours and the peers the same queries in turn: ``python -m bench.run --triples 100000 --rounds 5``.

Peers that are not installed are left out by name. Each round draws new parameters; each query goes to all
servers one after the other over HTTP, in another order each round, and all must answer the same rows. What
differs, or fails, is listed. ``--load`` measures requests per second of point queries instead, with wrk.
``--write`` puts the tables into docs/performance.md; otherwise they are printed only.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from bench.asking import Client, Measurement, ask
from bench.graph import Size, make_graph
from bench.load import measure_load
from bench.mix import SHAPES
from bench.report import render_differences, render_groups, render_shapes, write_section
from bench.servers import PEERS, Server, describe_machine, serve_ours, serve_peer
from tests.engines import Missing

WARM_UP = -1
"""The round that is not counted."""


def main() -> None:
    """Run the benchmark and print, or write, what came out."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__.partition("\n")[0])
    parser.add_argument("--triples", type=int, default=100_000, help="size of the graph (100000)")
    parser.add_argument(
        "--rounds", type=int, default=5, help="rounds that count, after one that warms up (5)"
    )
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, help="servers of others (all)")
    parser.add_argument("--load", action="store_true", help="requests per second instead of the mix")
    parser.add_argument("--write", action="store_true", help="write into docs/performance.md")
    asked = parser.parse_args()
    if asked.triples < 1 or asked.rounds < 1:
        parser.error("--triples and --rounds are at least 1")
    before = describe_machine()
    with tempfile.TemporaryDirectory(prefix="kg-bench-") as folder, ExitStack() as stack:
        servers = start(stack, Path(folder), asked.triples, tuple(asked.peers))
        measure = measure_load if asked.load else measure_mix
        lines = measure(servers, Size(asked.triples), asked.rounds)
    kind = "load" if asked.load else "mix"
    lines = [
        f"`python -m bench.run --triples {asked.triples} --rounds {asked.rounds}{' --load' * asked.load}`, "
        f"{datetime.now(UTC):%Y-%m-%d}; {before} at the start, {describe_machine()} at the end. Loaded in "
        + ", ".join(f"{server.load_s:.1f} s ({server.name})" for server in servers)
        + ".",
        "",
        *lines,
    ]
    print("\n".join(lines))
    if asked.write:
        write_section(kind, lines)


def start(stack: ExitStack, folder: Path, triples: int, peers: tuple[str, ...]) -> list[Server]:
    """Start ours and each peer that can be had, over the same file."""
    graph = folder / "graph.nq"
    with graph.open("w", encoding="utf-8") as file:
        file.writelines(make_graph(triples))
    servers = [stack.enter_context(serve_ours(folder, graph))]
    for name in peers:
        try:
            servers.append(stack.enter_context(serve_peer(name, folder / name, graph, triples)))
        except Missing as error:
            print(f"{name} is left out: {error}", flush=True)
    return servers


def measure_mix(servers: list[Server], size: Size, rounds: int) -> list[str]:
    """Ask all shapes of all servers; returns tables and differences as lines of Markdown."""
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
    names = [server.name for server in servers]
    return [
        *render_shapes(measurements, names),
        "",
        *render_groups(measurements, names),
        "",
        *render_differences(measurements, names),
    ]


if __name__ == "__main__":
    main()

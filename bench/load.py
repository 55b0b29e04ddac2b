"""Requests per second of point queries at 1, 8 and 64 connections, by wrk."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from bench.graph import Size
from bench.mix import SHAPES
from bench.servers import Server

CONNECTIONS = (1, 8, 64)
QUERIES = 4_000
"""Different draws in a list; those of a small graph repeat, and a server that is quicker goes round."""
SECONDS = 4

SCRIPT = """
local paths, turn = {}, 0
for line in io.lines("%s") do paths[#paths + 1] = line end
wrk.headers["Accept"] = "application/sparql-results+json"
request = function()
  turn = turn %% #paths + 1
  return wrk.format("GET", paths[turn])
end
"""


def measure_load(servers: list[Server], size: Size, rounds: int) -> list[str]:
    """Ask all servers in turn; returns a table as lines of Markdown, or why there is none."""
    wrk = shutil.which("wrk")
    if wrk is None:
        return ["Not measured: wrk is missing (Debian's package wrk)."]
    names = [server.name for server in servers]
    lines = [f"| connections | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for connections in CONNECTIONS:
        rates: dict[str, list[float]] = {name: [] for name in names}
        faults: dict[str, int] = dict.fromkeys(names, 0)
        for turn in range(rounds):
            for server in servers:
                rate, failed = drive(wrk, server, make_paths(server, size, turn), connections)
                rates[server.name].append(rate)
                faults[server.name] += failed
        cells = [_render(rates[name], faults[name]) for name in names]
        lines.append(f"| {connections} | {' | '.join(cells)} |")
    return [*lines, "", "Requests per second: median (min–max); what failed counts as no request."]


def make_paths(server: Server, size: Size, turn: int) -> list[str]:
    """Return the targets of many point queries; each round has its own."""
    shapes = [shape for shape in SHAPES.values() if shape.group == "point" and not shape.is_graph]
    path = urlsplit(server.url).path
    return [
        f"{path}?{urlencode([('query', shape.write(size, number)), *server.parameters])}"
        for number in range(turn * QUERIES, (turn + 1) * QUERIES, len(shapes))
        for shape in shapes
    ]


def drive(wrk: str, server: Server, paths: list[str], connections: int) -> tuple[float, int]:
    """Return good answers per second, and how many failed."""
    with tempfile.TemporaryDirectory() as folder:
        targets, script = Path(folder, "paths"), Path(folder, "wrk.lua")
        targets.write_text("\n".join(paths) + "\n", encoding="utf-8")
        script.write_text(SCRIPT % targets, encoding="utf-8")
        root = "{0.scheme}://{0.netloc}/".format(urlsplit(server.url))
        command = [wrk, "-t1", f"-c{connections}", f"-d{SECONDS}s", "-s", str(script), root]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return read_output(done.stdout)


def read_output(output: str) -> tuple[float, int]:
    """Return good answers per second and failures, as wrk tells them.

    >>> read_output("  90 requests in 2.00s, 1MB read\\n  Non-2xx or 3xx responses: 10\\nRequests/sec: 45.0")
    (40.0, 10)
    """
    requests, seconds = re.search(r"(\d+) requests in ([\d.]+)s", output).groups()  # type: ignore[union-attr]
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    wrong = int(refused[1]) if refused else 0
    failed = wrong + (sum(map(int, broken.groups())) if broken else 0)
    return (int(requests) - wrong) / float(seconds), failed


def _render(rates: list[float], failed: int) -> str:
    told = f"{statistics.median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f})"
    return f"{told}, {failed} failed" if failed else told

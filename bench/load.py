"""Requests per second of point queries at 1, 8 and 64 connections, by wrk.

*Cold* queries differ from each other, so that no answer can be kept; *hot* ones are a hundred, asked again
and again after a first round that is not counted.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from bench.graph import Size
from bench.mix import SHAPES
from bench.results import Figures
from bench.servers import Server
from tests.engines import Missing

CONNECTIONS = (1, 8, 64)
QUERIES = {"cold": 4_000, "hot": 100}
SECONDS = 4

# A number as a comment at the end of a query makes it one that no server has seen.
SCRIPT = """
local paths, turn, suffix = {}, 0, "%s"
for line in io.lines("%s") do paths[#paths + 1] = line end
wrk.headers["Accept"] = "application/sparql-results+json"
request = function()
  local path = paths[turn %% #paths + 1]
  turn = turn + 1
  if suffix ~= "" then path = path .. suffix .. turn end
  return wrk.format("GET", path)
end
"""


def measure_load(servers: list[Server], size: Size, rounds: int, kind: str) -> tuple[Figures, list[str]]:
    """Ask all servers in turn; returns requests per second by connections, and what failed.

    Raises
    ------
    Missing: there is no wrk.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise Missing("wrk is missing (Debian's package wrk)")
    figures: Figures = {}
    remarks = []
    for connections in CONNECTIONS:
        cells = figures.setdefault(str(connections), {server.name: [] for server in servers})
        for turn in range(rounds):
            shift = turn % len(servers)
            for server in servers[shift:] + servers[:shift]:
                paths = make_paths(server, size, turn, kind)
                suffix = f"%20%23{connections}.{turn}." if kind == "cold" else ""
                if kind == "hot":
                    drive(wrk, server, paths, connections, suffix, 1)
                rate, failed = drive(wrk, server, paths, connections, suffix, SECONDS)
                cells[server.name].append(rate)
                if failed:
                    remarks.append(f"{server.name}, {connections} connections, round {turn}: {failed} failed")
    return figures, remarks


def make_paths(server: Server, size: Size, turn: int, kind: str) -> list[str]:
    """Return the targets of point queries, the query last; each round has its own."""
    shapes = [shape for shape in SHAPES.values() if shape.group == "point" and not shape.is_graph]
    path = urlsplit(server.url).path
    number = QUERIES[kind]
    return [
        f"{path}?{urlencode([*server.parameters, ('query', shape.write(size, draw))])}"
        for draw in range(turn * number, (turn + 1) * number, len(shapes))
        for shape in shapes
    ]


def drive(
    wrk: str, server: Server, paths: list[str], connections: int, suffix: str, seconds: int
) -> tuple[float, int]:
    """Return good answers per second, and how many failed."""
    with tempfile.TemporaryDirectory() as folder:
        targets, script = Path(folder, "paths"), Path(folder, "wrk.lua")
        targets.write_text("\n".join(paths) + "\n", encoding="utf-8")
        script.write_text(SCRIPT % (suffix, targets), encoding="utf-8")
        root = "{0.scheme}://{0.netloc}/".format(urlsplit(server.url))
        command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), root]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"wrk against {server.name}: {(done.stderr + done.stdout)[-300:]}")
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

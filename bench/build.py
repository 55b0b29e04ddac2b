"""Measures a build from sources of any size: ``python -m bench.build --triples 100000 --rounds 3``.

Each round checks and builds from nothing, then again after one article changed, and again after nothing did;
and loads the same N-Quads into a store by our build, which compacts it, and by ``oxigraph load``, without and
with ``oxigraph optimize``. For each: seconds on the clock, seconds of all processors, and the most memory
that all its processes had at one moment (their resident sets, so what they share counts several times).
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

from bench.processes import find_family, read_resident
from bench.report import write_page
from bench.results import OURS, Figures, Result, write_result
from bench.servers import describe_machine
from bench.sources import write_sources

SAMPLED_EVERY_S = 0.1
_LOAD = """
import sys
from pathlib import Path
from kg.release.making.store import write_store
write_store(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took."""

    clock_s: float
    processor_s: float
    memory_mb: float

    def __add__(self, other: Cost) -> Cost:
        """Return the cost of one after the other."""
        return Cost(
            self.clock_s + other.clock_s,
            self.processor_s + other.processor_s,
            max(self.memory_mb, other.memory_mb),
        )


def measure(command: Sequence[str | Path]) -> Cost:
    """Run a command, which has to succeed."""
    before, start = os.times(), time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    with watch(process.pid) as most:
        code = process.wait()
    if code:
        raise SystemExit(f"{' '.join(map(str, command))}: exit code {code}")
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(time.monotonic() - start, used, most[0] / 1024**2)


@contextmanager
def watch(pid: int) -> Iterator[list[int]]:
    """Yield a list of one number: the most bytes so far that a process and all below it had at one moment."""
    most, ended = [0], Event()

    def sample() -> None:
        while not ended.wait(SAMPLED_EVERY_S):
            most[0] = max(most[0], sum(map(read_resident, find_family(pid))))

    thread = Thread(target=sample)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()


def measure_builds(folder: Path, triples: int, figures: Figures) -> Path:
    """Measure one round of checking and building; returns the folder of the last release."""
    sources, var = folder / "sources", folder / "var"
    for path in (sources, var):
        shutil.rmtree(path, ignore_errors=True)
    write_sources(sources, triples)
    kg = [sys.executable, "-m", "kg", "--sources", sources, "--var", var]
    var.mkdir()
    _add(figures, "check", measure([*kg, "check", "--json"]))
    (var / "verdicts").unlink()
    _add(figures, "build", measure([*kg, "build", "--json"]))
    change_article(sources)
    _add(figures, "build after one article changed", measure([*kg, "build", "--json"]))
    _add(figures, "build after nothing changed", measure([*kg, "build", "--json"]))
    return (var / "current").resolve()


def change_article(sources: Path) -> None:
    """Change one name in one article."""
    facts = sources / "data/articles/news-0/facts.ttl"
    text = facts.read_text(encoding="utf-8")
    facts.write_text(text.replace('"Alias 0"@en', '"Alias zero"@en'), encoding="utf-8")


def measure_loading(folder: Path, release: Path, figures: Figures) -> None:
    """Measure loading the quads of a release: ours, which compacts, and Oxigraph's without and with that."""
    lines, store = folder / "article-kg.nq", folder / "store"
    with gzip.open(release / "dumps/article-kg.nq.gz") as packed, lines.open("wb") as file:
        shutil.copyfileobj(packed, file)
    ours = measure([sys.executable, "-c", _LOAD, store, lines])
    shutil.rmtree(store)
    _add(figures, "load", ours)
    _add(figures, "load and compact", ours)
    oxigraph = Path(sys.executable).with_name("oxigraph")
    if oxigraph.exists():
        loaded = measure([oxigraph, "load", "--location", store, "--file", lines])
        _add(figures, "load", loaded, "Oxigraph")
        _add(figures, "load and compact", loaded + measure([oxigraph, "optimize", "-l", store]), "Oxigraph")
        shutil.rmtree(store)


def _add(figures: Figures, line: str, cost: Cost, column: str = OURS) -> None:
    units = (("s", cost.clock_s), ("s of processors", cost.processor_s), ("MB at most", cost.memory_mb))
    for unit, value in units:
        figures.setdefault(f"{line}, {unit}", {}).setdefault(column, []).append(round(value, 2))
    print(
        f"{line:32} {column:12} {cost.clock_s:8.1f} s {cost.processor_s:8.1f} s {cost.memory_mb:8.0f} MB",
        flush=True,
    )


def main() -> None:
    """Measure, print, and keep the result where that is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--triples", type=int, default=100_000, help="about so many are published (100000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (3)")
    parser.add_argument("--write", action="store_true", help="keep the result and write docs/performance.md")
    asked = parser.parse_args()
    figures: Figures = {}
    machine = describe_machine()
    with tempfile.TemporaryDirectory(prefix="kg-bench-") as name:
        for _ in range(asked.rounds):
            release = measure_builds(Path(name), asked.triples, figures)
            measure_loading(Path(name), release, figures)
    date = datetime.now(UTC).date().isoformat()
    if asked.write:
        write_result(Result("build", asked.triples, date, machine, "", figures))
        write_page()


if __name__ == "__main__":
    main()

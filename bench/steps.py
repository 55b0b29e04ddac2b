"""Tells what each step of a build takes: ``python -m bench.steps --triples 1000000``.

For each step: seconds of all processors, seconds on the clock, and the most memory that all processes of the
build had at one moment. Then the same after one article changed.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import time
from pathlib import Path

from bench.build import change_article, watch
from bench.processes import count_processor_s
from bench.sources import write_sources
from kg.cli.building import read_and_check
from kg.release.making.build import build_release
from kg.settings import Settings

_HOW_FAR = re.compile(r", \d+ %$")


class Steps:
    """Prints each step when the next one begins."""

    def __init__(self, most_bytes: list[int]) -> None:
        self._most_bytes = most_bytes
        self._name = ""
        self._begin("")

    def _begin(self, name: str) -> None:
        self._name, self._processor_s, self._clock_s = name, count_processor_s(), time.monotonic()
        self._most_bytes[0] = 0

    def tell(self, step: str) -> None:
        """Begin a step, unless it is told how far that is."""
        name = "reading" if step.startswith("reading") else _HOW_FAR.sub("", step)
        if name == self._name:
            return
        if self._name:
            used, passed = count_processor_s() - self._processor_s, time.monotonic() - self._clock_s
            memory_mb = self._most_bytes[0] / 1024**2
            print(f"{self._name:36} {used:9.1f} s {passed:9.1f} s {memory_mb:7.0f} MB", flush=True)
        self._begin(name)


def measure_steps(root: Path, var: Path) -> None:
    """Check and build, and print what each step takes."""
    before, start = count_processor_s(), time.monotonic()
    with watch(os.getpid()) as most_bytes:
        steps = Steps(most_bytes)
        sources, report = read_and_check(Settings(sources=str(root), var=str(var)), steps.tell)
        release = build_release(sources, report, var, steps.tell)
        steps.tell("end")
    used, passed = count_processor_s() - before, time.monotonic() - start
    print(f"{f'all of {release.manifest.quads:,} quads':36} {used:9.1f} s {passed:9.1f} s\n", flush=True)


def main() -> None:
    """Measure in a folder for temporary files (TMPDIR)."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--triples", type=int, default=100_000, help="about so many are published (100000)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kg-bench-") as name:
        root, var = Path(name) / "sources", Path(name) / "var"
        write_sources(root, asked.triples)
        measure_steps(root, var)
        change_article(root)
        measure_steps(root, var)


if __name__ == "__main__":
    main()

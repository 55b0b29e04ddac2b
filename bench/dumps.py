"""What dumps cost beside packing alone: ``python -m bench.dumps --triples 100000 --rounds 3``.

Writes all dumps of a dataset, made from ``bench.sources``, by the jobs of a build, one after the other. Then
it packs the same text with the same two compressors at the same levels, and with the ``gzip`` command, which
packs it once. For each: seconds of the processor, and how many times the dumps' that are.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.processes import count_processor_s
from bench.sources import write_sources
from kg.check.findings import Report
from kg.cli.building import read_and_check
from kg.formats import TURTLE
from kg.release.digests import hash_file
from kg.release.dumps.orders import Lines, sort_dataset
from kg.release.dumps.packing import open_packed
from kg.release.dumps.reuse import EarlierBuild
from kg.release.dumps.writer import DumpWriter
from kg.release.manifest import describe_articles
from kg.settings import Settings
from kg.sources import Sources

_WRITE_BYTES = 256 * 1024


def time_processor(work: Callable[[], object]) -> float:
    """Return the seconds of the processor that some work takes, in this process and those it waits for."""
    before = count_processor_s()
    work()
    return count_processor_s() - before


def write_all(folder: Path, sources: Sources, report: Report, lines: Lines) -> None:
    """Write all dumps into a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    hashes = {graph.iri: hash_file(graph.path) for graph in report.dataset.graphs}
    articles = describe_articles(sources, report)
    writer = DumpWriter(folder, "0", sources.names, articles, "", EarlierBuild(), hashes)
    for job in writer.plan(report.dataset, lines):
        job()


def pack_anew(texts: list[Path], folder: Path) -> None:
    """Pack files as dumps are packed, each whole."""
    for path in texts:
        with path.open("rb") as file, open_packed(folder / path.name, TURTLE) as packer:
            while data := file.read(_WRITE_BYTES):
                packer.pack(data)


def gzip_anew(texts: list[Path], folder: Path) -> None:
    """Pack files with the command, at its own level."""
    with (folder / "gzipped").open("wb") as target:
        subprocess.run(["gzip", "--stdout", *map(str, texts)], stdout=target, check=True)


def unpack(dumps: Path, folder: Path) -> list[Path]:
    """Write the text of all dumps of a folder into another."""
    folder.mkdir()
    texts = [folder / path.stem for path in sorted(dumps.glob("*.gz"))]
    for text in texts:
        with gzip.open(dumps / f"{text.name}.gz") as packed, text.open("wb") as file:
            shutil.copyfileobj(packed, file)
    return texts


def measure(folder: Path, triples: int, rounds: int) -> None:
    """Measure in turn, and print medians and spread."""
    write_sources(folder / "sources", triples)
    settings = Settings(sources=str(folder / "sources"), var=str(folder / "var"))
    sources, report = read_and_check(settings, lambda step: None)
    lines, dumps, packed = sort_dataset(report.dataset), folder / "dumps", folder / "packed"
    packed.mkdir()
    write_all(dumps, sources, report, lines)
    texts = unpack(dumps, folder / "texts")
    jobs: dict[str, Callable[[], object]] = {
        "dumps": lambda: write_all(dumps, sources, report, lines),
        "compressors alone": lambda: pack_anew(texts, packed),
        "gzip command": lambda: gzip_anew(texts, packed),
    }
    took = [{name: time_processor(job) for name, job in jobs.items()} for _ in range(rounds)]
    size_mb = sum(path.stat().st_size for path in texts) / 1e6
    print(f"{len(report.dataset):,} quads, {len(texts):,} dumps of {size_mb:,.0f} MB unpacked")
    for name in jobs:
        seconds = [turn[name] for turn in took]
        ratios = [turn[name] / turn["dumps"] for turn in took]
        rate = size_mb / statistics.median(seconds)
        print(f"{name:18} {_spread(seconds)} s {rate:6.0f} MB/s {_spread(ratios)} of the dumps' time")


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):6.2f} ({min(values):.2f}–{max(values):.2f})"


def main() -> None:
    """Measure in a folder for temporary files (TMPDIR)."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--triples", type=int, default=100_000, help="about so many are published (100000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (3)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kg-bench-") as name:
        measure(Path(name), asked.triples, asked.rounds)


if __name__ == "__main__":
    main()

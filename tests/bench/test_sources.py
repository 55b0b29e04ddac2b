"""The generated sources: the same bytes each time, without findings, and about as large as asked for."""

from __future__ import annotations

from pathlib import Path

from bench.sources import write_sources
from kg.check.findings import check_sources
from kg.sources import read_sources
from tests.conftest import BASE


def read_all(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_bytes_twice(tmp_path: Path) -> None:
    assert write_sources(tmp_path / "a", 6_000) == write_sources(tmp_path / "b", 6_000)
    assert read_all(tmp_path / "a") == read_all(tmp_path / "b")


def test_they_hold(tmp_path: Path) -> None:
    articles = write_sources(tmp_path / "a", 12_000)
    report = check_sources(read_sources(tmp_path / "a", BASE))
    assert report.findings == ()
    assert len(report.coverage) == articles > 3
    # The ontology is the product's own, and has the same size however much there is beside it.
    assert 10_000 < len(report.dataset) < 25_000

"""Releases: the same sources give the same id and bytes; nothing half-written is left when a build fails."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.check.findings import Report, check_sources
from kg.errors import BuildInProgress, CheckFailed, NoRelease, ReleaseError
from kg.release.catalogue import switch_current
from kg.release.layout import Release, open_release, read_current_id
from kg.release.locks import lock_builds
from kg.release.making import build
from kg.release.making.build import build_release
from kg.sources import Sources, read_sources
from tests.conftest import BASE, MINI

GOLDEN = Path(__file__).parents[2] / "golden"


def test_another_base_or_fact_gives_another_id(tmp_path: Path, mini_release: Release) -> None:
    sources = read_sources(MINI, "http://127.0.0.1:8000/")
    assert build_release(sources, check_sources(sources), tmp_path).id != mini_release.id


def test_dumps_match_the_golden_file(mini_release: Release) -> None:
    lines = (
        gzip.decompress((mini_release.dumps_path / "article-kg.ttl.gz").read_bytes())
        .decode()
        .splitlines(True)
    )
    text = "".join(line for line in lines if not line.startswith("# "))
    golden = GOLDEN / "mini.ttl"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8"), (
        "UPDATE_GOLDEN=1 writes it anew, if the change is meant"
    )


def test_the_store_holds_what_the_dump_holds(mini_release: Release) -> None:
    store = ox.Store.read_only(str(mini_release.store_path))
    assert len(list(store.quads_for_pattern(None, None, None, None))) == mini_release.manifest.quads


def test_findings_stop_a_build(tmp_path: Path, sources_copy: Path) -> None:
    path = sources_copy / "data/articles/river-forum/facts.ttl"
    path.write_text(path.read_text() + 'id:city skos:altLabel "T"@en .\n')
    sources = read_sources(sources_copy, BASE)
    with pytest.raises(CheckFailed):
        build_release(sources, check_sources(sources), tmp_path / "var")
    assert not (tmp_path / "var").exists()


def test_a_second_build_at_the_same_time_is_told(
    tmp_path: Path, mini_sources: Sources, mini_report: Report
) -> None:
    with lock_builds(tmp_path), pytest.raises(BuildInProgress):
        build_release(mini_sources, mini_report, tmp_path)


def test_a_failed_build_leaves_nothing(
    tmp_path: Path, mini_sources: Sources, mini_report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(build, "_sync_tree", fail)
    with pytest.raises(ReleaseError, match="Free some space"):
        build_release(mini_sources, mini_report, tmp_path)
    assert not list((tmp_path / "building").iterdir())
    assert not (tmp_path / "releases").exists()
    with pytest.raises(NoRelease):
        read_current_id(tmp_path)


@pytest.mark.parametrize(
    ("part", "told"),
    [(0.1, "cannot write what is checked"), (0.99, "cannot build in")],
    ids=["check", "build"],
)
def test_a_full_disk_is_told_by_a_real_build(
    tmp_path: Path, mini_report: Report, part: float, told: str
) -> None:
    # A limit on the size of files is the nearest thing to a full disk that needs no rights. A build begins
    # with a file of all lines; a check has one of their keys, which are shorter.
    limit_bytes = int(part * sum(map(len, mini_report.dataset.read_lines())))
    done = subprocess.run(
        [sys.executable, "-m", "kg", "--sources", MINI, "--var", tmp_path / "var", "build"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "KG_BASE_IRI": BASE},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes)),
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "error: " in done.stderr
    assert told in done.stderr
    assert not (tmp_path / "var/releases").exists()


def test_switching_to_what_is_not_there_is_refused(mini_var: Path, mini_release: Release) -> None:
    with pytest.raises(ReleaseError):
        switch_current(mini_var, "0" * 16)
    assert read_current_id(mini_var) == mini_release.id


def test_a_damaged_manifest_is_told(tmp_path: Path, mini_sources: Sources, mini_report: Report) -> None:
    release = build_release(mini_sources, mini_report, tmp_path)
    (release.path / "manifest.json").write_text("{")
    with pytest.raises(ReleaseError, match="kg build"):
        open_release(tmp_path, release.id)


def test_the_store_changes_no_literal(mini_release: Release, mini_report: Report) -> None:
    store = ox.Store.read_only(str(mini_release.store_path))
    assert set(store.quads_for_pattern(None, None, None, None)) == mini_report.quads

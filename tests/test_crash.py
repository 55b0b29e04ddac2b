"""A build that is killed at any moment leaves the last release whole, and the next build succeeds."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kg.release.layout import building_path, open_release, read_current_id, releases_path

ROOT = Path(__file__).parent.parent
KG = Path(sys.executable).parent / "kg"
KILLS = 16


def kg(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [KG, *arguments], cwd=folder, env=environment(), capture_output=True, text=True, timeout=120
    )


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KG_")}


def change_sources(folder: Path, number: int) -> None:
    """Give the sources another fact, so that the next build makes another release."""
    entities = folder / "data" / "entities.ttl"
    first = (ROOT / "data" / "entities.ttl").read_text(encoding="utf-8")
    fact = (
        f'\nid:cjic <http://www.w3.org/2004/02/skos/core#altLabel> "Zone {number}"@en'
        " {| <ontology#source> <https://example.org/> |} .\n"
    )
    entities.write_text(first + fact, encoding="utf-8")


def assert_whole(folder: Path) -> str:
    """Assert that the current release is whole, down to each checksum, and answers; return its id."""
    current = read_current_id(folder / "var")
    release = open_release(folder / "var", current)
    assert release.id == current
    for dump in release.manifest.dumps:
        packed = (release.dumps_path / dump.name).read_bytes()
        assert (len(packed), hashlib.sha256(packed).hexdigest()) == (dump.size_bytes, dump.sha256)
    return current


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crash")
    for name in ("ontology", "data"):
        shutil.copytree(ROOT / name, folder / name)
    done = kg(folder, "build")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def build_time_s(site: Path) -> float:
    change_sources(site, 0)
    started = time.monotonic()
    assert kg(site, "build").returncode == 0
    return time.monotonic() - started


@pytest.mark.parametrize("moment", range(1, KILLS + 1))
def test_a_killed_build_leaves_the_last_release(site: Path, build_time_s: float, moment: int) -> None:
    before = assert_whole(site)
    known = {path.name for path in releases_path(site / "var").iterdir()}
    change_sources(site, moment)
    build = subprocess.Popen(
        [KG, "build"], cwd=site, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        # Closer together towards the end, where files are written and the link is switched.
        build.wait(build_time_s * (moment / KILLS) ** 0.5)
    except subprocess.TimeoutExpired:
        os.killpg(build.pid, signal.SIGKILL)
        build.wait(10)
    after = assert_whole(site)
    if build.returncode != 0:
        new = {path.name for path in releases_path(site / "var").iterdir()} - known
        assert after == before or after in new
    answer = kg(site, "query", "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }", "--format", "csv")
    assert answer.returncode == 0, answer.stderr
    assert int(answer.stdout.split()[1]) > 100


def test_the_next_build_succeeds_and_sweeps(site: Path, build_time_s: float) -> None:
    change_sources(site, KILLS + 1)
    before = assert_whole(site)
    done = kg(site, "build")
    assert done.returncode == 0, done.stderr
    assert assert_whole(site) != before
    building = building_path(site / "var")
    assert not building.exists() or not list(building.iterdir())

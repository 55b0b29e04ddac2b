"""A build that is killed at any moment leaves the last release whole, and the next build succeeds."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from kg.release.layout import VERDICTS, building_path, open_release, read_current_id, releases_path

MINI = Path(__file__).parent / "mini"
KG = Path(sys.executable).parent / "kg"

STEPS = ("reading", "checking shapes", "writing store", "writing dumps", "all to disk", "current link")
"""Words in the lines by which a build tells its steps where there is no terminal."""

MOMENTS = [(step, delay_s) for step in STEPS for delay_s in (0.0, 0.001, 0.004, 0.012, 0.04)]


def kg(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [KG, *arguments], cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=120
    )


def environment(folder: Path) -> dict[str, str]:
    """Settings are those of the folder, and temporary files go there."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KG_")}
    return kept | {"TMPDIR": str(temporary)}


def start_build(folder: Path) -> subprocess.Popen[str]:
    """Start a build that tells its steps, in a group of its own."""
    return subprocess.Popen(
        [KG, "build"],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def change_sources(folder: Path, number: int) -> None:
    """Give the sources another fact, so that the next build makes another release."""
    entities = folder / "data" / "entities.ttl"
    first = (MINI / "data" / "entities.ttl").read_text(encoding="utf-8")
    fact = (
        f'\nid:river-council <http://www.w3.org/2004/02/skos/core#altLabel> "Zone {number}"@en'
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
        shutil.copytree(MINI / name, folder / name)
    done = kg(folder, "build")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def outcomes() -> list[str]:
    """What the kills met: "killed", "killed half-written" or "was done"."""
    return []


@pytest.mark.parametrize(("step", "delay_s"), MOMENTS)
def test_a_killed_build_leaves_the_last_release(
    site: Path, outcomes: list[str], step: str, delay_s: float
) -> None:
    before = assert_whole(site)
    change_sources(site, len(outcomes))
    known = {path.name for path in releases_path(site / "var").iterdir()}
    build = start_build(site)
    assert build.stderr
    for line in build.stderr:
        if step in line:
            break
    time.sleep(delay_s)
    with suppress(ProcessLookupError):
        os.killpg(build.pid, signal.SIGKILL)
    build.wait(10)
    build.stderr.close()
    after = assert_whole(site)
    assert after == before or after not in known, "it is the last release or the new one, and never another"
    left = building_path(site / "var")
    half = left.exists() and any(left.iterdir())
    outcomes.append("was done" if build.returncode == 0 else "killed half-written" if half else "killed")
    answer = kg(site, "query", "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }", "--format", "csv")
    assert answer.returncode == 0, answer.stderr
    assert int(answer.stdout.split()[1]) > 100


def test_the_kills_met_builds_in_the_midst_of_writing(outcomes: list[str]) -> None:
    if len(outcomes) < len(MOMENTS):
        pytest.skip("only some of the kills were run")
    assert outcomes.count("killed half-written") >= 5, outcomes


def test_the_next_build_succeeds_and_sweeps(site: Path) -> None:
    change_sources(site, len(MOMENTS) + 1)
    before = assert_whole(site)
    done = kg(site, "build")
    assert done.returncode == 0, done.stderr
    assert assert_whole(site) != before
    building = building_path(site / "var")
    assert not building.exists() or not list(building.iterdir())


def test_a_build_that_is_told_to_end_takes_its_temporary_files_with_it(site: Path) -> None:
    before = assert_whole(site)
    change_sources(site, len(MOMENTS) + 2)
    shutil.rmtree(site / "tmp")
    verdicts = site / "var" / VERDICTS
    verdicts.unlink()
    os.mkfifo(verdicts)  # nobody writes into it, so the build stays here
    build = start_build(site)
    assert build.stderr
    assert any("checking shapes" in line for line in build.stderr)
    build.terminate()
    assert build.wait(60) == 128 + signal.SIGTERM
    build.stderr.close()
    verdicts.unlink()
    assert list((site / "tmp").iterdir()) == []
    assert assert_whole(site) == before

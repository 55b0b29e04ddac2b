"""The list of releases, rollback and garbage collection, on real releases made from changing sources."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kg.errors import BuildInProgress, OtherLayout, ReleaseError, UnknownRelease
from kg.release.catalogue import list_releases, remove_old, roll_back, switch_current
from kg.release.history import parse_time, read_history, record_switch
from kg.release.layout import (
    LAYOUT_VERSION,
    Release,
    history_path,
    open_release,
    read_current_id,
    releases_path,
)
from kg.release.locks import Hold, lock_builds


def kg(var: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KG_")}
    command = [sys.executable, "-m", "kg", "--var", str(var), *arguments]
    return subprocess.run(
        command, cwd=Path(__file__).parents[3], env=environment, capture_output=True, text=True
    )


def test_releases_are_listed_in_the_order_of_publication(three: tuple[Path, list[str]]) -> None:
    var, ids = three
    entries = list_releases(var)
    assert [entry.id for entry in entries] == ids
    assert [entry.id for entry in entries if entry.current] == [ids[2]]
    assert [switch.release for switch in read_history(var)] == ids
    for entry in entries:
        files = [path for path in (releases_path(var) / entry.id).rglob("*") if path.is_file()]
        assert entry.size_bytes == sum(path.stat().st_size for path in files)
        assert entry.quads == open_release(var, entry.id).manifest.quads


def date_back(var: Path, ids: list[str]) -> None:
    """Write the history anew, with one day between the releases and the last of them three days ago."""
    history_path(var).unlink()
    for number, release_id in enumerate(ids):
        record_switch(var, release_id, datetime.now(UTC) - timedelta(days=len(ids) + 2 - number))


def test_rollback_goes_back_one_release_each_time(three: tuple[Path, list[str]]) -> None:
    var, ids = three
    date_back(var, ids)
    assert [roll_back(var).id, roll_back(var).id] == [ids[1], ids[0]]
    with pytest.raises(ReleaseError, match="published before"):
        roll_back(var)
    assert read_current_id(var) == ids[0]
    assert roll_back(var, ids[2]).current
    assert [switch.release for switch in read_history(var)][3:] == [ids[1], ids[0], ids[2]]
    with pytest.raises(UnknownRelease):
        roll_back(var, "f" * 16)


def test_a_release_that_is_current_already_is_no_switch(three: tuple[Path, list[str]]) -> None:
    var, ids = three
    switch_current(var, ids[2])
    assert len(read_history(var)) == 3


def test_gc_keeps_the_current_the_latest_and_the_young(three: tuple[Path, list[str]]) -> None:
    var, ids = three
    date_back(var, ids)
    roll_back(var, ids[0])
    verdicts = remove_old(var, keep=0, younger_than=timedelta(days=3, hours=12), dry_run=True)
    assert [verdict.reason for verdict in verdicts] == ["current", "", "young enough"]
    assert len(list_releases(var)) == 3
    verdicts = remove_old(var, keep=1)
    assert [verdict.reason for verdict in verdicts] == ["current", "", "one of the latest 1"]
    assert [entry.id for entry in list_releases(var)] == [ids[0], ids[2]]
    assert not list((var / "building").iterdir())


def test_gc_leaves_what_is_in_use(three: tuple[Path, list[str]]) -> None:
    var, ids = three
    with Hold(var, ids[0]):
        kept = {verdict.entry.id: verdict.reason for verdict in remove_old(var, keep=0) if verdict.reason}
        assert kept == {ids[0]: "in use by a server", ids[2]: "current"}
    with lock_builds(var), pytest.raises(BuildInProgress):
        remove_old(var, keep=0)
    assert [verdict.removed for verdict in remove_old(var, keep=0)].count(True) == 1
    with pytest.raises(UnknownRelease):
        Hold(var, ids[0])


def test_a_history_that_was_cut_off_is_read_and_mended(three: tuple[Path, list[str]]) -> None:
    var, ids = three
    whole = history_path(var).read_text()
    history_path(var).write_text(whole + '{"at": "2026-01-01T00:00:00Z", "rel')
    record_switch(var, ids[0], parse_time("2026-01-02T00:00:00Z"))
    assert [switch.release for switch in read_history(var)][:4] == [*ids, ids[0]]
    # The link is switched first; without its line, the time stamp of the link tells when.
    history_path(var).unlink()
    assert [switch.release for switch in read_history(var)] == [ids[2]]


@pytest.mark.parametrize("layout", [1, LAYOUT_VERSION - 1, LAYOUT_VERSION + 1])
def test_a_release_of_another_layout_is_listed_and_not_served(
    three: tuple[Path, list[str]], layout: int
) -> None:
    var, ids = three
    path = releases_path(var) / ids[0] / "manifest.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"layout": layout}))
    releases_path(var).touch()
    assert [entry.readable for entry in list_releases(var) if entry.id == ids[0]] == [False]
    with pytest.raises(OtherLayout, match=f"layout {layout}, .* reads {LAYOUT_VERSION}"):
        open_release(var, ids[0])
    with pytest.raises(ReleaseError, match=f"layout {layout}"):
        roll_back(var, ids[0])
    told = kg(var, "rollback", ids[0])
    assert (told.returncode, f"layout {layout}" in told.stderr, "Traceback" in told.stderr) == (
        1,
        True,
        False,
    )


def test_what_a_release_holds_belongs_to_its_layout(mini_release: Release) -> None:
    held = {path.name for path in mini_release.path.iterdir()}
    of_layout = {
        6: "context.jsonld dumps files.json iris.txt lookups.sqlite manifest.json pages search.sqlite"
        " shapes.ttl store texts void.ttl"
    }
    assert held == set(of_layout[LAYOUT_VERSION].split()), "other files are another LAYOUT_VERSION"


def test_the_commands_tell_people_and_programs(three: tuple[Path, list[str]]) -> None:
    var, ids = three
    date_back(var, ids)
    listed = json.loads(kg(var, "releases", "--json").stdout)
    assert [(entry["id"], entry["current"]) for entry in listed] == [
        (ids[0], False), (ids[1], False), (ids[2], True)
    ]  # fmt: skip
    assert all(release_id in kg(var, "releases").stdout for release_id in ids)
    assert json.loads(kg(var, "rollback", "--json").stdout)["id"] == ids[1]
    assert "Remedy" not in (done := kg(var, "rollback", "nosuch")).stderr
    assert (done.returncode, done.stderr.startswith("error: There is no release 'nosuch'")) == (1, True)
    planned = json.loads(kg(var, "gc", "--keep", "1", "--dry-run", "--json").stdout)
    removed = json.loads(kg(var, "gc", "--keep", "1", "--json").stdout)
    assert planned["freed_bytes"] == removed["freed_bytes"] == listed[0]["bytes"]
    assert [entry["id"] for entry in removed["releases"] if entry["removed"]] == [ids[0]]

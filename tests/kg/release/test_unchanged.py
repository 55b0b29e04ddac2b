"""A server that starts again builds nothing where nothing changed, and builds where anything did."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from kg.cli import cli
from kg.cli.serving import find_or_build
from kg.release.catalogue import switch_current
from kg.release.layout import built_path, read_current_id, releases_path
from kg.release.making.unchanged import find_built, read_state, remember_build
from kg.settings import Settings
from tests.conftest import BASE, MINI


def build(sources: Path, var: Path) -> str:
    arguments = ["--sources", str(sources), "--var", str(var), "--base-iri", BASE, "build"]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return read_current_id(var)


def test_what_was_built_is_found_until_a_source_changes(sources_copy: Path, tmp_path: Path) -> None:
    var = tmp_path / "var"
    assert find_built(var, read_state(sources_copy, BASE)) is None
    first = build(sources_copy, var)
    found = find_built(var, read_state(sources_copy, BASE))
    assert found is not None and found.id == first
    entities = sources_copy / "data" / "entities.ttl"
    os.utime(entities)
    assert find_built(var, read_state(sources_copy, BASE)) is None
    assert build(sources_copy, var) == first
    assert find_built(var, read_state(sources_copy, BASE)) is not None
    (sources_copy / "data" / "articles" / "new").mkdir()
    (sources_copy / "data" / "articles" / "new" / "source.txt").write_text("New.")
    assert find_built(var, read_state(sources_copy, BASE)) is None


def test_settings_and_other_files_count(tmp_path: Path) -> None:
    key = tmp_path / "key"
    states = [
        read_state(MINI, BASE),
        read_state(MINI, "http://other.example/"),
        read_state(MINI, BASE, str(key)),
    ]
    key.write_text("secret")
    states.append(read_state(MINI, BASE, str(key)))
    assert len(set(states)) == len(states)
    assert read_state(MINI, BASE, "") == states[0]


def test_it_is_current_again_after_a_rollback(three: tuple[Path, list[str]]) -> None:
    var, ids = three
    remember_build(var, "state", ids[2])
    switch_current(var, ids[0])
    found = find_built(var, "state")
    assert found is not None and found.id == read_current_id(var) == ids[2]


def test_what_was_removed_or_damaged_is_built(three: tuple[Path, list[str]]) -> None:
    var, ids = three
    remember_build(var, "state", ids[0])
    shutil.rmtree(releases_path(var) / ids[0])
    assert find_built(var, "state") is None
    for content in ("", "{}", "[1]", '{"state": "state", "release": "../.."}'):
        built_path(var).write_text(content)
        assert find_built(var, "state") is None


def test_serving_builds_apart_and_only_once(
    sources_copy: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(sources=str(sources_copy), var=str(tmp_path / "var"), base_iri=BASE)
    first = find_or_build(settings)
    assert f"release {first.id}" in capfd.readouterr().out
    assert find_or_build(settings).id == first.id
    assert capfd.readouterr() == ("", "")


def test_findings_end_the_start(
    sources_copy: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (sources_copy / "data" / "entities.ttl").write_text("no Turtle")
    settings = Settings(sources=str(sources_copy), var=str(tmp_path / "var"), base_iri=BASE)
    with pytest.raises(SystemExit) as ended:
        find_or_build(settings)
    assert ended.value.code == 1
    assert "entities.ttl" in capfd.readouterr().out

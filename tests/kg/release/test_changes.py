"""Differences between releases: exact in RDF, and told in words."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from kg.check.findings import check_sources
from kg.release.changes import compare, make_patch, select_quads, tell_changes
from kg.release.layout import Release, open_release
from kg.release.making.build import build_release
from kg.sources import read_sources
from tests.conftest import BASE
from tests.kg.release.test_catalogue import kg


@pytest.fixture
def pair(three: tuple[Path, list[str]]) -> tuple[Release, Release]:
    var, ids = three
    return open_release(var, ids[0]), open_release(var, ids[2])


def read_lines(release: Release) -> list[bytes]:
    with gzip.open(release.dumps_path / "article-kg.nq.gz") as file:
        return list(file)


def test_the_difference_is_that_of_the_sets(pair: tuple[Release, Release]) -> None:
    before, after = (set(read_lines(release)) for release in pair)
    assert set(select_quads(*pair, added=True)) == after - before
    assert set(select_quads(*pair, added=False)) == before - after
    assert list(compare(pair[0], pair[0])) == []


def test_a_patch_turns_one_release_into_the_other(pair: tuple[Release, Release]) -> None:
    rows = [line.decode() for line in make_patch(*pair)]
    assert rows[0] == f"H id <{BASE}releases/{pair[1].id}> .\n"
    assert (rows[2], rows[-1]) == ("TX .\n", "TC .\n")
    quads = {line.decode() for line in read_lines(pair[0])}
    for row in rows[3:-1]:
        action, _, line = row.partition(" ")
        if action == "D":
            quads.remove(line)
        else:
            assert line not in quads
            quads.add(line)
    assert quads == {line.decode() for line in read_lines(pair[1])}


def test_changes_are_told_in_words(pair: tuple[Release, Release]) -> None:
    changes = tell_changes(*pair)
    texts = [fact.text for fact in changes.facts]
    assert "River Council: other name “Name 2” (en) added" in texts
    assert "River Council: other name “Name 0” (en) removed" in texts
    assert (changes.figures["facts_added"], changes.figures["facts_removed"]) == (1, 1)
    assert changes.figures["quads_added"] == len(list(select_quads(*pair, added=True)))


def test_a_new_post_is_told_with_its_evidence(tmp_path: Path, sources_copy: Path) -> None:
    var = tmp_path / "var"
    path = sources_copy / "data/articles/river-forum/facts.ttl"
    text = path.read_text(encoding="utf-8")
    node = next(block for block in text.split("\n\n") if "a org:Membership" in block)
    read = read_sources(sources_copy, BASE)
    whole = build_release(read, check_sources(read), var)
    path.write_text(text.replace(node, ""), encoding="utf-8")
    read = read_sources(sources_copy, BASE)
    report = check_sources(read)
    assert not report.findings
    less = build_release(read, report, var)
    told = [fact for fact in tell_changes(less, whole).facts if " post (" in fact.text]
    assert len(told) == 1
    assert told[0].change == "added"
    assert told[0].evidence
    assert f"added, evidence “{told[0].evidence[0]}”" in told[0].text


def test_the_command_compares_with_the_release_before(three: tuple[Path, list[str]]) -> None:
    var, ids = three
    told = kg(var, "diff").stdout
    assert told.startswith(f"{ids[1]} → {ids[2]}: ")
    assert "1 facts added, 1 facts removed, 0 facts changed" in told
    assert "  River Council: other name “Name 2” (en) added\n" in told
    assert json.loads(kg(var, "diff", ids[0], ids[2], "--format", "json").stdout)["before"] == ids[0]
    assert kg(var, "diff", ids[0], "--format", "patch").stdout.startswith("H id ")
    assert all(line.endswith(" .") for line in kg(var, "diff", "--format", "added").stdout.splitlines())
    assert kg(var, "diff", "nosuch").returncode == 1

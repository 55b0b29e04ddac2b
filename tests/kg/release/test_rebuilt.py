"""A release that is built after another is, file by file, what the same sources make from nothing."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyoxigraph as ox
import pytest

from bench.sources import write_sources
from kg.check.findings import check_sources
from kg.release.dumps import orders, writer
from kg.release.dumps.orders import find_place, list_starting, splice
from kg.release.layout import Release, open_release, read_current_id
from kg.release.making.build import build_release
from kg.sources import read_sources
from tests.conftest import BASE

TRIPLES = 2_500
ALIAS = "known as Nobody Else"


def build(var: Path, root: Path) -> Release:
    sources = read_sources(root, BASE)
    return build_release(sources, check_sources(sources), var)


def read_all(release: Release) -> dict[str, object]:
    """Return what is in each file, without the time at which it was built; of the store, its quads."""
    held: dict[str, object] = {
        path.relative_to(release.path).as_posix(): path.read_bytes()
        for path in release.path.rglob("*")
        if path.is_file() and path.parent != release.store_path
    }
    manifest = json.loads((release.path / "manifest.json").read_text(encoding="utf-8"))
    void = (release.path / "void.ttl").read_text(encoding="utf-8")
    files = json.loads((release.path / "files.json").read_text(encoding="utf-8"))["files"]
    held["manifest.json"] = {key: value for key, value in manifest.items() if key != "created"}
    held["void.ttl"] = re.sub(r"dct:issued \S+", "", void)
    timed = ("manifest.json", "void.ttl")
    held["files.json"] = [
        file for file in files if file["path"] not in timed and not file["path"].startswith("store/")
    ]
    held["store"] = set(ox.Store.read_only(str(release.store_path)))
    held["statistics"] = (release.store_path / "statistics.json").read_bytes()
    return held


def articles(root: Path) -> Path:
    return root / "data/articles"


def change_name(root: Path) -> None:
    path = articles(root) / "news-0/facts.ttl"
    path.write_text(path.read_text().replace('"Alias 0"@en', '"Alias zero"@en'))


def state_twice(root: Path) -> None:
    """Let two articles say the same, so that one triple is in two graphs."""
    for name in ("news-0", "news-1"):
        source, facts = articles(root) / name / "source.txt", articles(root) / name / "facts.ttl"
        source.write_text(source.read_text() + f"It is told that he is {ALIAS}.\n")
        fact = f'id:person-1 skos:altLabel "Nobody Else"@en {{| kg:quote "{ALIAS}" |}} .\n'
        facts.write_text(facts.read_text() + fact)


def take_back_once(root: Path) -> None:
    facts = articles(root) / "news-1/facts.ttl"
    lines = facts.read_text().splitlines(keepends=True)
    facts.write_text("".join(line for line in lines if ALIAS not in line))


def remove_article(root: Path) -> None:
    shutil.rmtree(articles(root) / "news-1")


def put_back_article(root: Path) -> None:
    folder = root.parent / "again"
    write_sources(folder, TRIPLES)
    shutil.move(articles(folder) / "news-1", articles(root) / "news-1")
    shutil.rmtree(folder)


def change_entities(root: Path) -> None:
    path = root / "data/entities.ttl"
    path.write_text(path.read_text().replace('"Alias', '"Other'))
    named = 'id:person-0 skos:altLabel "Der Erste"@de {| kg:source <urn:register> |} .\n'
    path.write_text(path.read_text() + named)


CHANGES = (
    (change_name, state_twice),
    (take_back_once, change_entities),
    (remove_article,),
    (put_back_article,),
)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SUBJECTS", "SUBJECTS_OF_GRAPHS"):
        monkeypatch.setattr(writer, name, 16)


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sources and the releases of a first build."""
    folder = tmp_path_factory.mktemp("built")
    write_sources(folder / "sources", TRIPLES)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SUBJECTS", "SUBJECTS_OF_GRAPHS"):
            patch.setattr(writer, name, 16)
        build(folder / "var", folder / "sources")
    return folder


def copy(folder: Path, target: Path) -> tuple[Path, Path]:
    shutil.copytree(folder / "sources", target / "sources")
    shutil.copytree(folder / "var", target / "var", symlinks=True)
    return target / "var", target / "sources"


@pytest.fixture(scope="module")
def changed_once(built_once: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a release holds after one change, where nothing was built before."""
    folder = tmp_path_factory.mktemp("changed")
    shutil.copytree(built_once / "sources", folder / "sources")
    change_name(folder / "sources")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SUBJECTS", "SUBJECTS_OF_GRAPHS"):
            patch.setattr(writer, name, 16)
        return read_all(build(folder / "var", folder / "sources"))


@pytest.fixture
def sorted_anew(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A list that grows whenever all lines are sorted."""
    paths: list[Path] = []
    sort = orders._sort_canonical
    monkeypatch.setattr(orders, "_sort_canonical", lambda data, path: paths.append(path) or sort(data, path))
    return paths


def test_after_each_of_many_changes(tmp_path: Path, built_once: Path, sorted_anew: list[Path]) -> None:
    var, root = copy(built_once, tmp_path)
    ids = set()
    for number, changes in enumerate(CHANGES):
        for change in changes:
            change(root)
        rebuilt = build(var, root)
        assert sorted_anew == [], changes
        fresh = build(tmp_path / f"fresh-{number}", root)
        assert len(sorted_anew) == 1
        sorted_anew.clear()
        assert rebuilt.id == fresh.id
        ids.add(rebuilt.id)
        found, wanted = read_all(rebuilt), read_all(fresh)
        assert found.keys() == wanted.keys()
        assert [name for name in wanted if found[name] != wanted[name]] == [], changes
    assert len(ids) == len(CHANGES)


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()  # and not in place, since other releases may have the same file
    path.write_bytes(content)


HARMS: dict[str, Callable[[Release], None]] = {
    "canonical": lambda release: damage(release.dumps_path / "article-kg.nq.zst"),
    "union": lambda release: damage(release.dumps_path / "article-kg.nt.zst"),
    "graph": lambda release: damage(release.dumps_path / "article-news-0.nt.zst"),
    "gone": lambda release: shutil.rmtree(release.dumps_path),
    "store": lambda release: shutil.rmtree(release.store_path),
}


@pytest.mark.parametrize("harm", HARMS)
def test_after_harm_to_the_last_release(
    tmp_path: Path, built_once: Path, changed_once: dict[str, object], harm: str
) -> None:
    var, root = copy(built_once, tmp_path)
    HARMS[harm](open_release(var, read_current_id(var)))
    change_name(root)
    found = read_all(build(var, root))
    assert [name for name in changed_once if found[name] != changed_once[name]] == []


def test_a_change_that_is_not_that_of_the_lines_is_refused(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.write_bytes(b"b\nd\nf\n")
    splice(before, after, [b"d\n"], [b"a\n", b"c\n", b"e\n", b"g\n"], bytes)
    assert after.read_bytes() == b"a\nb\nc\ne\nf\ng\n"
    splice(before, after, [b"b\n", b"d\n", b"f\n"], [], bytes)
    assert after.read_bytes() == b""
    splice(after, before, [], [b"a\n"], bytes)
    assert before.read_bytes() == b"a\n"
    for gone, come in (([b"c\n"], []), ([], [b"a\n"])):
        with pytest.raises(ValueError, match="is not what changed"):
            splice(before, after, gone, come, bytes)


def test_lines_are_found_by_halves() -> None:
    lines = b"".join(f"<{n:03d}> {'x' * (n % 7)} <{n}> .\n".encode() for n in range(0, 200, 2))
    for n in range(200):
        place = find_place(lines, f"<{n:03d}>".encode(), bytes)
        assert lines[place : place + 5] == (f"<{n + n % 2:03d}>".encode() if n < 199 else b"")
    assert len(list(list_starting(lines, b"<00"))) == 5
    assert list(list_starting(lines, b"<001>")) == []

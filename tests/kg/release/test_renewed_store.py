"""A store that is made of the one before holds what it should, and leaves that one as it was."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.check.findings import check_sources
from kg.release.digests import hash_file
from kg.release.dumps import change
from kg.release.layout import Release, dumps_path
from kg.release.making import store
from kg.release.making.build import build_release
from kg.sources import read_sources
from tests.conftest import BASE

NAME = 'id:city skos:altLabel "Town"@en {| kg:source <urn:register> |} .\n'
OTHER = 'id:city skos:altLabel "Stadt"@de {| kg:source <urn:register> |} .\n'


def build(var: Path, root: Path) -> tuple[Release, set[ox.Quad]]:
    sources = read_sources(root, BASE)
    report = check_sources(sources)
    return build_release(sources, report, var), set(report.quads)


def read(release: Release) -> set[ox.Quad]:
    return set(ox.Store.read_only(str(release.store_path)))


def hash_all(release: Release) -> dict[str, str]:
    return {path.name: hash_file(path) for path in release.store_path.iterdir()}


def list_linked(first: Release, second: Release) -> list[str]:
    pairs = ((path, first.store_path / path.name) for path in second.store_path.iterdir())
    return [path.name for path, old in pairs if old.exists() and path.samefile(old)]


@pytest.fixture
def count_made(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A list that grows by one whenever a store is made of all lines."""
    made: list[Path] = []
    write = store.write_store
    monkeypatch.setattr(store, "write_store", lambda path, lines: made.append(path) or write(path, lines))
    return made


def test_it_holds_what_changed(tmp_path: Path, sources_copy: Path, count_made: list[Path]) -> None:
    releases = [build(tmp_path, sources_copy)]
    path = sources_copy / "data/entities.ttl"
    whole = path.read_text(encoding="utf-8")
    for content in (whole + NAME, whole + NAME.replace("Town", "Borough"), NAME.join((whole, OTHER))):
        path.write_text(content, encoding="utf-8")
        releases.append(build(tmp_path, sources_copy))
    hashes = [hash_all(release) for release, _ in releases]
    assert len(count_made) == 1
    assert len({release.id for release, _ in releases}) == 4
    for release, quads in releases:
        assert read(release) == quads
        assert (release.store_path / "statistics.json").exists()
    assert [hash_all(release) for release, _ in releases] == hashes
    first, second = releases[0][0], releases[1][0]
    assert any(name.endswith(".sst") for name in list_linked(first, second))
    assert all(name.endswith(".sst") for name in list_linked(first, second))


@pytest.mark.parametrize("harm", ["data", "lines", "list", "much", "forgotten"])
def test_it_is_made_of_all_lines_where_it_has_to_be(
    tmp_path: Path, sources_copy: Path, count_made: list[Path], harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = build(tmp_path, sources_copy)
    if harm == "data":
        damaged = next(iter(sorted(first.store_path.glob("*.sst"))))
        damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    elif harm == "lines":
        (first.dumps_path / "entities.nt.zst").write_bytes(b"")
    elif harm == "list":
        (first.path / "files.json").unlink()
    elif harm == "much":
        monkeypatch.setattr(change, "MOST_CHANGED", 2)
    else:
        dumps_path(tmp_path).unlink()
    path = sources_copy / "data/entities.ttl"
    path.write_text(path.read_text(encoding="utf-8") + NAME, encoding="utf-8")
    second, quads = build(tmp_path, sources_copy)
    assert len(count_made) == 2
    assert read(second) == quads
    assert list_linked(first, second) == []

"""A dump loaded elsewhere answers the example queries as the release does."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pyoxigraph as ox
import pytest
import rdflib

from kg.check.findings import check_sources
from kg.release.layout import Release
from kg.release.making.build import build_release
from kg.sources import Sources, read_sources
from tests.conftest import BASE

ROOT = Path(__file__).parents[3]
SOURCES = read_sources(ROOT, BASE)


@pytest.fixture(scope="module")
def sources() -> Sources:
    return SOURCES


@pytest.fixture(scope="module")
def release(sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Release:
    return build_release(sources, check_sources(sources), tmp_path_factory.mktemp("var"))


@pytest.fixture(scope="module")
def loaded(release: Release) -> rdflib.Dataset:
    dataset = rdflib.Dataset(default_union=True)
    with gzip.open(release.dumps_path / "article-kg.nq.gz") as file:
        dataset.parse(data=file.read(), format="nquads")
    return dataset


def normalize(term: object) -> str:
    if term is None:
        return ""
    return str(term.value) if isinstance(term, ox.NamedNode | ox.Literal) else str(term)


@pytest.mark.slow
@pytest.mark.parametrize("name", [example.name for example in SOURCES.examples])
def test_rdflib_answers_from_a_dump_as_the_release_does(
    sources: Sources, release: Release, loaded: rdflib.Dataset, name: str
) -> None:
    text = next(example.text for example in sources.examples if example.name == name)
    store = ox.Store.read_only(str(release.store_path))
    ours = store.query(text, use_default_graph_as_union=True)
    expected = Counter(tuple(map(normalize, row)) for row in ours)
    assert expected
    assert Counter(tuple(map(normalize, row)) for row in loaded.query(text)) == expected

"""The counts of a release, and that the workers answer from them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg import errors
from kg.formats import CSV
from kg.release.layout import Release
from kg.store.base import Dataset, Query
from kg.store.embedded.pool import PoolSize
from kg.store.embedded.store import EmbeddedStore
from kg.store.planning.statistics import FILE_NAME, Statistics, read_statistics
from tests.kg.store.planning.surveys import survey_store

WHOLE = Dataset()
COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"


@pytest.fixture(scope="module")
def store_path(mini_release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose statistics tell a number that nobody would count."""
    path = tmp_path_factory.mktemp("statistics") / "store"
    shutil.copytree(mini_release.path / "store", path)
    (path / FILE_NAME).write_text(json.dumps({"properties": {"urn:p": 1_234_567}, "classes": {}}))
    return path


@pytest.fixture(scope="module")
def store(store_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(store_path, PoolSize(workers=1, worker_bytes=512 * 1024**2, wait_s=5.0))
    yield store
    store.close()


def ask(store: EmbeddedStore, text: str, dataset: Dataset = WHOLE) -> list[str]:
    answer = store.query(Query(text, dataset, result_formats=(CSV,)))
    return b"".join(answer).decode().splitlines()


def test_a_release_has_the_counts_of_its_store(mini_release: Release) -> None:
    known = read_statistics(mini_release.path / "store")
    store = ox.Store.read_only(str(mini_release.path / "store"))
    assert known == survey_store(store)
    assert known.properties and sum(known.properties.values()) == len(store) == mini_release.manifest.quads
    assert known.classes and known.classes["https://schema.org/NewsArticle"] == len(
        mini_release.manifest.articles
    )


def test_workers_answer_from_the_counts(store: EmbeddedStore) -> None:
    assert ask(store, COUNT) == ["n", "1234567"]


@pytest.mark.parametrize("dataset", [Dataset(("urn:g",)), Dataset((), ("urn:g",))])
def test_counts_are_of_the_whole_dataset_only(store: EmbeddedStore, dataset: Dataset) -> None:
    assert ask(store, COUNT, dataset) == ["n", "0"]
    assert ask(store, "SELECT (COUNT(*) AS ?n) FROM <urn:g> { ?s ?p ?o }") == ["n", "0"]


def test_an_error_is_told_where_it_was_written(store: EmbeddedStore) -> None:
    with pytest.raises(errors.QuerySyntaxError) as caught:
        ask(store, "SELECT ?p { ?s ?p ?o .\nFILTER(?s = <urn:a>)\nFILTER(?o IN ex:b) }")
    assert caught.value.line == 3


def test_a_store_without_counts_answers_by_counting(mini_release: Release, tmp_path: Path) -> None:
    shutil.copytree(mini_release.path / "store", tmp_path / "store")
    (tmp_path / "store" / FILE_NAME).write_text("{broken")
    assert read_statistics(tmp_path / "store") == read_statistics(tmp_path) == Statistics()
    store = EmbeddedStore(tmp_path / "store", PoolSize(workers=1, worker_bytes=512 * 1024**2, wait_s=5.0))
    assert ask(store, COUNT) == ["n", str(mini_release.manifest.quads)]
    store.close()

"""Small queries that an event loop answers itself: as a worker would, and without one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pyoxigraph as ox
import pytest

from kg import errors
from kg.formats import RESULT_FORMATS
from kg.store.base import Dataset, Limits, Query
from kg.store.embedded.pool import PoolSize
from kg.store.embedded.store import EmbeddedStore
from kg.store.planning.statistics import write_statistics
from kg.store.planning.survey import survey_quads
from tests.kg.store.planning.test_bounds import QUERIES, list_lines

MAX_BYTES = 32 * 1024
SMALL = "SELECT ?name { <urn:ex:t7> <urn:ex:name> ?name }"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nearby") / "store"
    lines = list_lines()
    store = ox.Store(str(path))
    store.load(b"".join(lines), ox.RdfFormat.N_QUADS)
    store.flush()
    write_statistics(survey_quads(lines), path)
    return path


@pytest.fixture(scope="module")
def store(path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(path, PoolSize(1, 512 * 1024**2, wait_s=20.0), is_nearby=True)
    yield store
    store.close()


def ask_in_loop(store: EmbeddedStore, query: Query, max_bytes: int = MAX_BYTES) -> tuple[bytes, int | None]:
    """Return an answer and its rows, as a server gets it."""

    async def ask() -> tuple[bytes, int | None]:
        begun = store.begin(query)
        answer = await begun.wait_shortly(max_bytes) or await asyncio.to_thread(begun.finish)
        return b"".join(answer), answer.rows

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, ask()).result()


def is_nearby(store: EmbeddedStore, query: Query) -> bool:
    assert store._nearby is not None
    return store._nearby.answer(query) is not None


@pytest.mark.parametrize("fmt", RESULT_FORMATS, ids=[fmt.name for fmt in RESULT_FORMATS])
def test_answers_are_those_of_a_worker(store: EmbeddedStore, fmt) -> None:
    near = 0
    for text in Random(fmt.name).sample(QUERIES, 150):
        query = Query(text, result_formats=(fmt,), base_iri="http://h/sparql")
        if not is_nearby(store, query):
            continue
        near += 1
        there = store.query(query)
        body = b"".join(there)
        assert ask_in_loop(store, query) == (body, there.rows), text
    assert near > 30


def test_no_worker_is_needed(store: EmbeddedStore) -> None:
    """The only one is held by a query that is not read to its end."""
    held = store.query(Query("SELECT * { ?a ?b ?c . ?d ?e ?f }"))
    assert ask_in_loop(store, Query(SMALL))[1] == 2
    assert store.read_state().busy == 1
    held.close()


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { ?s <urn:ex:in> <urn:ex:hub> }",
        "SELECT * { <urn:ex:hub> <urn:ex:has> ?o }",
        "SELECT * { ?s ?p ?o } LIMIT 1",
        f"{SMALL} ORDER BY ?name",
    ],
)
def test_what_is_not_small_goes_to_a_worker(store: EmbeddedStore, text: str) -> None:
    query = Query(text)
    assert not is_nearby(store, query)
    assert ask_in_loop(store, query)[0] == b"".join(store.query(query))


@pytest.mark.parametrize(
    "query",
    [
        Query(SMALL, Dataset(("urn:g1",))),
        Query(SMALL, limits=Limits(max_result_bytes=10)),
        Query(SMALL, limits=Limits(max_result_rows=1)),
        Query(SMALL, result_formats=()),
        Query("SELECT ?x { <urn:ex:t7> <urn:ex:name> }"),
    ],
)
def test_what_else_a_worker_has_to_see(store: EmbeddedStore, query: Query) -> None:
    assert not is_nearby(store, query)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        (Query(SMALL, limits=Limits(max_result_rows=1)), errors.QueryTooLarge),
        (Query("SELECT ?x { <urn:ex:t7> <urn:ex:name> }"), errors.QuerySyntaxError),
        (Query(SMALL, result_formats=()), errors.NotAcceptable),
    ],
)
def test_errors_are_those_of_a_worker(store: EmbeddedStore, query: Query, error: type[Exception]) -> None:
    with pytest.raises(error):
        ask_in_loop(store, query)


def test_an_answer_that_is_too_large_for_the_loop_is_not_asked_for_again(store: EmbeddedStore) -> None:
    whole = ask_in_loop(store, Query(SMALL))
    assert ask_in_loop(store, Query(SMALL), max_bytes=10) == whole


def test_another_graph_with_the_same_triple_adds_no_row(store: EmbeddedStore) -> None:
    query = Query('ASK { <urn:ex:t7> <urn:ex:name> "name 3" }')
    assert is_nearby(store, query)
    assert b"true" in ask_in_loop(store, query)[0]


def test_without_a_store_nearby_workers_answer(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EmbeddedStore(path, PoolSize(1, 512 * 1024**2, wait_s=20.0), is_nearby=True)
    monkeypatch.setattr(ox.Store, "read_only", _fail)
    try:
        assert ask_in_loop(store, Query(SMALL))[1] == 2
        assert store._nearby is None
    finally:
        store.close()


def _fail(path: str) -> ox.Store:
    raise OSError("too many open files")

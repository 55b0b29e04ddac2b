"""The queries of the benchmark ask the generated graph for something."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from bench.graph import Size, make_graph
from bench.mix import GROUPS, SHAPES

TRIPLES = 20_000
ROUNDS = 8
CAP = 10_000


@pytest.fixture(scope="module")
def store() -> ox.Store:
    store = ox.Store()
    store.bulk_extend(ox.parse("".join(make_graph(TRIPLES)).encode(), format=ox.RdfFormat.N_QUADS))
    return store


def count_rows(store: ox.Store, query: str) -> int:
    answer = store.query(query, use_default_graph_as_union=True)
    return int(bool(answer)) if isinstance(answer, ox.QueryBoolean) else sum(1 for _ in answer)


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_finds_something_and_not_too_much(store: ox.Store, name: str) -> None:
    counts = [count_rows(store, SHAPES[name].write(Size(TRIPLES), turn)) for turn in range(ROUNDS)]
    assert 0 < max(counts) < CAP


@pytest.mark.parametrize("name", SHAPES)
def test_queries_are_drawn_anew_and_the_same_each_time(name: str) -> None:
    texts = [SHAPES[name].write(Size(TRIPLES), turn) for turn in range(ROUNDS)]
    assert texts == [SHAPES[name].write(Size(TRIPLES), turn) for turn in range(ROUNDS)]
    assert len(set(texts)) > 1


def test_every_group_has_its_shapes() -> None:
    groups = [shape.group for shape in SHAPES.values()]
    assert set(groups) == set(GROUPS)
    assert all(groups.count(group) >= 8 for group in GROUPS)
    assert len(SHAPES) >= 30

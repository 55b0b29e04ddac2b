"""The benchmark of rewriting runs, and what it compares is what is rewritten."""

from __future__ import annotations

import pyoxigraph as ox

from bench.graph import Size, make_graph
from bench.rewriting import OTHERS, measure
from tests.kg.store.planning.surveys import survey_store


def test_it_compares_what_is_rewritten() -> None:
    store = ox.Store()
    store.bulk_load("".join(make_graph(5_000)), ox.RdfFormat.N_QUADS)
    lines = list(measure(store, survey_store(store), Size(5_000), 2))
    compared = {line.split(" | ")[0].removeprefix("| ") for line in lines[2:]}
    assert {shape.name for shape in OTHERS} | {"count-class"} <= compared
    assert "labels" not in compared, "what names a thing is asked as it is"

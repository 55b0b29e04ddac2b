"""Queries of the W3C suites, rewritten where a rule holds, answer like the ones that were asked."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from kg.store.planning import rewriting
from kg.store.planning.rewriting import rewrite
from tests.conformance.test_query import CASES
from tests.conformance.w3c import ABSENT, to_path, to_quads
from tests.kg.store.planning.surveys import survey_store


@pytest.mark.skipif(not CASES, reason=ABSENT.kwargs["reason"])
def test_answers_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewriting, "FEW_ROWS", 0)  # the data of a test is a few triples
    rewritten = []
    for case in CASES:
        if case.kind != "QueryEvaluationTest" or "FROM <" in case.query:
            continue
        store = ox.Store()
        store.extend(to_quads(to_path(iri) for iri in case.data + case.graph_data))
        text = rewrite(case.query, survey_store(store))
        if text != case.query:
            rewritten.append(case.name)
            assert ask(store, text, case.query_iri) == ask(store, case.query, case.query_iri), case.name
    assert len(rewritten) > 5


def ask(store: ox.Store, text: str, base_iri: str) -> object:
    """Return the rows, in no order, or the truth value."""
    result = store.query(text, base_iri=base_iri, use_default_graph_as_union=True)
    if isinstance(result, ox.QuerySolutions):
        names = [variable.value for variable in result.variables]
        return names, sorted(str([row[name] for name in names]) for row in result)
    return bool(result)

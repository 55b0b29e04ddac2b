"""The generated graph: the same bytes each time, in the shape of the model."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from itertools import groupby
from pathlib import Path

import pyoxigraph as ox
import pyshacl
import pytest
import rdflib

from bench.graph import BASE, Size, make_graph
from kg.vocab import ORG, TYPE, Names

ROOT = Path(__file__).parent.parent.parent
TRIPLES = 20_000
NAMES = Names(BASE)


@pytest.fixture(scope="module")
def quads() -> list[ox.Quad]:
    return list(ox.parse("".join(make_graph(TRIPLES)).encode(), format=ox.RdfFormat.N_QUADS))


def test_the_same_bytes_twice() -> None:
    assert list(make_graph(TRIPLES)) == list(make_graph(TRIPLES))


def test_size_and_no_triple_twice(quads: list[ox.Quad]) -> None:
    triples = {quad.triple for quad in quads}
    assert TRIPLES <= len(triples) < TRIPLES + 1_000
    assert len(quads) == len(triples)


def test_graph_by_graph(quads: list[ox.Quad]) -> None:
    graphs = [graph for graph, _ in groupby(quads, key=lambda quad: quad.graph_name)]
    assert len(graphs) == len(set(graphs)) > 3


def test_a_larger_graph_takes_no_more_memory() -> None:
    peaks = []
    for triples in (TRIPLES, 3 * TRIPLES):
        tracemalloc.start()
        assert sum(1 for _ in make_graph(triples)) >= triples
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 100_000


def test_hubs_and_tails(quads: list[ox.Quad]) -> None:
    incoming = Counter(quad.object.value for quad in quads if isinstance(quad.object, ox.NamedNode))
    assert incoming[NAMES.thing("edition-0").value] >= TRIPLES // 100
    members = Counter(quad.object for quad in quads if quad.predicate == ORG("organization"))
    assert members[NAMES.thing("body-0")] > 5 * sorted(members.values())[len(members) // 2]


def test_names_in_three_languages(quads: list[ox.Quad]) -> None:
    person = NAMES.thing(f"person-{Size(TRIPLES).people - 1}")
    labels = [q.object for q in quads if q.subject == person and q.predicate.value.endswith("prefLabel")]
    assert {label.language for label in labels if isinstance(label, ox.Literal)} == {"en", "zh", "ja"}


def test_evidence_of_every_fact_is_there(quads: list[ox.Quad]) -> None:
    records = {q.subject for q in quads if q.predicate == TYPE and q.object == NAMES.term("Evidence")}
    named = {q.object for q in quads if q.predicate == NAMES.term("evidence")}
    assert named == records
    facts = {q.object for q in quads if q.predicate.value.endswith("hasBody")}
    assert facts <= {q.subject for q in quads}


def test_it_passes_the_published_shapes() -> None:
    data = rdflib.Graph()
    for quad in ox.parse("".join(make_graph(4_000)).encode(), format=ox.RdfFormat.N_QUADS):
        data.parse(data=f"{quad.triple} .", format="nt")
    shapes = rdflib.Graph().parse(ROOT / "ontology" / "shapes.ttl", format="turtle", publicID=BASE)
    conforms, _, report = pyshacl.validate(data, shacl_graph=shapes)
    assert conforms, report

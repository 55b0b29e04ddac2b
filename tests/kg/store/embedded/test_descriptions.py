"""DESCRIBE: the resources that each form of it means, and what is said about them."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from kg.store.embedded.descriptions import describe, take_apart

DATA = """
PREFIX : <http://h/>
PREFIX oa: <http://www.w3.org/ns/oa#>
PREFIX owl: <http://www.w3.org/2002/07/owl#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
:g1 { :a :p :b ; rdfs:label "A" . :b rdfs:label "B" . :c :p :a . }
:g2 { :a :p "2" . :node :who :a ; :evidence :record . :d :p :a .
      :record oa:hasBody :node ; oa:hasTarget :target . :target oa:hasSelector :quote .
      :quote oa:exact "words" .
      :axiom a owl:Axiom ; owl:annotatedSource :a ; :evidence :record2 . :record2 oa:hasBody :axiom . }
"""


@pytest.fixture(scope="module")
def store() -> ox.Store:
    made = ox.Store()
    made.load(DATA.encode(), ox.RdfFormat.TRIG)
    return made


def run(store: ox.Store, text: str, **options: object) -> set[str]:
    """Return the triples of a description, without the IRIs' common part."""
    parts = take_apart(text)
    assert parts is not None
    triples = list(describe(store, parts, options or {"use_default_graph_as_union": "FROM" not in text}))
    assert len(triples) == len(set(triples)), "each triple comes once"
    return {f"{t.subject} {t.predicate} {t.object}".replace("http://h/", "") for t in triples}


def subjects(store: ox.Store, text: str, **options: object) -> set[str]:
    return {line.split()[0].strip("<>") for line in run(store, text, **options)}


AROUND_A = {"a", "b", "c", "d", "node", "record", "target", "quote", "axiom", "record2"}


def test_a_description_has_nodes_and_evidence(store: ox.Store) -> None:
    assert subjects(store, "DESCRIBE <http://h/a>") == AROUND_A
    assert '<quote> <http://www.w3.org/ns/oa#exact> "words"' in run(store, "DESCRIBE <http://h/a>")


@pytest.mark.parametrize(
    ("text", "described"),
    [
        ("PREFIX x: <http://h/> DESCRIBE x:b", {"b"}),
        ("BASE <http://h/> describe<b>", {"b"}),
        ("DESCRIBE <http://h/b> ?x # WHERE\nWHERE { ?x <http://h/none> 1 }", {"b"}),
        ("DESCRIBE ?b { ?a <http://h/p> ?b FILTER(isIRI(?b)) } ORDER BY ?b LIMIT 1", {"a"}),
        ("DESCRIBE * { <http://h/a> <http://h/p> ?o }", {"b"}),
        ("DESCRIBE $o { <http://h/a> <http://h/p> ?o }", {"b"}),
        ("DESCRIBE ?x { VALUES ?x { <http://h/b> <http://h/b> 'b' UNDEF } }", {"b"}),
        ("DESCRIBE ?x { ?x ?p 'DESCRIBE * { }' }", set()),
        ("DESCRIBE ?x", set()),
        ("DESCRIBE <http://h/nothing>", set()),
        ("DESCRIBE ?x { SELECT ?x { ?x <http://h/p> '2' } } LIMIT 0", set()),
        ("DESCRIBE <http://h/b> WHERE { ?s ?p ?o }", {"b"}),
        ("DESCRIBE ?x {} VALUES ?x { <http://h/b> }", {"b"}),
    ],
)
def test_forms(store: ox.Store, text: str, described: set[str]) -> None:
    expected = set()
    for name in described:
        expected |= run(store, f"DESCRIBE <http://h/{name}>")
    assert run(store, text) == expected


@pytest.mark.parametrize(
    ("text", "options", "seen"),
    [
        ("DESCRIBE <http://h/a> FROM <http://h/g1>", {}, {"a", "b", "c"}),
        ("BASE <http://h/> DESCRIBE <a> FROM NAMED <g1>", {}, {"a", "b", "c"}),
        ("DESCRIBE <http://h/a> FROM <http://h/g1> FROM <http://h/g2> {}", {}, AROUND_A),
        ("DESCRIBE ?x FROM <http://h/g2> { ?x <http://h/p> '2' }", {}, AROUND_A - {"b", "c"}),
        ("DESCRIBE ?x FROM <http://h/g1> { ?x <http://h/p> '2' }", {}, set()),
        (
            "DESCRIBE <http://h/a> FROM <http://h/g2>",
            {"default_graph": ["g1"], "named_graphs": []},
            {"a", "b", "c"},
        ),
        ("DESCRIBE <http://h/a>", {"default_graph": [], "named_graphs": ["g1"]}, {"a", "b", "c"}),
    ],
)
def test_the_dataset_counts(
    store: ox.Store, text: str, options: dict[str, list[str]], seen: set[str]
) -> None:
    nodes = {name: [ox.NamedNode("http://h/" + iri) for iri in iris] for name, iris in options.items()}
    assert subjects(store, text, **nodes) == seen


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("DESCRIBE ex:a", "1:14"),
        ("DESCRIBE <http://h/b>\n?x { ?x ?p }", "2:12"),
        ("DESCRIBE\n  ?x <a> FROM ex:g {}", "2:19"),
        ("DESCRIBE <http://h/b>\nWHERE { ?x ?p }", "2:15"),
        ("DESCRIBE", "1:9"),
        ("DESCRIBE { ?s ?p ?o }", "1:1"),
    ],
)
def test_errors_have_their_place(store: ox.Store, text: str, place: str) -> None:
    parts = take_apart(text)
    assert parts is not None
    with pytest.raises(SyntaxError, match=f"^error at {place[0]}:"):
        describe(store, parts, {"base_iri": None})

"""What is known of a release is what its engine would count."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pyoxigraph as ox
import pytest

from kg.store.planning import survey
from kg.store.planning.survey import MAX_TERMS, survey_quads
from tests.kg.store.planning.surveys import list_lines, survey_store

TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"


def make_store(seed: int) -> ox.Store:
    """Make a store of things with values few and many, and of all kinds, of which much is said twice."""
    rng, quads = random.Random(seed), []
    for number in range(60):
        subject = f"<urn:s:{number}>" if number % 7 else f"_:s{number}"
        class_ = rng.choice("CDE") if number != 1 else "C"
        pairs = [("<urn:of-class>", f"<urn:{rng.choice('xyz')}>"), ("<urn:many>", f"<urn:s:{number}>")]
        pairs += [("<urn:of-c>", f"<urn:{rng.choice('xy')}>")] if class_ == "C" else []
        pairs += [
            (f"<urn:{rng.choice('pq')}>", f"<urn:{rng.choice('vw-')}>") for _ in range(rng.randrange(4))
        ]
        pairs += [("<urn:mixed>", rng.choice(['"a"', "<urn:x>", "_:s7"]))]
        for predicate, value in pairs:
            graphs = rng.choice([[""], ["<urn:g>"], ["<urn:g>", "<urn:h>"]])
            quads += [f"{graph} {{ {subject} {predicate} {value} . }}" for graph in graphs]
        quads += [f"<urn:g> {{ {subject} a <urn:{class_}> }}"]
    quads += ["<urn:h> { <urn:s:1> a <urn:C> . _:s7 a _:class }"]
    store = ox.Store()
    store.load("\n".join(quads), ox.RdfFormat.TRIG)
    return store


def count(store: ox.Store, text: str) -> Counter[tuple[str, ...]]:
    """Return the rows of a query whose last column is a number, as the other columns → that number."""
    result = store.query(text, use_default_graph_as_union=True)
    assert isinstance(result, ox.QuerySolutions)
    names = [variable.value for variable in result.variables]
    found: Counter[tuple[str, ...]] = Counter()
    for row in result:
        terms = [row[name] for name in names]
        assert isinstance(terms[-1], ox.Literal)
        found[tuple(str(term).strip("<>") for term in terms[:-1])] = int(terms[-1].value)
    return found


@pytest.fixture(autouse=True)
def _few_values_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "MIN_QUADS", 3)
    monkeypatch.setattr(survey, "MAX_VALUES", 10)


@pytest.mark.parametrize("seed", range(5))
def test_the_engine_counts_the_same(seed: int) -> None:
    store = make_store(seed)
    known = survey_store(store)
    properties = count(store, "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p")
    assert {(name,): n for name, n in (known.properties or {}).items()} == properties
    assert known.classes is None, "one of them is a blank node"
    assert set(known.values) == {"urn:of-class", "urn:of-c", "urn:p", "urn:q"}
    for name, values in known.values.items():
        counted = count(store, f"SELECT ?o (COUNT(*) AS ?n) {{ ?s <{name}> ?o }} GROUP BY ?o")
        assert {(value,): n for value, n in values.items()} == counted
    pairs = 0
    for one, others in known.together.items():
        for other, rows in others.items():
            pairs += 1
            assert one < other
            text = f"SELECT ?o ?v (COUNT(*) AS ?n) {{ ?s <{one}> ?o ; <{other}> ?v }} GROUP BY ?o ?v"
            assert {(value, other_value): n for value, other_value, n in rows} == count(store, text)
    assert pairs == 6


@pytest.mark.parametrize("seed", range(5))
def test_a_property_tells_a_class_if_each_of_its_subjects_is_of_it_once(seed: int) -> None:
    store = make_store(seed)
    known = survey_store(store)
    everything = "SELECT DISTINCT (STR(?p) AS ?name) (STR(?c) AS ?class) (0 AS ?n) { ?s ?p [] . [] a ?c %s }"
    possible = count(store, everything % "FILTER(isIRI(?c))")
    for name, class_ in (tuple(text.strip('"') for text in pair) for pair in possible):
        rows = count(
            store,
            f"SELECT ?s (COUNT(?type) AS ?n) {{ {{ SELECT DISTINCT ?s {{ ?s <{name}> [] }} }}"
            f" OPTIONAL {{ ?s a ?type FILTER(?type = <{class_}>) }} }} GROUP BY ?s",
        )
        tells = set(rows.values()) <= {1} and len(rows) == sum(rows.values())
        assert (class_ in known.classes_of.get(name, ())) == tells, f"{name} {class_}"
    assert "urn:C" not in known.classes_of.get("urn:of-c", ()), "that s:1 is of it is said twice"


def test_a_class_is_told() -> None:
    lines = [
        b"<urn:a> <%s> <urn:C> <urn:g> .\n" % TYPE.encode(),
        b"<urn:a> <%s> <urn:D> <urn:g> .\n" % TYPE.encode(),
        b"<urn:a> <urn:p> <urn:o> <urn:g> .\n",
        b"<urn:a> <urn:q> <urn:o> <urn:g> .\n",
        b"<urn:b> <%s> <urn:C> <urn:g> .\n" % TYPE.encode(),
        b"<urn:b> <%s> <urn:D> <urn:g> .\n" % TYPE.encode(),
        b"<urn:b> <%s> <urn:D> <urn:h> .\n" % TYPE.encode(),
        b"<urn:b> <urn:p> <urn:o> <urn:g> .\n",
        b"<urn:c> <urn:r> <urn:o> <urn:g> .\n",
    ]
    told = survey_quads(lines).classes_of
    assert (told["urn:p"], told["urn:q"], told.get("urn:r")) == (["urn:C"], ["urn:C", "urn:D"], None)


@pytest.mark.parametrize(
    "value", ['"a"', "_:a", "<<( <urn:a> <urn:p> <urn:b> )>>", "<urn:\\u00e9>", '"<a>"', '"1"^^<urn:t>']
)
def test_values_that_are_no_iris_are_not_told(value: str) -> None:
    lines = [f"<urn:s{number}> <urn:p> {value} <urn:g> .\n".encode() for number in range(5)]
    known = survey_quads(lines)
    assert known.properties == {"urn:p": 5}
    assert known.values == {} == known.together


def widen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "MAX_KINDS", 3)


def shorten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "MAX_ROWS", 15)


@pytest.mark.parametrize("bound", [widen, shorten])
def test_what_is_left_of_large_tables_is_right(
    monkeypatch: pytest.MonkeyPatch, bound: Callable[[pytest.MonkeyPatch], None]
) -> None:
    store = make_store(1)
    everything = survey_store(store)
    bound(monkeypatch)
    known = survey_store(store)
    assert known.together.items() != everything.together.items()
    for one, others in known.together.items():
        assert others.items() <= everything.together[one].items()
    assert known.values.items() <= everything.values.items()
    assert known.properties == everything.properties and known.classes_of == everything.classes_of


@pytest.mark.parametrize(
    "text", ["<urn:s> a _:b .", "".join(f"<urn:s> a <urn:c{number}> .\n" for number in range(MAX_TERMS + 1))]
)
def test_classes_that_values_cannot_name_are_not_told(text: str) -> None:
    store = ox.Store()
    store.load(text, ox.RdfFormat.TURTLE)
    known = survey_store(store)
    assert known.classes is None
    assert known.properties == {TYPE: len(store)}


def test_the_most_of_a_subject() -> None:
    lines = [
        b"<urn:a> <urn:p> <urn:b> <urn:g> .\n",
        b'<urn:a> <urn:p> "a b" .\n',
        b'<urn:a> <urn:q> "c" .\n',
        b"<urn:b> <urn:p> <urn:b> .\n",
    ]
    known = survey_quads(lines)
    assert (known.most_objects, known.most_quads) == ({"urn:p": 2, "urn:q": 1}, 3)


def test_many_shapes_are_counted_like_few(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = list_lines(make_store(2))
    expected = survey_quads(lines)
    monkeypatch.setattr(survey, "MAX_SHAPES", 2)
    assert survey_quads(lines) == expected


@pytest.mark.parametrize(
    "lines",
    [
        [b"<urn:s> <urn:\\u00e9> <urn:o> .\n"],
        [b"<urn:s> <urn:%d> <urn:o> .\n" % number for number in range(MAX_TERMS + 1)],
    ],
)
def test_properties_that_cannot_be_told_apart_are_not_told(lines: list[bytes]) -> None:
    known = survey_quads(lines)
    assert known.most_objects is None and known.properties is None

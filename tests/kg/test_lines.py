"""Lines are triples: terms, Turtle and JSON-LD from them are what pyoxigraph makes of the triples."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pyoxigraph as ox
import pytest
from pyoxigraph import Literal, NamedNode, Triple

from bench.graph import BASE as BENCH
from bench.graph import make_graph
from kg.formats import N_TRIPLES, RDF_XML, TURTLE
from kg.lines import Line, Statements, join_lines, read_value, split_lines, to_line, to_term, to_triples
from kg.release.layout import Release
from kg.serialization import dump_json, expand, serialize_lines, serialize_statements
from kg.vocab import TYPE, XSD, Names
from tests.conftest import BASE

PREFIXES = {"id": "http://h/id/", "kg": "http://h/ontology#", "deep": "http://h/id/deep/", "xsd": XSD.iri}
LOCALS = ("a", "17th", "a.b", "a.", "-a", "a-", "_a", "", "é", "王毅", "a/b", "a%20b", "a'b", "deep/a", "a:b")
TEXTS = (
    "",
    "a",
    'a"b',
    "a\\",
    "line\nline\r\t",
    "\u2028\x85\x00\x7f",
    '"@en',
    '"^^<x>',
    " . ",
    "<http://h/id/a>",
)
NUMBERS = ("3", "+3", "-3", "0", "-0", "03", "3.0", "1e3", "INF", "true", "false", "9" * 15, "9" * 16)
TYPES = (*(XSD(name) for name in ("integer", "decimal", "double", "boolean", "date", "string")),)
OWN_TYPES = tuple(NamedNode(f"{PREFIXES['kg']}{local}") for local in ("t", "t/u", "t."))

IRIS = [NamedNode(space + local) for space in (*PREFIXES.values(), "http://h/") for local in LOCALS]
LITERALS = [
    *(Literal(text, language=tag) for text in TEXTS for tag in (None, "en", "zh-hans", "EN-us")),
    *(Literal(text, datatype=datatype) for text in (*NUMBERS, *TEXTS) for datatype in (*TYPES, *OWN_TYPES)),
]
A = NamedNode("http://h/id/a")
AWKWARD = [
    *(Triple(A, NamedNode("http://h/p"), term) for term in (*IRIS, *LITERALS)),
    *(Triple(A, iri, A) for iri in IRIS),
    *(Triple(iri, TYPE, TYPE) for iri in IRIS),
]


def sort_lines(triples: Iterable[Triple]) -> list[Line]:
    return sorted({to_line(triple) for triple in triples})


def assert_same(lines: list[Line], prefixes: dict[str, str]) -> None:
    for fmt in (TURTLE, N_TRIPLES, RDF_XML):
        triples = to_triples(lines)
        assert serialize_lines(lines, fmt, prefixes, {}) == serialize_statements(triples, fmt, prefixes, {})


def test_terms_come_back() -> None:
    for term in (*IRIS, *LITERALS):
        assert to_term(str(term)) == term
        assert read_value(str(term)) == term.value


def test_lines_come_back() -> None:
    lines = sort_lines(AWKWARD)
    assert split_lines(join_lines(lines).decode()) == lines
    assert set(to_triples(lines)) == set(AWKWARD)
    statements = Statements(tuple(lines))
    assert [statements[1], *statements[2:]] == to_triples(lines[1:]) and len(statements) == len(lines)


@pytest.mark.parametrize("prefixes", [PREFIXES, {"id": "http://h/id/"}, {}])
def test_awkward_terms_as_turtle(prefixes: dict[str, str]) -> None:
    for line in sort_lines(AWKWARD):
        written = serialize_lines([line], TURTLE, prefixes, {})
        assert written == serialize_statements(to_triples([line]), TURTLE, prefixes, {})
    whole = serialize_lines(sort_lines(AWKWARD), TURTLE, prefixes, {})
    assert whole == serialize_statements(to_triples(sort_lines(AWKWARD)), TURTLE, prefixes, {})
    assert {quad.triple for quad in ox.parse(whole, format=ox.RdfFormat.TURTLE)} == set(AWKWARD)


def test_all_that_is_published(mini_release: Release) -> None:
    triples = {quad.triple for quad in ox.Store.read_only(str(mini_release.store_path))}
    assert_same(sort_lines(triples), Names(BASE).prefixes)


def test_a_generated_graph() -> None:
    quads = ox.parse("".join(make_graph(2_000)).encode(), format=ox.RdfFormat.N_QUADS)
    assert_same(sort_lines(quad.triple for quad in quads), Names(BENCH).prefixes)


def expand_literal(value: Literal) -> dict[str, Any]:
    """Return a literal as JSON-LD, as the specification has it (API, section 8.4.2, native types)."""
    if value.language:
        return {"@value": value.value, "@language": value.language}
    if value.datatype == XSD("string"):
        return {"@value": value.value}
    if value.datatype == XSD("boolean") and value.value in ("true", "false"):
        return {"@value": value.value == "true"}
    # Only what JSON writes the same way, and no parser rounds.
    is_integer = value.datatype == XSD("integer") and value.value.lstrip("-").isdecimal()
    if is_integer and str(int(value.value)) == value.value and abs(int(value.value)) < 10**15:
        return {"@value": int(value.value)}
    return {"@value": value.value, "@type": value.datatype.value}


def test_literals_as_json_ld() -> None:
    for literal in LITERALS:
        (node,) = expand([to_line(Triple(A, NamedNode("http://h/p"), literal))])
        assert node == {"@id": A.value, "http://h/p": [expand_literal(literal)]}


@pytest.mark.parametrize(
    "value", [None, 3, True, '王\n"', [], {}, [[], {}, [1]], {"a": {"b": [{"é": "\u2028"}, 2]}}]
)
def test_json_is_laid_out_as_the_library_does(value: Any) -> None:
    assert dump_json(value) == json.dumps(value, ensure_ascii=False, indent=1)

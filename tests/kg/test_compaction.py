"""Compaction by kinds gives what PyLD gives, for all that is published and for contexts of several shapes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyoxigraph as ox
import pytest

from bench.graph import make_graph
from kg.compaction import Compactor, is_simple
from kg.context import Context, _compact_wholly, compact
from kg.lines import to_line
from kg.release.layout import Release, load_context
from kg.serialization import expand

BARE = {"id": "https://kg.example/id/", "kg": "https://kg.example/ontology#"}
SHAPES: list[Context] = [
    {},
    BARE,
    BARE | {"iri": "@id", "type": "@type"},
    BARE | {"name": {"@id": "http://www.w3.org/2004/02/skos/core#prefLabel"}},
    BARE
    | {
        "name": {"@id": "http://www.w3.org/2004/02/skos/core#prefLabel", "@container": "@language"},
        "noName": {"@id": "http://www.w3.org/2004/02/skos/core#prefLabel", "@container": "@set"},
        "evidence": {"@id": "kg:evidence", "@type": "@id", "@container": ["@set"]},
        "number": {"@id": "kg:sentenceNumber", "@type": "http://www.w3.org/2001/XMLSchema#integer"},
        "Claim": {"@id": "kg:Claim"},
        "about": "kg:about",
    },
    {
        "i": "https://kg.example/",
        "id": "https://kg.example/id/",
        "claim": "https://kg.example/ontology#claim",
    },
]
AWKWARD: list[dict[str, Any]] = [
    {
        "@id": "https://kg.example/id/",
        "http://h/p": [
            {"@value": "a"},
            {"@value": "a", "@language": "en"},
            {"@value": "a", "@language": "en"},
            {"@value": True},
            {"@value": 3},
            {"@value": "3", "@type": "http://www.w3.org/2001/XMLSchema#decimal"},
            {"@value": "http://h/T", "@type": "http://h/T"},
            {"@id": "https://kg.example/id/a"},
            {"@id": "https://kg.example/idle"},
        ],
    },
    {
        "@id": "urn:x",
        "@type": ["https://kg.example/ontology#Claim", "http://h/T"],
    },
]


@pytest.fixture(scope="module")
def nodes(mini_release: Release) -> list[dict[str, Any]]:
    return expand(sorted({to_line(quad) for quad in ox.Store.read_only(str(mini_release.store_path))}))


def contexts(release: Release) -> Iterator[Context]:
    yield load_context(release.context_path)
    yield from SHAPES


def compact_by_kinds(nodes: list[dict[str, Any]], context: Context) -> list[dict[str, Any]]:
    assert is_simple(context)
    return Compactor(context, lambda probed: _compact_wholly(context, probed)).compact(nodes)


def as_text(nodes: list[dict[str, Any]]) -> str:
    """With the order of keys, since the same triples are to give the same bytes."""
    return json.dumps(nodes, ensure_ascii=False, indent=1)


def test_all_that_is_published(mini_release: Release, nodes: list[dict[str, Any]]) -> None:
    for context in contexts(mini_release):
        for node in nodes:
            assert as_text(compact_by_kinds([node], context)) == as_text(_compact_wholly(context, [node]))
        assert as_text(compact_by_kinds(nodes, context)) == as_text(_compact_wholly(context, nodes))


def test_a_generated_graph(mini_release: Release) -> None:
    quads = ox.parse("".join(make_graph(2_000)).encode(), format=ox.RdfFormat.N_QUADS)
    nodes = expand(map(to_line, quads))
    context = load_context(mini_release.context_path)
    assert as_text(compact(nodes, context)) == as_text(_compact_wholly(context, nodes))


def test_awkward_values(mini_release: Release) -> None:
    for context in contexts(mini_release):
        for node in AWKWARD:
            assert as_text(compact_by_kinds([node], context)) == as_text(_compact_wholly(context, [node]))


@pytest.mark.parametrize(
    "context",
    [
        {"@vocab": "http://h/"},
        {"@language": "en"},
        {"@base": "http://h/"},
        {"p": {"@id": "http://h/p", "@type": "@vocab"}},
        {"p": {"@id": "http://h/p", "@container": "@index"}},
        {"p": {"@reverse": "http://h/p"}},
        {"p": {"@id": "http://h/p", "@context": {}}},
        {"a": "http://h/", "p": "a:p/"},
        {"p": None},
    ],
)
def test_other_contexts_are_left_to_the_whole_algorithm(context: Context) -> None:
    assert not is_simple(context)
    node = {"@id": "http://h/x", "http://h/p": [{"@id": "http://h/y"}, {"@value": "v", "@language": "en"}]}
    assert compact([node], context) == _compact_wholly(context, [node])

"""What an index finds in lines stands in the triples; links and headers are as libraries write them."""

from __future__ import annotations

import random
from itertools import permutations
from urllib.parse import quote

import pyoxigraph as ox
import pytest
from flask import Response
from pyoxigraph import Literal, NamedNode, Triple

from kg.description import Description
from kg.description_index import Index
from kg.release.layout import Release
from kg.vocab import PREF_LABEL, RDFS, TYPE, Names
from tests.conftest import BASE
from webapp.languages import LANGUAGES
from webapp.links import Linker, pick_label
from webapp.responses import vary

A = NamedNode("http://h/id/a")
LABELS = [
    *(
        Literal(text, language=tag)
        for text in ("a", "a b", 'a"', "a!")
        for tag in ("en", "zh", "zh-hans", "ko")
    ),
    *(Literal(text) for text in ("a", "a\nb", "1")),
]


@pytest.fixture(scope="module")
def triples(mini_release: Release) -> list[Triple]:
    return sorted({quad.triple for quad in ox.Store.read_only(str(mini_release.store_path))}, key=str)


def test_an_index_finds_all_that_is_published(triples: list[Triple]) -> None:
    shuffled = triples.copy()
    random.Random(1).shuffle(shuffled)
    index = Index(Description(NamedNode(f"{BASE}id/ada-lind"), own=shuffled), Names(BASE))
    for triple in triples:
        same = [t.object for t in triples if (t.subject, t.predicate) == (triple.subject, triple.predicate)]
        assert isinstance(triple.subject, NamedNode)
        assert index.values(triple.subject, triple.predicate) == same
        assert index.first(triple.subject, triple.predicate) == same[0]
        assert index.text(triple.subject, triple.predicate) == same[0].value  # type: ignore[union-attr]
    for subject in index.subjects:
        of_types = [triple for triple in triples if triple.subject == subject and triple.predicate == TYPE]
        others = [triple for triple in triples if triple.subject == subject and triple.predicate != TYPE]
        lines = [tuple(map(str, triple)) for triple in (*of_types, *others)]
        assert index.list_lines(subject) == lines


def test_the_label_of_a_reader_is_the_one_picked_among_all(triples: list[Triple]) -> None:
    index = Index(Description(A, own=triples), Names(BASE))
    for language in LANGUAGES:
        for thing in index.subjects:
            assert index.label(thing, language.fallback) == pick_label(index.labels(thing), language.fallback)


@pytest.mark.parametrize("property_", [PREF_LABEL, RDFS("label")])
def test_any_labels_are_ranked_alike(property_: NamedNode) -> None:
    rng = random.Random(2)
    for languages in permutations(("en", "zh", "ja")):
        for count in (0, 1, 2, 3, len(LABELS)):
            labels = rng.sample(LABELS, count)
            index = Index(
                Description(A, own=[Triple(A, property_, label) for label in labels]), Names("http://h/")
            )
            assert index.label(A, languages) == pick_label(index.labels(A), languages)


@pytest.mark.parametrize(
    "local", ["id/a", "id/17th", "article/a/sentence/3#x", "id/é", "id/a b", "id/a?b", "id/%20"]
)
def test_links_are_quoted(local: str) -> None:
    path = f"page/{local[3:]}" if local.startswith("id/") else local
    expected = "/kg/" + quote(path, safe="/#:@!$&'()*+,;=~")
    assert Linker(Names("http://h/"), "/kg/").href(f"http://h/{local}") == expected


def test_headers_that_decide_are_named_once() -> None:
    ours, theirs = Response(), Response()
    for names in (("Accept",), ("Accept-Language", "Cookie"), ("accept",), ("Accept-Encoding", "Cookie")):
        vary(ours, *names)
        theirs.vary.update(names)
        assert ours.headers["Vary"] == theirs.headers["Vary"]

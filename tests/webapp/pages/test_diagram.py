"""Diagrams of vocabularies that are empty, odd or circular."""

from __future__ import annotations

import pytest
from pyoxigraph import Literal, NamedNode, Triple

from kg.ontology import Ontology, Term, read_ontology
from kg.vocab import OWL, RDFS, TYPE, Names
from webapp.pages.diagram import Diagram, draw_classes, draw_relations

NAMES = Names("http://h/")


def make(*pairs: tuple[str, str]) -> Ontology:
    """Return a vocabulary of classes, each pair of them child and parent."""
    classes = {NAMES.term(name) for pair in pairs for name in pair}
    triples = [Triple(term, TYPE, OWL("Class")) for term in classes]
    triples += [Triple(NAMES.term(a), RDFS("subClassOf"), NAMES.term(b)) for a, b in pairs]
    return read_ontology(triples, [], NAMES)


def label(term: Term) -> str:
    return term.iri.value.rpartition("#")[2]


def draw(*pairs: tuple[str, str]) -> Diagram:
    return draw_classes(make(*pairs), label)


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw().boxes == ()
    assert draw_relations(make(), label).boxes == ()


def test_kinds_stand_right_of_what_they_are_kinds_of() -> None:
    drawn = draw(("B", "A"), ("C", "A"), ("D", "B"), ("D", "X"))
    place = {box.label: box for box in drawn.boxes}
    assert place["A"].x < place["B"].x < place["D"].x
    assert len(drawn.lines) == 4
    spots = [(box.x, box.y) for box in drawn.boxes]
    assert len(set(spots)) == len(spots)
    assert all(box.x + box.width <= drawn.width and box.y < drawn.height for box in drawn.boxes)


@pytest.mark.parametrize(
    "pairs", [[("A", "A")], [("A", "B"), ("B", "A")], [("A", "B"), ("B", "A"), ("C", "D")]]
)
def test_a_circle_does_no_harm(pairs: list[tuple[str, str]]) -> None:
    draw(*pairs)


def test_a_relation_leads_from_its_domain_to_its_range() -> None:
    relation, start, end = (NAMES.term(name) for name in ("r", "A", "B"))
    triples = [Triple(relation, TYPE, OWL("ObjectProperty"))]
    triples += [Triple(term, TYPE, OWL("Class")) for term in (start, end)]
    triples += [Triple(relation, RDFS("domain"), start), Triple(relation, RDFS("range"), end)]
    triples += [Triple(relation, RDFS("label"), Literal("r", language="en"))]
    drawn = draw_relations(read_ontology(triples, [], NAMES), label)
    (line,) = drawn.lines
    assert line.label == "r"
    assert line.x1 < line.x2
    assert NamedNode("http://h/ontology#A") in {box.term.iri for box in drawn.boxes}

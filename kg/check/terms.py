"""Checks that every term is declared, and that every thing is declared once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from pyoxigraph import NamedNode

from kg.model import Document, Finding, Place, Statement
from kg.sources import Sources, declared
from kg.vocab import BUILT_IN, TYPE


def find_unknown_terms(sources: Sources) -> Iterator[Finding]:
    """Yield a finding for each property, class or own term in the data that the ontology lacks."""
    known = {statement.subject.value for statement in declared(sources.ontology)}
    own = sources.names.term("").value
    for document in sources.documents:
        for statement in document.statements:
            for term in _terms(statement, own):
                if term.value not in known and not term.value.startswith(BUILT_IN):
                    yield _unknown(term, statement.place, known)
        for place, term in _grounding_terms(document):
            if term.value not in known:
                yield _unknown(term, place, known)


def _terms(statement: Statement, own: str) -> Iterator[NamedNode]:
    yield statement.predicate
    value = statement.value
    if isinstance(value, NamedNode) and (statement.predicate == TYPE or value.value.startswith(own)):
        yield value


def _grounding_terms(document: Document) -> Iterator[tuple[Place, NamedNode]]:
    for fact in document.facts:
        for grounds in fact.grounds:
            for term in (grounds.status, grounds.modality):
                if term is not None:
                    yield grounds.place, term


def _unknown(term: NamedNode, place: Place, known: Iterable[str]) -> Finding:
    near = get_close_matches(term.value, list(known), n=1, cutoff=0.8)
    meant = f"Did you mean {near[0]}?" if near else "Declare it in ontology/kg.ttl, or use a term from there."
    return Finding("unknown-term", place, f"{term.value} is not declared in the ontology.", meant)


def find_duplicates(sources: Sources) -> Iterator[Finding]:
    """Yield a finding for each IRI that is declared in two places: two things would become one."""
    places: dict[NamedNode, list[Place]] = defaultdict(list)
    for document in (sources.ontology, *sources.documents):
        for place, subject in _blocks(document):
            places[subject].append(place)
    for subject, found in places.items():
        for place in found[1:]:
            yield Finding(
                "duplicate-iri",
                place,
                f"{subject.value} is declared here and at {found[0]}.",
                "Give one of the two another name, or state all its types in one place.",
            )


def _blocks(document: Document) -> Iterator[tuple[Place, NamedNode]]:
    """Yield the place of each run of statements on one subject that gives it a type."""
    previous: NamedNode | None = None
    seen_type = False
    for statement in document.statements:
        if statement.subject != previous:
            previous, seen_type = statement.subject, False
        if statement.predicate == TYPE and not seen_type:
            seen_type = True
            yield statement.place, statement.subject


def find_undeclared(sources: Sources) -> Iterator[Finding]:
    """Yield a finding for each ``id/…`` that is spoken of and nowhere declared."""
    prefix = sources.names.thing("").value
    known = {s.subject.value for document in sources.documents for s in declared(document)}
    reported: set[str] = set()
    for document in sources.documents:
        for statement in document.statements:
            for node in (statement.subject, statement.value):
                iri = node.value if isinstance(node, NamedNode) else ""
                if iri.startswith(prefix) and iri not in known and iri not in reported:
                    reported.add(iri)
                    yield _undeclared(iri, statement.place, known)


def _undeclared(iri: str, place: Place, known: Iterable[str]) -> Finding:
    near = get_close_matches(iri, list(known), n=1, cutoff=0.8)
    remedy = f"Did you mean {near[0]}?" if near else "Give it an rdf:type in entities.ttl or facts.ttl."
    return Finding("undeclared-thing", place, f"{iri} is used here and declared nowhere.", remedy)

"""Reads a vocabulary out of its triples: terms by kind, what stands about them, and what shapes ask of them.

Sources: OWL 2 Mapping to RDF, table 7 (declarations); SKOS Reference, section 4 (concept schemes); SHACL,
section 2.1.3 (targets).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kg.vocab import COMMENT, DCT, LICENCE, OWL, PREF_LABEL, RDFS, SH, SKOS, TYPE, Names

KINDS = {
    "class": OWL("Class"),
    "relation": OWL("ObjectProperty"),
    "attribute": OWL("DatatypeProperty"),
    "annotation": OWL("AnnotationProperty"),
    "scheme": SKOS("ConceptScheme"),
    "concept": SKOS("Concept"),
}

Texts = tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """A term of a vocabulary, declared in it: an own one, or one of others.

    ``parents`` are the classes or properties above it, ``schemes`` the concept schemes that it is in.
    """

    iri: NamedNode
    kind: str
    own: bool
    labels: Texts = ()
    definitions: Texts = ()
    examples: Texts = ()
    parents: tuple[NamedNode, ...] = ()
    domains: tuple[NamedNode, ...] = ()
    ranges: tuple[NamedNode, ...] = ()
    schemes: tuple[NamedNode, ...] = ()
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ontology:
    """A vocabulary with its terms: own ones first, then by IRI."""

    iri: NamedNode
    titles: Texts
    descriptions: Texts
    version: str
    version_iri: NamedNode | None
    licence: NamedNode | None
    terms: tuple[Term, ...]
    _by_iri: dict[NamedNode, Term] = field(repr=False, default_factory=dict)

    def find(self, iri: NamedNode) -> Term | None:
        """Return the term with an IRI, if it is declared here."""
        return self._by_iri.get(iri)

    def of_kind(self, kind: str) -> tuple[Term, ...]:
        """Return the terms of one of ``KINDS``."""
        return tuple(term for term in self.terms if term.kind == kind)

    def below(self, iri: NamedNode) -> tuple[Term, ...]:
        """Return the terms right below a class or property, or the concepts of a scheme."""
        return tuple(term for term in self.terms if iri in term.parents or iri in term.schemes)

    def about(self, iri: NamedNode) -> tuple[Term, ...]:
        """Return the properties that apply to a class."""
        return tuple(term for term in self.terms if iri in term.domains)

    def leading_to(self, iri: NamedNode) -> tuple[Term, ...]:
        """Return the properties whose values are of a class."""
        return tuple(term for term in self.terms if iri in term.ranges)


def read_ontology(triples: Iterable[Triple], shapes: Iterable[Triple], names: Names) -> Ontology:
    """Return the vocabulary that triples declare.

    Parameters
    ----------
    triples: the graph of the ontology.
    shapes: SHACL shapes, whose messages become the ``rules`` of the classes that they target.

    >>> label = Triple(NamedNode("http://h/ontology#Zone"), RDFS("label"), Literal("zone", language="en"))
    >>> zone = Triple(NamedNode("http://h/ontology#Zone"), TYPE, OWL("Class"))
    >>> read_ontology([zone, label], [], Names("http://h/")).terms[0].labels[0].value
    'zone'
    """
    index = _index(triples)
    rules = _read_rules(_index(shapes))
    terms = [
        _read_term(subject, kind, said, rules, names)
        for subject, said in index.items()
        if isinstance(subject, NamedNode)
        for kind in (next((name for name, iri in KINDS.items() if iri in said.get(TYPE, [])), ""),)
        if kind
    ]
    ordered = tuple(sorted(terms, key=lambda term: (not term.own, term.iri.value)))
    said = index.get(names.ontology, {})
    version = next(iter(_texts(said, OWL("versionInfo"))), None)
    return Ontology(
        iri=names.ontology,
        titles=_texts(said, DCT("title")),
        descriptions=_texts(said, DCT("description")),
        version=version.value if version else "",
        version_iri=next(iter(_iris(said, OWL("versionIRI"))), None),
        licence=next(iter(_iris(said, LICENCE)), None),
        terms=ordered,
        _by_iri={term.iri: term for term in ordered},
    )


_Said = dict[NamedNode, list[object]]
_Subject = NamedNode | BlankNode | Triple


def _index(triples: Iterable[Triple]) -> dict[_Subject, _Said]:
    index: dict[_Subject, _Said] = defaultdict(lambda: defaultdict(list))
    for triple in triples:
        index[triple.subject][triple.predicate].append(triple.object)
    return index


def _read_term(
    iri: NamedNode, kind: str, said: _Said, rules: dict[NamedNode, tuple[str, ...]], names: Names
) -> Term:
    return Term(
        iri=iri,
        kind=kind,
        own=iri.value.startswith(names.term("").value),
        labels=_texts(said, PREF_LABEL) or _texts(said, RDFS("label")),
        definitions=(*_texts(said, SKOS("definition")), *_texts(said, COMMENT)),
        examples=_texts(said, SKOS("example")),
        parents=(*_iris(said, RDFS("subClassOf")), *_iris(said, RDFS("subPropertyOf"))),
        domains=_iris(said, RDFS("domain")),
        ranges=_iris(said, RDFS("range")),
        schemes=_iris(said, SKOS("inScheme")),
        rules=rules.get(iri, ()),
    )


def _texts(said: _Said, predicate: NamedNode) -> Texts:
    return tuple(value for value in said.get(predicate, ()) if isinstance(value, Literal))


def _iris(said: _Said, predicate: NamedNode) -> tuple[NamedNode, ...]:
    return tuple(value for value in said.get(predicate, ()) if isinstance(value, NamedNode))


def _read_rules(shapes: dict[_Subject, _Said]) -> dict[NamedNode, tuple[str, ...]]:
    """Return the messages of the shapes that target a class: those of the shape, then of its properties."""
    rules: dict[NamedNode, tuple[str, ...]] = {}
    for said in shapes.values():
        parts = [shapes.get(part, {}) for part in said.get(SH("property"), ()) if isinstance(part, BlankNode)]
        messages = [text.value for part in (said, *parts) for text in _texts(part, SH("message"))]
        for target in _iris(said, SH("targetClass")):
            rules[target] = tuple(dict.fromkeys((*rules.get(target, ()), *messages)))
    return rules

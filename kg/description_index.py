"""Looks things up in a description: values, labels, and the evidence of facts.

What is never asked for is never made into a term; see ``kg.lines``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from pyoxigraph import Literal, NamedNode

from kg.description import Description
from kg.lines import Line, read_value, to_term
from kg.vocab import (
    AXIOM,
    COMMENT,
    EXACT,
    OA,
    OWL,
    PREF_LABEL,
    PREFIX,
    RDFS,
    SOURCE,
    SUFFIX,
    TYPE,
    Names,
    named,
)

_ANNOTATED_SOURCE, _ANNOTATED_PROPERTY, _ANNOTATED_TARGET = (
    str(OWL(f"annotated{part}")) for part in ("Source", "Property", "Target")
)
_LABEL, _PREF_LABEL, _TYPE = str(RDFS("label")), str(PREF_LABEL), str(TYPE)
_IS_AXIOM = (_TYPE, str(AXIOM))

_Values = dict[str, list[str]]
"""What is said about one thing, in the words of lines: property → its values, unsorted."""
_NOTHING: _Values = {}


class Citation(NamedTuple):
    """One evidence record, as a page shows it; a selection has a span, an outside source a ``source``.

    Not a dataclass, since a page has dozens, and a frozen one of sixteen fields takes 3 µs to make.
    """

    iri: str
    fact: NamedNode
    status: NamedNode | None
    modality: NamedNode | None
    article: str = ""
    exact: str = ""
    prefix: str = ""
    suffix: str = ""
    start_codepoint: int = 0
    end_codepoint: int = 0
    sentence_number: int = 0
    sentence_start: int = 0
    sentence_end: int = 0
    source: str = ""
    source_note: str = ""
    note: str = ""


class Index:
    """Looks things up in the triples of a description."""

    def __init__(self, description: Description, names: Names) -> None:
        self.description = description
        self.names = names
        self._properties = _name_properties(names)
        self._about: dict[str, _Values] = {}
        self._terms: dict[str, NamedNode | Literal] = {}
        axioms = []
        for subject, predicate, value in description.all_lines:
            about = self._about.get(subject)
            if about is None:
                about = self._about[subject] = {}
            if predicate in about:
                about[predicate].append(value)
            else:
                about[predicate] = [value]
            if (predicate, value) == _IS_AXIOM:
                axioms.append(subject)
        self._facts = dict(self._read_facts(sorted(axioms)))

    def _read_facts(self, axioms: Iterable[str]) -> Iterable[tuple[Line, str]]:
        parts = (_ANNOTATED_SOURCE, _ANNOTATED_PROPERTY, _ANNOTATED_TARGET)
        for axiom in axioms:
            about = self._about[axiom]
            if all(part in about for part in parts):
                source, relation, target = (min(about[part]) for part in parts)
                yield (source, relation, target), axiom

    @property
    def subjects(self) -> list[NamedNode]:
        """What something is said about, by IRI."""
        return [NamedNode(iri) for iri in sorted(subject[1:-1] for subject in self._about)]

    def to_term(self, text: str) -> NamedNode | Literal:
        """Return the term that a part of a line is."""
        term = self._terms.get(text)
        if term is None:
            term = self._terms[text] = to_term(text)
        return term

    def list_lines(self, subject: NamedNode) -> list[Line]:
        """Return what is said about a thing, sorted, types at first."""
        about = self._about.get(str(subject), _NOTHING)
        return [
            (str(subject), predicate, value)
            for predicate in sorted(about, key=lambda predicate: (predicate != _TYPE, predicate))
            for value in sorted(about[predicate])
        ]

    def values(self, subject: NamedNode, predicate: NamedNode) -> list[NamedNode | Literal]:
        """Return all values of a property, sorted."""
        values = self._about.get(str(subject), _NOTHING).get(str(predicate))
        if not values:
            return []
        return [self.to_term(value) for value in (sorted(values) if len(values) > 1 else values)]

    def first(self, subject: NamedNode, predicate: NamedNode) -> NamedNode | Literal | None:
        """Return the first value of a property, or None."""
        values = self._about.get(str(subject), _NOTHING).get(str(predicate))
        return self.to_term(min(values)) if values else None

    def text(self, subject: NamedNode, predicate: NamedNode) -> str:
        """Return the first value of a property as text, or nothing."""
        return _read_text(self._about.get(str(subject), _NOTHING), str(predicate))

    def fact_of(self, line: Line) -> NamedNode | None:
        """Return the axiom that stands for a simple relation."""
        axiom = self._facts.get(line)
        return NamedNode(axiom[1:-1]) if axiom is not None else None

    def labels(self, thing: NamedNode) -> list[Literal]:
        """Return the preferred labels of a thing, else its ``rdfs:label``."""
        about = self._about.get(str(thing), _NOTHING)
        found = about.get(_PREF_LABEL) or about.get(_LABEL, [])
        return [label for label in map(self.to_term, sorted(found)) if isinstance(label, Literal)]

    def label(self, thing: NamedNode, languages: Sequence[str]) -> Literal | None:
        """Return the one of ``labels`` in the first language that has one, or else the first by language."""
        about = self._about.get(str(thing), _NOTHING)
        labels = about.get(_PREF_LABEL) or about.get(_LABEL, [])
        found = [text for text in labels if text.startswith('"')]
        chosen = min(found, key=lambda text: _rank(text, languages), default=None)
        label = self.to_term(chosen) if chosen is not None else None
        return label if isinstance(label, Literal) else None

    def citations(self, fact: NamedNode) -> list[Citation]:
        """Return the evidence of a fact, in the order of the text; outside sources come last."""
        records = self._about.get(str(fact), _NOTHING).get(self._properties.evidence, [])
        found = [self._cite(record) for record in records if record.startswith("<")]
        return sorted(found, key=lambda c: (bool(c.source), c.article, c.start_codepoint, c.iri))

    def cite(self, record: NamedNode) -> Citation:
        """Return one evidence record."""
        return self._cite(str(record))

    def _cite(self, record: str) -> Citation:
        known, found, stem = self._properties, self._about, record[:-1]
        about = found.get(record, _NOTHING)
        target = found.get(f"{stem}#target>", _NOTHING)
        quote = found.get(f"{stem}#quote>", _NOTHING)
        position = found.get(f"{stem}#position>", _NOTHING)
        sentence = about.get(known.sentence)
        spot = found.get(min(sentence), _NOTHING) if sentence else about
        text = _read_text(target, known.has_source)
        return Citation(
            iri=stem[1:],
            fact=self._read_node(about, known.body) or named(self.to_term(record)),
            status=self._read_node(about, known.status),
            modality=self._read_node(about, known.modality),
            article=text.removesuffix("/text").removeprefix(known.articles),
            exact=_read_text(quote, known.exact),
            prefix=_read_text(quote, known.prefix),
            suffix=_read_text(quote, known.suffix),
            start_codepoint=int(_read_text(position, known.start) or 0),
            end_codepoint=int(_read_text(position, known.end) or 0),
            sentence_number=int(_read_text(spot, known.sentence_number) or 0),
            sentence_start=int(_read_text(spot, known.start) or 0),
            sentence_end=int(_read_text(spot, known.end) or 0),
            source=_read_text(about, known.source),
            source_note=_read_text(about, known.source_note),
            note=_read_text(about, known.note),
        )

    def _read_node(self, about: _Values, predicate: str) -> NamedNode | None:
        values = about.get(predicate)
        term = self.to_term(min(values)) if values else None
        return term if isinstance(term, NamedNode) else None


def _rank(text: str, languages: Sequence[str]) -> tuple[int, str, str]:
    kind = text[text.rindex('"') + 1 :]
    language = kind[1:].lower() if kind.startswith("@") else ""
    primary = language.partition("-")[0]
    return languages.index(primary) if primary in languages else len(languages), language, read_value(text)


def _read_text(about: _Values, predicate: str) -> str:
    values = about.get(predicate)
    return read_value(min(values)) if values else ""


@dataclass(frozen=True, slots=True)
class _Properties:
    """The properties of evidence in the words of lines, and under which IRI articles are."""

    articles: str
    evidence: str
    status: str
    modality: str
    sentence: str
    sentence_number: str
    source_note: str
    body: str = str(OA("hasBody"))
    has_source: str = str(OA("hasSource"))
    start: str = str(OA("start"))
    end: str = str(OA("end"))
    exact: str = str(EXACT)
    prefix: str = str(PREFIX)
    suffix: str = str(SUFFIX)
    source: str = str(SOURCE)
    note: str = str(COMMENT)


@lru_cache(maxsize=8)
def _name_properties(names: Names) -> _Properties:
    own = ("evidence", "status", "modality", "sentence", "sentenceNumber", "sourceNote")
    return _Properties(f"{names.base}article/", *(str(names.term(name)) for name in own))

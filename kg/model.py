"""The values that flow from the sources to a release: places, findings, statements, facts, evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Triple

Subject = NamedNode
Value = NamedNode | Literal


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a source file, counted from 1; line 0 means the file as a whole."""

    path: Path
    line: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else str(self.path)


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault in the sources: what is wrong, where, and what to do.

    ``code`` is a stable name such as ``quote-missing``, for machines and the docs.
    """

    code: str
    place: Place
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A triple as a source file states it."""

    subject: Subject
    predicate: NamedNode
    value: Value
    place: Place

    @property
    def triple(self) -> Triple:
        """The statement without its place."""
        return Triple(self.subject, self.predicate, self.value)


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a curator wrote as the evidence of a fact: one annotation block, or the same words on a node."""

    place: Place
    quotes: tuple[tuple[str, Place], ...] = ()
    prefix: str = ""
    suffix: str = ""
    sources: tuple[NamedNode, ...] = ()
    source_note: str = ""
    status: NamedNode | None = None
    modality: NamedNode | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """An n-ary node (``about`` is its IRI) or a simple relation (``about`` is the triple)."""

    about: NamedNode | Triple
    grounds: tuple[Grounds, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an article: number from 1, half-open span in Unicode code points of the text."""

    number: int
    start_codepoint: int
    end_codepoint: int


@dataclass(frozen=True, slots=True)
class ArticleText:
    """The captured text of an article and where in it the article ends."""

    slug: str
    path: Path
    text: str
    end_codepoint: int
    sentences: tuple[Sentence, ...]

    def sentences_of(self, start_codepoint: int, end_codepoint: int) -> tuple[Sentence, ...]:
        """Return the sentences that a span touches."""
        return tuple(
            s
            for s in self.sentences
            if s.start_codepoint < end_codepoint and start_codepoint < s.end_codepoint
        )

    def line_at(self, codepoint: int) -> int:
        """Return the line of the captured file, from 1, at a position of the text."""
        return self.text.count("\n", 0, codepoint) + 1


@dataclass(frozen=True, slots=True)
class Selection:
    """Where a quote stands: half-open span in Unicode code points, words around it, its sentences."""

    exact: str
    prefix: str
    suffix: str
    start_codepoint: int
    end_codepoint: int
    sentences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One checked record: a fact rests on a selection of an article's text, or on an outside source."""

    fact: Fact
    status: NamedNode
    modality: NamedNode
    selection: Selection | None = None
    article: str = ""
    source: NamedNode | None = None
    source_note: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A source file that was read: what it states and on what grounds."""

    path: Path
    graph: NamedNode
    statements: tuple[Statement, ...] = ()
    facts: tuple[Fact, ...] = ()
    findings: tuple[Finding, ...] = ()

    def values(self, subject: Subject, predicate: NamedNode) -> tuple[Value, ...]:
        """Return the values of a property, in the order of the file."""
        return tuple(s.value for s in self.statements if s.subject == subject and s.predicate == predicate)


@dataclass(frozen=True, slots=True)
class Example:
    """An example query; ``titles`` and ``descriptions`` are by language, ``text`` is ready to run."""

    name: str
    titles: dict[str, str]
    descriptions: dict[str, str]
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Redirect:
    """A name that was given up: renamed to ``target``, or removed for a ``reason``; one of them is empty."""

    source: str
    target: str
    reason: str
    place: Place


@dataclass(frozen=True, slots=True)
class Article:
    """One folder under ``data/articles``."""

    slug: str
    iri: NamedNode
    text: ArticleText | None
    documents: tuple[Document, ...]

    @property
    def facts(self) -> Iterable[Fact]:
        """The facts of all files of the article."""
        return (fact for document in self.documents for fact in document.facts)


@dataclass(frozen=True, slots=True)
class Block:
    """What a graph says about a subject: pairs of property and value. All is text, as N-Quads has it."""

    graph: str
    subject: str
    pairs: Iterable[tuple[str, str]]

"""The page of an article: its text with all cited words marked, and the facts that rest on each sentence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pyoxigraph import NamedNode

from kg.description import Description
from kg.description_index import Citation, Index
from kg.release.layout import ArticleEntry
from kg.vocab import OA, OWL, Names, named
from webapp.links import Linker, Shown
from webapp.pages.evidence import find_local_name, make_anchor

BAR_WIDTH = 1000
"""Units of the coverage bar, which is as long as the article."""

LEVELS = (1, 5, 12)
"""Facts of a sentence from which its part of the bar is darker."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text in which the same words are cited throughout.

    ``records`` are the anchors of the evidence that rests on it, ``anchors`` of that which begins here.
    """

    text: str
    records: tuple[str, ...] = ()
    anchors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact that rests on words of a sentence; without relation and value it is an n-ary node."""

    record: str
    subject: Shown
    status: str
    status_label: str
    modality: str
    modality_label: str
    quote: str
    relation: Shown | None = None
    value: Shown | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with its facts. ``gap`` is the white space before it."""

    number: int
    pieces: tuple[Piece, ...]
    facts: tuple[Fact, ...]
    gap: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Sentences that stand together; a heading is one that no full stop ends."""

    sentences: tuple[Sentence, ...]
    is_heading: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """One sentence in the coverage bar."""

    number: int
    start: int
    width: int
    level: int
    facts: int


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """All that the template ``article.html`` needs, but for the downloads."""

    headline: tuple[Sentence, ...]
    paragraphs: tuple[Paragraph, ...]
    bars: tuple[Bar, ...]
    without_facts: tuple[int, ...]
    facts: int
    rest: str


def split_pieces(
    text: str, start: int, end: int, citations: Sequence[tuple[str, int, int]]
) -> tuple[Piece, ...]:
    """Cut a stretch of text wherever a citation begins or ends.

    Parameters
    ----------
    start, end: the stretch, in code points.
    citations: anchors with half-open spans, in code points; they may overlap and reach beyond the stretch.

    >>> [(p.text, p.records) for p in split_pieces("abcdef", 0, 6, [("x", 1, 3), ("y", 2, 4)])]
    [('a', ()), ('b', ('x',)), ('c', ('x', 'y')), ('d', ('y',)), ('ef', ())]
    """
    cuts = {start, end}
    for _, left, right in citations:
        cuts.update(cut for cut in (left, right) if start < cut < end)
    edges = sorted(cuts)
    pieces = []
    for left, right in pairwise(edges):
        records = tuple(anchor for anchor, begin, stop in citations if begin < right and left < stop)
        anchors = tuple(anchor for anchor, begin, _ in citations if begin == left)
        pieces.append(Piece(text[left:right], records, anchors))
    return tuple(pieces)


class ArticleMaker:
    """Makes the page of an article."""

    def __init__(self, names: Names, linker: Linker) -> None:
        self.names = names
        self.linker = linker

    def make(self, article: ArticleEntry, description: Description, text: str) -> ArticlePage:
        """Lay an article out sentence by sentence.

        Parameters
        ----------
        description: from ``Reader.describe_text``.
        text: the captured text; empty where it is not published, and then only quotes are shown.
        """
        index = Index(description, self.names)
        citations = self._read_citations(description, index)
        spans = self._read_spans(description, index)
        sentences = self._make_sentences(spans, citations, text, index)
        starts_whole = bool(sentences) and "".join(p.text for p in sentences[0].pieces) == article.headline
        counts = Counter(number for number, found in citations.items() for _ in found)
        return ArticlePage(
            headline=tuple(sentences[:1]) if starts_whole else (),
            paragraphs=_gather_paragraphs(sentences[1:] if starts_whole else sentences),
            bars=_measure(spans, counts),
            without_facts=tuple(number for number, _, _ in spans if not counts[number]),
            facts=len({citation.fact for found in citations.values() for citation in found}),
            rest=text[spans[-1][2] :].strip() if spans and text else "",
        )

    def _read_citations(self, description: Description, index: Index) -> dict[int, list[Citation]]:
        """Return citations by the number of their sentence, in the order of the text."""
        records = dict.fromkeys(named(t.subject) for t in description.records if t.predicate == OA("hasBody"))
        found: dict[int, list[Citation]] = defaultdict(list)
        for citation in map(index.cite, records):
            found[citation.sentence_number].append(citation)
        for citations in found.values():
            citations.sort(key=lambda c: (c.start_codepoint, c.end_codepoint, c.iri))
        return found

    def _read_spans(self, description: Description, index: Index) -> list[tuple[int, int, int]]:
        """Return number, start and end of the sentences, in order."""
        sentences = dict.fromkeys(named(triple.subject) for triple in description.own)
        number = self.names.term("sentenceNumber")
        return sorted(
            (int(index.text(s, number)), int(index.text(s, OA("start"))), int(index.text(s, OA("end"))))
            for s in sentences
        )

    def _make_sentences(
        self,
        spans: Sequence[tuple[int, int, int]],
        citations: dict[int, list[Citation]],
        text: str,
        index: Index,
    ) -> list[Sentence]:
        marked = [
            (make_anchor(c.iri), c.start_codepoint, c.end_codepoint)
            for number in sorted(citations)
            for c in citations[number]
        ]
        sentences, last = [], 0
        for number, start, end in spans:
            found = citations[number]
            near = [span for span in marked if span[1] < end and start < span[2]]
            pieces = split_pieces(text, start, end, near) if text else _show_quotes(found)
            facts = tuple(self._show_fact(citation, index) for citation in found)
            sentences.append(Sentence(number, pieces, facts, text[last:start] if text else "\n"))
            last = end
        return sentences

    def _show_fact(self, citation: Citation, index: Index) -> Fact:
        parts = [index.first(citation.fact, OWL(f"annotated{x}")) for x in ("Source", "Property", "Target")]
        subject, relation, value = (self.linker.show(part, index) if part else None for part in parts)
        return Fact(
            record=make_anchor(citation.iri),
            subject=subject or self.linker.show(citation.fact, index),
            status=find_local_name(citation.status),
            status_label=self._label(citation.status, index),
            modality=find_local_name(citation.modality),
            modality_label=self._label(citation.modality, index),
            quote=citation.exact,
            relation=relation,
            value=value,
        )

    def _label(self, term: NamedNode | None, index: Index) -> str:
        return self.linker.show(term, index).label if term is not None else ""


def _show_quotes(citations: Sequence[Citation]) -> tuple[Piece, ...]:
    by_quote: dict[str, list[str]] = defaultdict(list)
    for citation in citations:
        by_quote[citation.exact].append(make_anchor(citation.iri))
    pieces: list[Piece] = []
    for quote, anchors in by_quote.items():
        pieces += [Piece("… "), Piece(quote, tuple(anchors), tuple(anchors))]
    return (*pieces, Piece(" …")) if pieces else ()


def _gather_paragraphs(sentences: Sequence[Sentence]) -> tuple[Paragraph, ...]:
    paragraphs: list[list[Sentence]] = []
    for sentence in sentences:
        if not paragraphs or "\n" in sentence.gap:
            paragraphs.append([])
        paragraphs[-1].append(sentence)
    return tuple(Paragraph(tuple(found), _is_heading(found)) for found in paragraphs)


def _is_heading(sentences: Sequence[Sentence]) -> bool:
    text = "".join(piece.text for sentence in sentences for piece in sentence.pieces).strip()
    return len(sentences) == 1 and text[-1:].isalnum()


def _measure(spans: Sequence[tuple[int, int, int]], facts: Counter[int]) -> tuple[Bar, ...]:
    whole = sum(end - start for _, start, end in spans) or 1
    bars, done = [], 0
    for number, start, end in spans:
        begin, done = done, done + end - start
        left, right = (BAR_WIDTH * place // whole for place in (begin, done))
        level = sum(facts[number] >= least for least in LEVELS)
        bars.append(Bar(number, left, max(1, right - left), level, facts[number]))
    return tuple(bars)

"""What an entity page shows, made from a description. Pure: no request, no store, no HTML."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode, Triple

from kg.description import Citation, Description, Index
from kg.release.layout import ArticleEntry
from kg.vocab import OA, ORG, OWL, PREF_LABEL, PROV, TYPE, Names, named, plain
from webapp.links import Linker, Shown, pick_label

ReadText = Callable[[str], str]
"""Returns the captured text of an article by its slug, or an empty string where it is not published."""

_RELATION_ORDER = ("altLabel", "subOrganizationOf", "memberOf", "holds", "participatedIn", "exactMatch")


@dataclass(frozen=True, slots=True)
class ShownCitation:
    """A citation as a page shows it: the words before and after the quote fill up its sentence."""

    kind: str
    exact: str = ""
    before: str = ""
    after: str = ""
    sentence_number: int = 0
    article_href: str = ""
    article_title: str = ""
    publisher_href: str = ""
    source: str = ""
    source_note: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One value of a property, with its evidence."""

    value: Shown
    citations: tuple[ShownCitation, ...]
    derived: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """All values of one property."""

    property: Shown
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Tag:
    """A short word beside a name, such as *former* or *plan*."""

    label: str
    style: str


@dataclass(frozen=True, slots=True)
class Node:
    """An n-ary node: a membership, a participation, a claim."""

    title: Shown
    tags: tuple[Tag, ...]
    groups: tuple[Group, ...]
    citations: tuple[ShownCitation, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """Nodes of one kind under one heading."""

    title: str
    style: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A link from elsewhere."""

    subject: Shown
    property: Shown


@dataclass(frozen=True, slots=True)
class EntityPage:
    """All that the template ``entity.html`` needs, but for the downloads."""

    iri: str
    title: Shown
    other_names: tuple[Shown, ...]
    types: tuple[Shown, ...]
    citations: tuple[ShownCitation, ...]
    groups: tuple[Group, ...]
    sections: tuple[Section, ...]
    incoming: tuple[Incoming, ...]
    more_incoming: bool
    incoming_query: str


class PageMaker:
    """Makes pages of one release.

    Parameters
    ----------
    articles: the articles of the release by slug.
    read_text: gives their captured text, where it is published.
    """

    def __init__(
        self, names: Names, linker: Linker, articles: dict[str, ArticleEntry], read_text: ReadText
    ) -> None:
        self.names = names
        self.linker = linker
        self.articles = articles
        self.read_text = read_text

    def make(self, description: Description) -> EntityPage:
        """Lay a description out for readers."""
        index = Index(description, self.names)
        iri = description.iri
        labels = index.labels(iri)
        nodes = self._node_subjects(description)
        return EntityPage(
            iri=iri.value,
            title=self.linker.show(iri, index),
            other_names=self._other_names(labels),
            types=self._types(iri, index),
            citations=self.cite(index.citations(iri), index),
            groups=self._groups(description.own, index, skip={TYPE}),
            sections=tuple(self._sections(nodes, iri, index)),
            incoming=tuple(self._incoming(description, nodes, index)),
            more_incoming=description.more_incoming,
            incoming_query=f"SELECT ?thing ?property WHERE {{\n  ?thing ?property <{iri.value}>\n}}",
        )

    def _other_names(self, labels: list[Literal]) -> tuple[Shown, ...]:
        chosen = pick_label(labels, self.linker.languages)
        others = sorted((label for label in labels if label != chosen), key=lambda label: str(label.language))
        return tuple(Shown(label.value, label.language or "") for label in others)

    def _types(self, iri: NamedNode, index: Index) -> tuple[Shown, ...]:
        return tuple(self.linker.show(kind, index) for kind in index.values(iri, TYPE))

    def _node_subjects(self, description: Description) -> list[NamedNode]:
        return list(dict.fromkeys(named(triple.subject) for triple in description.nodes))

    # --- groups of relations

    def _groups(
        self, triples: Iterable[Triple], index: Index, skip: set[NamedNode], about: NamedNode | None = None
    ) -> tuple[Group, ...]:
        rows: dict[NamedNode, list[Row]] = defaultdict(list)
        skip = skip | {self.names.term("evidence")}
        for triple in triples:
            if triple.predicate not in skip and triple.object != about:
                rows[triple.predicate].append(self._row(triple, index))
        order = sorted(rows, key=_relation_rank)
        return tuple(Group(self.linker.show(predicate, index), tuple(rows[predicate])) for predicate in order)

    def _row(self, triple: Triple, index: Index) -> Row:
        fact = index.fact_of(triple)
        value = self.linker.show(plain(triple.object), index)
        if fact is None:
            return Row(value, ())
        derived = bool(index.values(fact, PROV("wasDerivedFrom")))
        return Row(value, self.cite(index.citations(fact), index), derived)

    # --- n-ary nodes

    def _sections(self, nodes: list[NamedNode], about: NamedNode, index: Index) -> Iterable[Section]:
        kinds: dict[str, list[NamedNode]] = defaultdict(list)
        for node in nodes:
            kinds[self._kind(node, index)].append(node)
        former = self.names.term("former")
        headings = (
            ("memberships", "Posts and memberships", "posts"),
            ("participations", "Taking part", "participations"),
            ("others", "Also said", "others"),
            ("claims", "Plans and claims", "claims"),
        )
        for kind, title, style in headings:
            members = sorted(kinds[kind], key=lambda n: former in index.values(n, self.names.term("tenure")))
            if members:
                yield Section(title, style, tuple(self._node(node, about, index) for node in members))

    def _kind(self, node: NamedNode, index: Index) -> str:
        types = index.values(node, TYPE)
        if ORG("Membership") in types:
            return "memberships"
        if self.names.term("Participation") in types:
            return "participations"
        return "claims" if self.names.term("Claim") in types else "others"

    def _node(self, node: NamedNode, about: NamedNode, index: Index) -> Node:
        tagged = {self.names.term("tenure"), self.names.term("modality")}
        tags = tuple(
            Tag(self.linker.show(value, index).label, shorten_style(value))
            for predicate in sorted(tagged, key=str, reverse=True)
            for value in index.values(node, predicate)
            if value != self.names.term("state")  # what is simply so needs no tag
        )
        groups = self._groups(index.subjects[node.value], index, {TYPE, PREF_LABEL} | tagged, about)
        return Node(self.linker.show(node, index), tags, groups, self.cite(index.citations(node), index))

    # --- incoming links

    def _incoming(self, description: Description, nodes: list[NamedNode], index: Index) -> Iterable[Incoming]:
        shown = {node.value for node in nodes}
        for triple in description.incoming:
            subject = named(triple.subject)
            if subject.value not in shown:
                yield Incoming(self.linker.show(subject, index), self.linker.show(triple.predicate, index))

    # --- evidence

    def cite(self, citations: Iterable[Citation], index: Index) -> tuple[ShownCitation, ...]:
        """Return citations with the sentence around each quote."""
        return tuple(self._cite(citation, index) for citation in citations)

    def _cite(self, citation: Citation, index: Index) -> ShownCitation:
        words = [self.linker.show(term, index).label for term in (citation.status, citation.modality) if term]
        article = self.articles.get(citation.article)
        before, after = self._context(citation)
        return ShownCitation(
            kind=", ".join(words),
            exact=citation.exact,
            before=before,
            after=after,
            sentence_number=citation.sentence_number,
            article_href=self.linker.href(article.iri) if article else "",
            article_title=article.headline if article else "",
            publisher_href=article.url if article else "",
            source=self.linker.href(citation.source),
            source_note=citation.source_note,
            note=citation.note,
        )

    def _context(self, citation: Citation) -> tuple[str, str]:
        text = self.read_text(citation.article) if citation.article else ""
        if not text:
            return f"…{citation.prefix}", f"{citation.suffix}…"
        start, end = citation.start_codepoint, citation.end_codepoint
        return text[citation.sentence_start : start], text[end : max(end, citation.sentence_end)]


def shorten_style(term: NamedNode | Literal) -> str:
    """Return the name of a concept as a style class: *plan* of ``…ontology#plan``."""
    return term.value.rpartition("#")[2]


def _relation_rank(predicate: NamedNode) -> tuple[int, str]:
    name = predicate.value.rpartition("#")[2].rpartition("/")[2]
    if predicate == PREF_LABEL:
        return len(_RELATION_ORDER), name
    rank = _RELATION_ORDER.index(name) if name in _RELATION_ORDER else len(_RELATION_ORDER) // 2
    return rank, name


# --- the article's text ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text that is cited, or not."""

    text: str
    cited: bool


@dataclass(frozen=True, slots=True)
class SentenceFact:
    """A fact that rests on a sentence; a node has no property and value."""

    subject: Shown
    kind: str
    quote: str
    property: Shown | None = None
    value: Shown | None = None


@dataclass(frozen=True, slots=True)
class ShownSentence:
    """A sentence of an article with its facts."""

    number: int
    pieces: tuple[Piece, ...]
    facts: tuple[SentenceFact, ...]
    starts_paragraph: bool


def split_pieces(text: str, start: int, end: int, spans: Iterable[tuple[int, int]]) -> tuple[Piece, ...]:
    """Cut a stretch of text where citations begin and end.

    Parameters
    ----------
    start, end: the stretch, in code points.
    spans: half-open spans, in code points; they may overlap and reach beyond the stretch.

    >>> [(p.text, p.cited) for p in split_pieces("abcdef", 0, 6, [(1, 3), (2, 4)])]
    [('a', False), ('bcd', True), ('ef', False)]
    """
    cited = [False] * (end - start)
    for left, right in spans:
        for position in range(max(left, start), min(right, end)):
            cited[position - start] = True
    pieces: list[Piece] = []
    begin = start
    for position in range(start + 1, end + 1):
        if position == end or cited[position - start] != cited[begin - start]:
            pieces.append(Piece(text[begin:position], cited[begin - start]))
            begin = position
    return tuple(pieces)


def show_text(
    description: Description, text: str, index: Index, linker: Linker, names: Names
) -> tuple[ShownSentence, ...]:
    """Lay an article out sentence by sentence, in order, with the facts that rest on each.

    Parameters
    ----------
    description: from ``Reader.describe_text``.
    text: the captured text; empty where it is not published, and then only quotes are shown.
    """
    citations: dict[NamedNode, list[Citation]] = defaultdict(list)
    for record in dict.fromkeys(
        named(t.subject) for t in description.records if t.predicate == OA("hasBody")
    ):
        for sentence in index.values(record, names.term("sentence")):
            if isinstance(sentence, NamedNode):
                citations[sentence].append(index.cite(record))
    shown = [
        _show_sentence(sentence, citations[sentence], text, index, linker, names)
        for sentence in dict.fromkeys(named(triple.subject) for triple in description.own)
    ]
    return tuple(sorted(shown, key=lambda sentence: sentence.number))


def _show_sentence(
    sentence: NamedNode, citations: list[Citation], text: str, index: Index, linker: Linker, names: Names
) -> ShownSentence:
    start, end = (int(index.text(sentence, OA(part))) for part in ("start", "end"))
    ordered = sorted(citations, key=lambda c: (c.start_codepoint, c.end_codepoint, c.iri))
    if text:
        spans = [(c.start_codepoint, c.end_codepoint) for c in ordered]
        pieces = split_pieces(text, start, end, spans)
    else:
        quotes = dict.fromkeys(c.exact for c in ordered)
        pieces = tuple(Piece(f"“{quote}” ", False) for quote in quotes)
    return ShownSentence(
        number=int(index.text(sentence, names.term("sentenceNumber"))),
        pieces=pieces,
        facts=tuple(_show_fact(citation, index, linker) for citation in ordered),
        starts_paragraph=not text or text[:start].endswith("\n"),
    )


def _show_fact(citation: Citation, index: Index, linker: Linker) -> SentenceFact:
    fact = citation.fact
    kind = ", ".join(linker.show(t, index).label for t in (citation.status, citation.modality) if t)
    parts = [index.first(fact, OWL(f"annotated{name}")) for name in ("Source", "Property", "Target")]
    source, predicate, target = parts
    if source is None or predicate is None or target is None:
        return SentenceFact(linker.show(fact, index), kind, citation.exact)
    return SentenceFact(
        linker.show(source, index),
        kind,
        citation.exact,
        linker.show(predicate, index),
        linker.show(target, index),
    )

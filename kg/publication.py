"""The published form: from checked facts and their evidence to plain RDF 1.1 quads.

``docs/data-model.md`` shows it. Sources: OWL 2 Mapping to RDF, section 2.2 (axiom annotations); Web
Annotation Data Model, sections 4.1 and 4.2. Knows no files, no store and no HTTP.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kg.examples import publish_example
from kg.model import Article, Block, Document, Evidence, Selection, Sentence
from kg.sources import Sources
from kg.vocab import (
    AXIOM,
    COMMENT,
    EXACT,
    LICENCE,
    OA,
    ORG,
    OWL,
    PREFIX,
    PROV,
    SOURCE,
    SUFFIX,
    TYPE,
    Names,
    named,
    plain,
)

_Pair = tuple[NamedNode, NamedNode | Literal]
"""A property and a value of it."""

_HAS_SOURCE, _HAS_SELECTOR, _START, _END = (
    str(OA(name)) for name in ("hasSource", "hasSelector", "start", "end")
)
_WORDS = tuple(map(str, (EXACT, PREFIX, SUFFIX)))
_TARGET, _QUOTE, _POSITION = (
    ((str(TYPE), str(OA(name))),)
    for name in ("SpecificResource", "TextQuoteSelector", "TextPositionSelector")
)


@dataclass(frozen=True, slots=True)
class Premise:
    """A published fact that others can be derived from: its IRI, its graph and its evidence."""

    iri: NamedNode
    graph: NamedNode
    records: tuple[NamedNode, ...]


def fact_iri(about: NamedNode | Triple, names: Names) -> NamedNode:
    """Return the IRI of a fact: an n-ary node's own, or that of the axiom of a simple relation."""
    if isinstance(about, NamedNode):
        return about
    return names.fact(about.subject, about.predicate, about.object)


def publish(sources: Sources, evidence: Iterable[Evidence]) -> Iterator[Quad | Block]:
    """Yield all quads of the dataset as they are made; one that is stated twice may come twice."""
    index: dict[NamedNode, list[Quad]] = {predicate: [] for predicate in _list_premises(sources.names)}
    for document in (sources.ontology, *sources.documents):
        yield from _publish_statements(document, index)
    for article in sources.articles:
        yield from _publish_sentences(article, sources.names)
    for example in sources.examples:
        yield from publish_example(example, sources.names)
    premises = _Premises(sources.names)
    for record in evidence:
        yield from premises.publish(record)
    yield from derive(index, premises)


def _describe(subject: NamedNode, pairs: Iterable[_Pair], graph: NamedNode) -> Block:
    # Quads would be made of these terms only to be taken apart again, which takes most of the time.
    return Block(str(graph), str(subject), [(str(predicate), str(value)) for predicate, value in pairs])


def _publish_statements(document: Document, index: dict[NamedNode, list[Quad]]) -> Iterator[Block]:
    """Yield what a document states, and note in the index what something may be derived from."""
    for subject, statements in groupby(document.statements, key=attrgetter("subject")):
        pairs = [(statement.predicate, statement.value) for statement in statements]
        for predicate, value in pairs:
            if predicate in index:
                index[predicate].append(Quad(subject, predicate, value, document.graph))
        yield _describe(subject, pairs, document.graph)


def _list_premises(names: Names) -> Iterator[NamedNode]:
    """Yield the properties that something is derived from."""
    yield from (ORG("member"), ORG("organization"), ORG("subOrganizationOf"))
    yield from (names.term(name) for name in ("post", "tenure", "agent", "event"))


def find_licence(sources: Sources) -> NamedNode | None:
    """Return the licence that the ontology names, which is that of the curated facts as well."""
    values = sources.ontology.values(sources.names.ontology, LICENCE)
    return next((value for value in values if isinstance(value, NamedNode)), None)


def _publish_sentences(article: Article, names: Names) -> Iterator[Block]:
    sentences = article.text.sentences if article.text else ()
    for sentence in sentences:
        iri = names.sentence(article.slug, sentence.number)
        yield _describe(iri, _describe_sentence(sentence, article.iri, names), article.iri)


def _describe_sentence(sentence: Sentence, article: NamedNode, names: Names) -> Iterator[_Pair]:
    yield TYPE, names.term("Sentence")
    yield names.term("sentenceOf"), article
    yield names.term("sentenceNumber"), Literal(sentence.number)
    # Offsets are xsd:integer: widely used stores keep no derived integer type, and a dump must say what the
    # endpoint answers. The values are non-negative, as the Web Annotation vocabulary asks.
    yield OA("start"), Literal(sentence.start_codepoint)
    yield OA("end"), Literal(sentence.end_codepoint)


class _Premises:
    """Publishes evidence records, and remembers which fact rests on which, for what is derived."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self._records: dict[tuple[NamedNode | Triple, NamedNode], list[NamedNode]] = defaultdict(list)

    def find(self, about: NamedNode | Triple, graph: NamedNode) -> Premise:
        """Return a published fact as a premise; it has no records if it is not one."""
        records = tuple(sorted(self._records.get((about, graph), ()), key=str))
        return Premise(fact_iri(about, self.names), graph, records)

    def publish(self, record: Evidence) -> Iterator[Block]:
        graph = self.names.article(record.article) if record.article else self._graph_of(record)
        about = record.fact.about
        fact = fact_iri(about, self.names)
        iri = self.names.evidence(fact, *_identity(record))
        self._records[about, graph].append(iri)
        yield _describe(iri, self._describe_record(iri, fact, record), graph)
        if record.selection is not None:
            yield from _describe_target(iri, self.names.text(record.article), record.selection, graph)
        axiom = _describe_axiom(about) if isinstance(about, Triple) else ()
        yield _describe(fact, (*axiom, (self.names.term("evidence"), iri)), graph)

    def _graph_of(self, record: Evidence) -> NamedNode:
        # An external source stands in whichever file stated the fact; an article's folder names it.
        folder = record.fact.place.path.parent
        return self.names.article(folder.name) if folder.parent.name == "articles" else self.names.entities

    def _describe_record(self, iri: NamedNode, fact: NamedNode, record: Evidence) -> Iterator[_Pair]:
        term = self.names.term
        yield TYPE, term("Evidence")
        yield OA("hasBody"), fact
        yield term("status"), record.status
        yield term("modality"), record.modality
        if record.note:
            yield COMMENT, Literal(record.note, language="en")
        if record.source is not None:
            yield SOURCE, record.source
        if record.source_note:
            yield term("sourceNote"), Literal(record.source_note)
        if record.selection is not None:
            yield TYPE, OA("Annotation")
            yield term("quotedText"), Literal(record.selection.exact)
            for number in record.selection.sentences:
                yield term("sentence"), self.names.sentence(record.article, number)
            yield OA("hasTarget"), NamedNode(f"{iri.value}#target")


def _describe_target(
    iri: NamedNode, text: NamedNode, selection: Selection, graph: NamedNode
) -> Iterator[Block]:
    # Most of what is published, and so made of text without terms.
    inside = str(graph)
    target, quote, position = (f"<{iri.value}#{name}>" for name in ("target", "quote", "position"))
    yield Block(
        inside,
        target,
        (*_TARGET, (_HAS_SOURCE, str(text)), (_HAS_SELECTOR, quote), (_HAS_SELECTOR, position)),
    )
    words = (selection.exact, selection.prefix, selection.suffix)
    pairs = zip(_WORDS, map(str, map(Literal, words)), strict=True)
    yield Block(inside, quote, (*_QUOTE, *pairs))
    start, end = (str(Literal(place)) for place in (selection.start_codepoint, selection.end_codepoint))
    yield Block(inside, position, (*_POSITION, (_START, start), (_END, end)))


def _identity(record: Evidence) -> tuple[object, ...]:
    """Return what makes a record of a fact this one; its hash is taken over it."""
    place = record.selection and (record.selection.start_codepoint, record.selection.end_codepoint)
    return record.article, place, record.source, record.source_note, record.status, record.modality


def _describe_axiom(triple: Triple) -> Iterator[_Pair]:
    yield TYPE, AXIOM
    yield OWL("annotatedSource"), named(triple.subject)
    yield OWL("annotatedProperty"), triple.predicate
    yield OWL("annotatedTarget"), plain(triple.object)


# --- what follows from what is stated ----------------------------------------------------------------


def derive(index: dict[NamedNode, list[Quad]], premises: _Premises) -> Iterator[Block]:
    """Yield the triples that follow from others, each as an axiom with the evidence of its premises.

    The rules stand in ``docs/data-model.md``, "What the build adds". A former post gives nothing.

    Parameters
    ----------
    index: the stated quads by property.
    """
    yield from _derive_members(index, premises)
    yield from _derive_participants(index, premises)
    yield from _derive_hierarchy(index, premises)


def _assert_derived(triple: Triple, used: tuple[Premise, ...], premises: _Premises) -> Iterator[Block]:
    fact, graph = fact_iri(triple, premises.names), used[0].graph
    yield _describe(named(triple.subject), ((triple.predicate, plain(triple.object)),), graph)
    pairs = [*_describe_axiom(triple)]
    for premise in used:
        pairs.append((PROV("wasDerivedFrom"), premise.iri))
        pairs += [(premises.names.term("evidence"), record) for record in premise.records]
    yield _describe(fact, pairs, graph)


def _values(index: dict[NamedNode, list[Quad]], predicate: NamedNode) -> dict[NamedNode, list[NamedNode]]:
    values: dict[NamedNode, list[NamedNode]] = defaultdict(list)
    for quad in index.get(predicate, ()):
        # A literal where a thing belongs is left to the shapes to report.
        if isinstance(quad.object, NamedNode):
            values[named(quad.subject)].append(quad.object)
    return values


def _derive_members(index: dict[NamedNode, list[Quad]], premises: _Premises) -> Iterator[Block]:
    term = premises.names.term
    members = _values(index, ORG("member"))
    bodies, posts = _values(index, ORG("organization")), _values(index, term("post"))
    for quad in index.get(term("tenure"), ()):
        if quad.object != term("current"):
            continue
        node = named(quad.subject)
        used = (premises.find(node, named(quad.graph_name)),)
        for member in members[node]:
            for body in bodies[node]:
                yield from _assert_derived(Triple(member, ORG("memberOf"), body), used, premises)
            for post in posts[node]:
                yield from _assert_derived(Triple(member, ORG("holds"), post), used, premises)


def _derive_participants(index: dict[NamedNode, list[Quad]], premises: _Premises) -> Iterator[Block]:
    term = premises.names.term
    events = _values(index, term("event"))
    for quad in index.get(term("agent"), ()):
        node, agent = named(quad.subject), quad.object
        if not isinstance(agent, NamedNode):
            continue
        used = (premises.find(node, named(quad.graph_name)),)
        for event in events[node]:
            yield from _assert_derived(Triple(agent, term("participatedIn"), event), used, premises)


def _derive_hierarchy(index: dict[NamedNode, list[Quad]], premises: _Premises) -> Iterator[Block]:
    parents: dict[NamedNode, list[Quad]] = defaultdict(list)
    for quad in index.get(ORG("subOrganizationOf"), ()):
        if isinstance(quad.object, NamedNode):
            parents[named(quad.subject)].append(quad)
    for start in list(parents):
        for ancestor, path in _ancestors(start, parents).items():
            used = tuple(premises.find(step.triple, named(step.graph_name)) for step in path)
            triple = Triple(start, ORG("transitiveSubOrganizationOf"), ancestor)
            yield from _assert_derived(triple, used, premises)


def _ancestors(start: NamedNode, parents: dict[NamedNode, list[Quad]]) -> dict[NamedNode, tuple[Quad, ...]]:
    """Return each body above ``start`` with a shortest path to it, in a stable order."""
    found: dict[NamedNode, tuple[Quad, ...]] = {}
    edge: list[tuple[NamedNode, tuple[Quad, ...]]] = [(start, ())]
    while edge:
        node, path = edge.pop(0)
        for step in sorted(parents.get(node, ()), key=str):
            above = named(step.object)
            if above not in found and above != start:
                found[above] = (*path, step)
                edge.append((above, found[above]))
    return found

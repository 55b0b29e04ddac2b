"""Reads the description of one IRI through the store seam.

A description is the triples of the thing itself, the n-ary nodes that qualify it, the evidence of them all
and of its simple relations, the labels of what they point at, and incoming links up to a bound. A store is
asked for it in SPARQL, which is the same for every engine; each query is bounded. Where the release has a
file of look-ups, those give the same, in a tenth of the time.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock

from pyoxigraph import (
    Literal,
    NamedNode,
    Quad,
    QueryResultsFormat,
    QuerySolutions,
    RdfFormat,
    Triple,
    parse,
    parse_query_results,
)

from kg import description_queries as queries
from kg.formats import JSON, N_TRIPLES
from kg.lookups import FOLLOWED, Lookups
from kg.store.base import Limits, Query, Store
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
    plain,
)

_ANNOTATED = (OWL("annotatedSource"), OWL("annotatedProperty"), OWL("annotatedTarget"))
_BODY, _HAS_SOURCE, _START, _END = OA("hasBody"), OA("hasSource"), OA("start"), OA("end")
_LABEL = RDFS("label")

MAX_NODES = 30
"""N-ary nodes of one description, each with all its evidence: some 40 triples. Of what has more, a page shows
a share for each relation, and leads to lists of all."""

MAX_SORTED = 100_000
"""Links to one thing by one relation that can be paged through; SPARQL gives any number."""

KEPT = 2 * MAX_SORTED
"""IRIs that the lists of a ``LinkLists`` have together: some 30 MB at most."""

WORTH_KEEPING = 1_000
"""Links from which on a list is kept; short ones are read in no time, and would drive out long ones."""

AT_ONCE = 500
"""IRIs in one query, which keeps its text below the limit of any server."""


@dataclass(frozen=True)
class Description:
    """What a release says about one IRI.

    ``own`` are the triples whose subject it is, ``nodes`` those of n-ary nodes around it, ``axioms`` and
    ``records`` carry the evidence, ``labels`` are of whatever occurs. ``incoming`` are links to it, up to
    the bound that was asked for; ``more_incoming`` says that there are others.
    """

    iri: NamedNode
    own: tuple[Triple, ...]
    nodes: tuple[Triple, ...] = ()
    axioms: tuple[Triple, ...] = ()
    records: tuple[Triple, ...] = ()
    labels: tuple[Triple, ...] = ()
    incoming: tuple[Triple, ...] = ()
    more_incoming: bool = False

    @cached_property
    def triples(self) -> list[Triple]:
        """All triples once, sorted by their lines; the thing itself comes first, types at first."""
        parts = (self.own, self.nodes, self.axioms, self.records, self.labels, self.incoming)
        lines = {str(triple): triple for part in parts for triple in part}
        own, kind = f"{self.iri} ", f"> {TYPE} "
        # "> !" sorts before "> <", and what begins with a blank before all lines.
        keys = {
            (" " if line.startswith(own) else "") + line.replace(kind, "> !", 1): triple
            for line, triple in lines.items()
        }
        return [keys[key] for key in sorted(keys)]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A page of links to a thing by one relation; ``known`` of them in all, cut at ``MAX_SORTED``."""

    triples: tuple[Triple, ...]
    labels: tuple[Triple, ...]
    known: int
    more: bool
    cut: bool


class LinkLists:
    """Keeps long sorted lists of what points at a thing, the last used ones, of one release.

    >>> lists = LinkLists(kept=2_000)
    >>> lists.keep(("a", "p"), ["s"] * 1_500)
    >>> lists.keep(("b", "p"), ["s"] * 1_000)
    >>> lists.find(("a", "p")), len(lists.find(("b", "p")))
    (None, 1000)
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._lists: OrderedDict[tuple[str, str], list[str]] = OrderedDict()
        self._lock = Lock()

    def find(self, key: tuple[str, str]) -> list[str] | None:
        """Return the list of a thing and a relation, if it is kept."""
        with self._lock:
            if key in self._lists:
                self._lists.move_to_end(key)
            return self._lists.get(key)

    def keep(self, key: tuple[str, str], found: list[str]) -> None:
        """Keep a list if it is worth it, and drop those that were not used for longest."""
        if not WORTH_KEEPING <= len(found) <= self._kept:
            return
        with self._lock:
            self._lists[key] = found
            while sum(map(len, self._lists.values())) > self._kept:
                self._lists.popitem(last=False)


@dataclass(slots=True)
class Reader:
    """Describes IRIs of one store; ``lists`` are those of its release, and so are the ``lookups``, if any."""

    store: Store
    names: Names
    limits: Limits
    lists: LinkLists = field(default_factory=LinkLists)
    lookups: Lookups | None = None
    _prefixes: str = field(init=False)

    def __post_init__(self) -> None:
        self._prefixes = queries.PREFIXES.format(base=self.names.base)

    def knows(self, iri: NamedNode) -> bool:
        """Return whether anything is said about an IRI, or with it."""
        if self.lookups and self.lookups.covers(iri.value):
            return self.lookups.knows(iri.value)
        return bool(json.loads(self._ask(f"ASK {{ {{ {iri} ?p ?o }} UNION {{ ?s ?p {iri} }} }}"))["boolean"])

    def describe(self, iri: NamedNode, max_incoming: int) -> Description:
        """Return the description of an IRI; an empty one if nothing is said about it.

        Without look-ups these are three queries, and one more for each further ``AT_ONCE`` records or labels.

        Raises
        ------
        StoreError: the store could not answer.
        """
        if self.lookups and self.lookups.covers(iri.value):
            core: Iterable[Triple] = self.lookups.find_core(iri, MAX_NODES + 1, max_incoming + 1)
        else:
            core = self._ask_core(iri, max_incoming)
        kinds = _sort_core(core, iri, self.names.term("evidence"))
        incoming = sorted(kinds["incoming"], key=lambda t: (t.predicate.value, str(t.subject)))
        nodes, more_nodes = _cut_nodes(kinds["nodes"])
        records = self._read_records(iri, (*kinds["own"], *nodes, *kinds["axioms"], *incoming))
        shown = (*kinds["own"], *nodes, *kinds["axioms"], *records, *incoming[:max_incoming])
        return Description(
            iri=iri,
            own=tuple(kinds["own"]),
            nodes=nodes,
            axioms=tuple(kinds["axioms"]),
            records=records,
            labels=self._read_labels(shown),
            incoming=tuple(incoming[:max_incoming]),
            more_incoming=more_nodes or len(incoming) > max_incoming,
        )

    def _ask_core(self, iri: NamedNode, max_incoming: int) -> tuple[Triple, ...]:
        hidden = ", ".join(map(str, FOLLOWED))
        bounds = {"nodes": MAX_NODES + 1, "incoming": max_incoming + 1, "hidden": hidden}
        return self._construct(queries.CORE, iri=iri.value, **bounds)

    def describe_text(self, article: NamedNode) -> Description:
        """Return the sentences of an article, and the evidence and facts that rest on them."""
        found = self._construct(queries.TEXT, iri=article.value)
        sentence = self.names.term("sentence")
        sentences = tuple(t for t in found if t.predicate != sentence)
        citing = sorted({str(t.subject) for t in found if t.predicate == sentence})
        records = self._in_batches(queries.RECORDS, "records", citing)
        return Description(article, own=sentences, records=records, labels=self._read_labels(records))

    def find_graphs(self, triples: Iterable[Triple]) -> list[Quad]:
        """Return triples with the named graphs that they are in, sorted by graph and then as given."""
        order = {triple: place for place, triple in enumerate(triples)}
        pairs = sorted({f"({t.subject} {t.predicate})" for t in order})
        quads = {quad for batch in _batch(pairs) for quad in self._read_quads(" ".join(batch))}
        wanted = [(quad, order[quad.triple]) for quad in quads if quad.triple in order]
        return [quad for quad, _ in sorted(wanted, key=lambda pair: (str(pair[0].graph_name), pair[1]))]

    def _read_quads(self, pairs: str) -> Iterator[Quad]:
        rows = parse_query_results(
            self._ask(self._prefixes + queries.GRAPHS.format(pairs=pairs)), format=QueryResultsFormat.JSON
        )
        assert isinstance(rows, QuerySolutions)
        return (Quad(row["s"], row["p"], row["o"], row["g"]) for row in rows)

    def list_incoming(self, iri: NamedNode, relation: NamedNode, after: str, limit: int) -> Incoming:
        """Return what points at a thing by one relation, by IRI, from a key on.

        The store gives up to ``MAX_SORTED`` subjects unsorted, which takes it a fraction of a second at
        50,000, and they are sorted here: with ORDER BY, Oxigraph takes ten seconds. A long list is kept
        for the pages after.

        Parameters
        ----------
        after: the last IRI of the page before; empty for the first page.
        limit: things on a page.
        """
        if self.lookups and self.lookups.covers(iri.value):
            return self._look_up_incoming(self.lookups, iri, relation, after, limit)
        found = self._sort_incoming(iri.value, relation.value)
        start = bisect_right(found, after) if after else 0
        page = found[start : start + limit]
        triples = tuple(Triple(NamedNode(subject), relation, iri) for subject in page)
        more = len(found) > start + limit
        return Incoming(triples, self._read_labels(triples), len(found), more, len(found) == MAX_SORTED)

    def _look_up_incoming(
        self, lookups: Lookups, iri: NamedNode, relation: NamedNode, after: str, limit: int
    ) -> Incoming:
        found = lookups.list_sources(iri.value, relation.value, after, limit + 1)
        triples = tuple(Triple(NamedNode(subject), relation, iri) for subject in found[:limit])
        known = lookups.count_sources(iri.value, relation.value, MAX_SORTED)
        return Incoming(triples, self._read_labels(triples), known, len(found) > limit, known == MAX_SORTED)

    def _sort_incoming(self, iri: str, relation: str) -> list[str]:
        found = self.lists.find((iri, relation))
        if found is None:
            text = queries.BY_RELATION.format(iri=iri, relation=relation, limit=MAX_SORTED)
            rows = json.loads(self._ask(self._prefixes + text))["results"]["bindings"]
            found = sorted(row["s"]["value"] for row in rows)
            self.lists.keep((iri, relation), found)
        return found

    def list_examples(self) -> tuple[Triple, ...]:
        """Return the published example queries: their texts, titles and descriptions."""
        return self._construct(queries.EXAMPLES)

    def read_labels(self, things: Iterable[NamedNode]) -> tuple[Triple, ...]:
        """Return the preferred names and labels of things."""
        named_ones = [thing for thing in things if not self._is_nameless(thing)]
        if self.lookups:
            return tuple(self.lookups.read_labels(thing.value for thing in named_ones))
        texts = (str(thing) for thing in named_ones)
        return self._in_batches(queries.LABELS, "things", sorted(texts))

    def list_instances(self, kinds: Iterable[NamedNode], limit: int) -> tuple[Triple, ...]:
        """Return the type triples of instances of the given classes, with their labels behind them."""
        found = self._construct(queries.INSTANCES, kinds=" ".join(map(str, kinds)), limit=limit)
        return (*found, *self._read_labels(found))

    def list_dated(self, limit: int) -> tuple[Triple, ...]:
        """Return the dates of things that have any, with the labels of the things behind them."""
        found = self._construct(queries.DATES, limit=limit)
        return (*found, *self._read_labels(found))

    def list_places(self, iri: NamedNode, limit: int) -> Description:
        """Return the coordinates of places that have any, with their evidence; ``iri`` names the list."""
        found = self._construct(queries.COORDINATES, limit=limit)
        return Description(iri, own=(), axioms=found, labels=self._read_labels(found))

    def _read_records(self, iri: NamedNode, triples: Iterable[Triple]) -> tuple[Triple, ...]:
        """Return the evidence of facts; of a record, or of a sentence, itself and what cites it."""
        evidence, sentence = self.names.term("evidence"), self.names.term("sentence")
        records = set()
        for triple in triples:
            if triple.predicate == evidence:
                records.add(triple.object)
            elif triple.predicate == sentence and triple.object == iri:
                records.add(triple.subject)
        if self.lookups:
            known = (record.value for record in records if isinstance(record, NamedNode))
            return tuple(self.lookups.find_records(known, sentence))
        return self._in_batches(queries.RECORDS, "records", sorted(map(str, records)))

    def _read_labels(self, triples: Iterable[Triple]) -> tuple[Triple, ...]:
        terms = {term for triple in triples for term in triple}
        return self.read_labels(term for term in terms if isinstance(term, NamedNode))

    def _is_nameless(self, iri: NamedNode) -> bool:
        kind = iri.value.removeprefix(self.names.base)
        return kind.startswith(("evidence/", "fact/")) or "/sentence/" in kind

    def _in_batches(self, text: str, name: str, values: list[str]) -> tuple[Triple, ...]:
        found = (self._construct(text, **{name: " ".join(batch)}) for batch in _batch(values))
        return tuple(triple for batch in found for triple in batch)

    def _construct(self, text: str, **values: object) -> tuple[Triple, ...]:
        content = self._ask(self._prefixes + text.format(**values))
        return tuple(quad.triple for quad in parse(content, format=RdfFormat.N_TRIPLES))

    def _ask(self, text: str) -> bytes:
        query = Query(text, result_formats=(JSON,), graph_formats=(N_TRIPLES,), limits=self.limits)
        answer = self.store.query(query)
        try:
            return b"".join(answer)
        finally:
            answer.close()


def _batch(values: list[str]) -> Iterator[list[str]]:
    return (values[i : i + AT_ONCE] for i in range(0, len(values), AT_ONCE))


def _sort_core(triples: Iterable[Triple], iri: NamedNode, evidence: NamedNode) -> dict[str, list[Triple]]:
    """Tell apart what the first query brought; a link from a node is an incoming one as well."""
    by_subject: dict[NamedNode, list[Triple]] = defaultdict(list)
    for triple in dict.fromkeys(triples):
        by_subject[named(triple.subject)].append(triple)
    kinds: dict[str, list[Triple]] = defaultdict(list)
    for subject, said in by_subject.items():
        kind = _kind_of(said, evidence)
        if subject == iri:
            kinds["own"] += said
        elif kind:
            kinds[kind] += said
        kinds["incoming"] += [t for t in said if t.object == iri and t.predicate not in FOLLOWED]
    return kinds


def _kind_of(said: list[Triple], evidence: NamedNode) -> str:
    if any(t.predicate == _ANNOTATED[0] for t in said):
        return "axioms"
    return "nodes" if any(t.predicate == evidence for t in said) else ""


def _cut_nodes(triples: list[Triple]) -> tuple[tuple[Triple, ...], bool]:
    subjects = sorted({str(t.subject) for t in triples})
    kept = set(subjects[:MAX_NODES])
    return tuple(t for t in triples if str(t.subject) in kept), len(subjects) > MAX_NODES


def query_incoming(iri: NamedNode) -> str:
    """Return the query that gives all links to a thing, where a description shows the first of them."""
    return queries.ALL_INCOMING.format(iri=iri.value)


# --- reading a description ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Citation:
    """One evidence record, as a page shows it; a selection has a span, an outside source a ``source``."""

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
        self._about: dict[str, dict[str, list[NamedNode | Literal]]] = {}
        self._facts: dict[Triple, NamedNode] = {}
        self.subjects: dict[str, list[Triple]] = defaultdict(list)
        for triple in description.triples:
            thing, relation, value = triple
            subject, predicate = named(thing).value, relation.value
            about = self._about.get(subject)
            if about is None:
                about = self._about[subject] = {}
            if predicate in about:
                about[predicate].append(plain(value))
            else:
                about[predicate] = [plain(value)]
            self.subjects[subject].append(triple)
        for triple in (*description.axioms, *description.records):
            if triple.predicate == TYPE and triple.object == AXIOM:
                self._add_fact(named(triple.subject))

    def _add_fact(self, axiom: NamedNode) -> None:
        source, relation, target = (self.first(axiom, part) for part in _ANNOTATED)
        if isinstance(source, NamedNode) and isinstance(relation, NamedNode) and target is not None:
            self._facts[Triple(source, relation, target)] = axiom

    def values(self, subject: NamedNode, predicate: NamedNode) -> list[NamedNode | Literal]:
        """Return all values of a property."""
        return self._about.get(subject.value, {}).get(predicate.value, [])

    def first(self, subject: NamedNode, predicate: NamedNode) -> NamedNode | Literal | None:
        """Return the first value of a property, or None."""
        values = self._about.get(subject.value, {}).get(predicate.value)
        return values[0] if values else None

    def text(self, subject: NamedNode, predicate: NamedNode) -> str:
        """Return the first value of a property as text, or nothing."""
        return _read_text(self._about.get(subject.value, {}), predicate)

    def fact_of(self, triple: Triple) -> NamedNode | None:
        """Return the axiom that stands for a simple relation."""
        return self._facts.get(triple)

    def labels(self, thing: NamedNode) -> list[Literal]:
        """Return the preferred labels of a thing, else its ``rdfs:label``."""
        about = self._about.get(thing.value, {})
        found = about.get(PREF_LABEL.value) or about.get(_LABEL.value, [])
        return [label for label in found if isinstance(label, Literal)]

    def citations(self, fact: NamedNode) -> list[Citation]:
        """Return the evidence of a fact, in the order of the text; outside sources come last."""
        records = self.values(fact, self.names.term("evidence"))
        found = [self.cite(record) for record in records if isinstance(record, NamedNode)]
        return sorted(found, key=lambda c: (bool(c.source), c.article, c.start_codepoint, c.iri))

    def cite(self, record: NamedNode) -> Citation:
        """Return one evidence record."""
        term, iri = self.names.term, record.value
        about, target, quote, position = (
            self._about.get(iri + part, {}) for part in ("", "#target", "#quote", "#position")
        )
        status, modality, sentence, body = (
            _read_node(about, part) for part in (term("status"), term("modality"), term("sentence"), _BODY)
        )
        spot = self._about.get(sentence.value, {}) if sentence else about
        text = _read_text(target, _HAS_SOURCE)
        return Citation(
            iri=iri,
            fact=body or record,
            status=status,
            modality=modality,
            article=text.removesuffix("/text").removeprefix(f"{self.names.base}article/"),
            exact=_read_text(quote, EXACT),
            prefix=_read_text(quote, PREFIX),
            suffix=_read_text(quote, SUFFIX),
            start_codepoint=int(_read_text(position, _START) or 0),
            end_codepoint=int(_read_text(position, _END) or 0),
            sentence_number=int(_read_text(spot, term("sentenceNumber")) or 0),
            sentence_start=int(_read_text(spot, _START) or 0),
            sentence_end=int(_read_text(spot, _END) or 0),
            source=_read_text(about, SOURCE),
            source_note=_read_text(about, term("sourceNote")),
            note=_read_text(about, COMMENT),
        )


_About = Mapping[str, list[NamedNode | Literal]]
"""What is said about one thing: IRI of a property → its values."""


def _read_text(about: _About, predicate: NamedNode) -> str:
    values = about.get(predicate.value)
    return values[0].value if values else ""


def _read_node(about: _About, predicate: NamedNode) -> NamedNode | None:
    values = about.get(predicate.value)
    return values[0] if values and isinstance(values[0], NamedNode) else None

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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from operator import itemgetter
from threading import Lock

from pyoxigraph import (
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
from kg.lines import Line, Statements, list_lines, to_line, to_triples
from kg.lookups import FOLLOWED, Lookups
from kg.store.base import Limits, Query, Store
from kg.vocab import OWL, TYPE, Names

_ANNOTATED_SOURCE, _TYPE = str(OWL("annotatedSource")), str(TYPE)
_FOLLOWED = frozenset(map(str, FOLLOWED))

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
    own: Sequence[Triple]
    nodes: Sequence[Triple] = ()
    axioms: Sequence[Triple] = ()
    records: Sequence[Triple] = ()
    labels: Sequence[Triple] = ()
    incoming: Sequence[Triple] = ()
    more_incoming: bool = False

    @property
    def all_lines(self) -> Iterable[Line]:
        """All triples once, as they come."""
        parts = (self.own, self.nodes, self.axioms, self.records, self.labels, self.incoming)
        return dict.fromkeys(chain.from_iterable(map(list_lines, parts)))

    @cached_property
    def lines(self) -> list[Line]:
        """All triples once, sorted; the thing itself comes first, and of each thing its types."""
        iri = str(self.iri)
        # "!" sorts before "<".
        found = sorted((s, "!", o) if p == _TYPE else (s, p, o) for s, p, o in self.all_lines)
        found = [line for line in found if line[0] == iri] + [line for line in found if line[0] != iri]
        return [(s, _TYPE, o) if p == "!" else (s, p, o) for s, p, o in found]

    @cached_property
    def triples(self) -> list[Triple]:
        """All triples once, in the order of the lines."""
        return to_triples(self.lines)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A page of links to a thing by one relation; ``known`` of them in all, cut at ``MAX_SORTED``."""

    triples: Sequence[Triple]
    labels: Sequence[Triple]
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
    _nameless: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._nameless = (f"<{self.names.base}evidence/", f"<{self.names.base}fact/")
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
            core: Iterable[Line] = self.lookups.find_core(iri, MAX_NODES + 1, max_incoming + 1)
        else:
            core = self._ask_core(iri, max_incoming)
        kinds = _sort_core(core, str(iri), str(self.names.term("evidence")))
        own, axioms = kinds["own"], kinds["axioms"]
        incoming = sorted(kinds["incoming"], key=lambda line: (line[1][1:-1], line[0]))
        nodes, more_nodes = _cut_nodes(kinds["nodes"])
        records = self._read_records(iri, (*own, *nodes, *axioms, *incoming))
        shown = incoming[:max_incoming]
        labels = self._read_labels((*own, *nodes, *axioms, *records, *shown))
        return Description(
            iri=iri,
            own=Statements(tuple(own)),
            nodes=Statements(tuple(nodes)),
            axioms=Statements(tuple(axioms)),
            records=Statements(records),
            labels=Statements(labels),
            incoming=Statements(tuple(shown)),
            more_incoming=more_nodes or len(incoming) > max_incoming,
        )

    def _ask_core(self, iri: NamedNode, max_incoming: int) -> list[Line]:
        hidden = ", ".join(map(str, FOLLOWED))
        bounds = {"nodes": MAX_NODES + 1, "incoming": max_incoming + 1, "hidden": hidden}
        return self._construct(queries.CORE, iri=iri.value, **bounds)

    def describe_text(self, article: NamedNode) -> Description:
        """Return the sentences of an article, and the evidence and facts that rest on them."""
        found = self._construct(queries.TEXT, iri=article.value)
        sentence = str(self.names.term("sentence"))
        sentences = tuple(line for line in found if line[1] != sentence)
        citing = sorted({line[0] for line in found if line[1] == sentence})
        records = self._in_batches(queries.RECORDS, "records", citing)
        labels = Statements(self._read_labels(records))
        return Description(article, Statements(sentences), records=Statements(records), labels=labels)

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
        more = len(found) > start + limit
        return self._show_incoming(iri, relation, page, len(found), more)

    def _look_up_incoming(
        self, lookups: Lookups, iri: NamedNode, relation: NamedNode, after: str, limit: int
    ) -> Incoming:
        found = lookups.list_sources(iri.value, relation.value, after, limit + 1)
        known = lookups.count_sources(iri.value, relation.value, MAX_SORTED)
        return self._show_incoming(iri, relation, found[:limit], known, len(found) > limit)

    def _show_incoming(
        self, iri: NamedNode, relation: NamedNode, page: list[str], known: int, more: bool
    ) -> Incoming:
        lines = tuple((f"<{subject}>", str(relation), str(iri)) for subject in page)
        labels = Statements(self._read_labels(lines))
        return Incoming(Statements(lines), labels, known, more, known == MAX_SORTED)

    def _sort_incoming(self, iri: str, relation: str) -> list[str]:
        found = self.lists.find((iri, relation))
        if found is None:
            text = queries.BY_RELATION.format(iri=iri, relation=relation, limit=MAX_SORTED)
            rows = json.loads(self._ask(self._prefixes + text))["results"]["bindings"]
            found = sorted(row["s"]["value"] for row in rows)
            self.lists.keep((iri, relation), found)
        return found

    def list_examples(self) -> Statements:
        """Return the published example queries: their texts, titles and descriptions."""
        return Statements(tuple(self._construct(queries.EXAMPLES)))

    def read_labels(self, things: Iterable[NamedNode]) -> Statements:
        """Return the preferred names and labels of things."""
        return Statements(self._read_labels_of(str(thing) for thing in things))

    def list_instances(self, kinds: Iterable[NamedNode], limit: int) -> Statements:
        """Return the type triples of instances of the given classes, with their labels behind them."""
        found = self._construct(queries.INSTANCES, kinds=" ".join(map(str, kinds)), limit=limit)
        return Statements((*found, *self._read_labels(found)))

    def list_dated(self, limit: int) -> Statements:
        """Return the dates of things that have any, with the labels of the things behind them."""
        found = self._construct(queries.DATES, limit=limit)
        return Statements((*found, *self._read_labels(found)))

    def list_places(self, iri: NamedNode, limit: int) -> Description:
        """Return the coordinates of places that have any, with their evidence; ``iri`` names the list."""
        found = tuple(self._construct(queries.COORDINATES, limit=limit))
        return Description(iri, (), axioms=Statements(found), labels=Statements(self._read_labels(found)))

    def _read_records(self, iri: NamedNode, lines: Iterable[Line]) -> tuple[Line, ...]:
        """Return the evidence of facts; of a record, or of a sentence, itself and what cites it."""
        evidence, sentence, about = str(self.names.term("evidence")), self.names.term("sentence"), str(iri)
        cites, records = str(sentence), set()
        for subject, predicate, value in lines:
            if predicate == evidence:
                records.add(value)
            elif predicate == cites and value == about:
                records.add(subject)
        if self.lookups:
            return tuple(self.lookups.find_records((record[1:-1] for record in records), sentence))
        return self._in_batches(queries.RECORDS, "records", sorted(records))

    def _read_labels(self, lines: Iterable[Line]) -> tuple[Line, ...]:
        terms = set(chain.from_iterable(lines))
        return self._read_labels_of(term for term in terms if term.startswith("<"))

    def _read_labels_of(self, things: Iterable[str]) -> tuple[Line, ...]:
        """Return the labels of things in angle brackets."""
        named_ones = [thing for thing in things if not self._is_nameless(thing)]
        if self.lookups:
            return tuple(self.lookups.read_labels(thing[1:-1] for thing in named_ones))
        return self._in_batches(queries.LABELS, "things", sorted(named_ones))

    def _is_nameless(self, thing: str) -> bool:
        return thing.startswith(self._nameless) or "/sentence/" in thing

    def _in_batches(self, text: str, name: str, values: list[str]) -> tuple[Line, ...]:
        found = (self._construct(text, **{name: " ".join(batch)}) for batch in _batch(values))
        return tuple(chain.from_iterable(found))

    def _construct(self, text: str, **values: object) -> list[Line]:
        content = self._ask(self._prefixes + text.format(**values))
        return [to_line(quad.triple) for quad in parse(content, format=RdfFormat.N_TRIPLES)]

    def _ask(self, text: str) -> bytes:
        query = Query(text, result_formats=(JSON,), graph_formats=(N_TRIPLES,), limits=self.limits)
        answer = self.store.query(query)
        try:
            return b"".join(answer)
        finally:
            answer.close()


def _batch(values: list[str]) -> Iterator[list[str]]:
    return (values[i : i + AT_ONCE] for i in range(0, len(values), AT_ONCE))


def _sort_core(lines: Iterable[Line], iri: str, evidence: str) -> dict[str, list[Line]]:
    """Tell apart what the first query brought; a link from a node is an incoming one as well."""
    by_subject: dict[str, list[Line]] = defaultdict(list)
    for line in dict.fromkeys(lines):
        by_subject[line[0]].append(line)
    kinds: dict[str, list[Line]] = defaultdict(list)
    for subject, said in by_subject.items():
        relations = {relation for _, relation, _ in said}
        if subject == iri:
            kinds["own"] += said
        elif _ANNOTATED_SOURCE in relations:
            kinds["axioms"] += said
        elif evidence in relations:
            kinds["nodes"] += said
        kinds["incoming"] += [line for line in said if line[2] == iri and line[1] not in _FOLLOWED]
    return kinds


def _cut_nodes(lines: list[Line]) -> tuple[list[Line], bool]:
    """Keep the first nodes, in the order of their IRIs, whichever way they were found."""
    subjects = sorted({line[0] for line in lines})
    kept = set(subjects[:MAX_NODES])
    nodes = sorted((line for line in lines if line[0] in kept), key=itemgetter(0))
    return nodes, len(subjects) > MAX_NODES


def query_incoming(iri: NamedNode) -> str:
    """Return the query that gives all links to a thing, where a description shows the first of them."""
    return queries.ALL_INCOMING.format(iri=iri.value)

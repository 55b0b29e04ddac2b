"""Reads the description of one IRI through the store seam.

A description is the triples of the thing itself, the n-ary nodes that qualify it, the evidence of them all
and of its simple relations, the labels of what they point at, and incoming links up to a bound. All of it
is asked for in SPARQL, so that it is the same for every store; each query is bounded.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from kg.formats import JSON, N_TRIPLES
from kg.store.base import Limits, Query, Store
from kg.vocab import AXIOM, COMMENT, OA, OWL, PREF_LABEL, RDFS, SOURCE, TYPE, Names, named, plain

MAX_NODES = 200
"""N-ary nodes of one description; an entity with more shows the first of them by IRI."""

LABELS_AT_ONCE = 500
"""IRIs in one query for labels, which keeps its text below the limit of any server."""

_PREFIXES = """PREFIX kg: <{base}ontology#>
PREFIX oa: <http://www.w3.org/ns/oa#>
PREFIX owl: <http://www.w3.org/2002/07/owl#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
"""

_OWN = "CONSTRUCT {{ <{iri}> ?p ?o }} WHERE {{ <{iri}> ?p ?o }}"

# Nodes that point here and carry evidence of their own: memberships, participations, claims.
_NODES = """CONSTRUCT {{ ?node ?p ?o }} WHERE {{
  {{ SELECT DISTINCT ?node WHERE {{ ?node ?link <{iri}> ; kg:evidence ?any .
     MINUS {{ ?node a owl:Axiom }} }} ORDER BY ?node LIMIT {nodes} }}
  ?node ?p ?o }}"""

_AXIOMS = """CONSTRUCT {{ ?fact ?p ?o }} WHERE {{ ?fact owl:annotatedSource <{iri}> ; ?p ?o }}"""

_RECORDS = """CONSTRUCT {{ ?record ?p ?o . ?target ?tp ?to . ?selector ?sp ?so . ?sentence ?np ?no }} WHERE {{
  VALUES ?record {{ {records} }}
  {{ ?record ?p ?o }}
  UNION {{ ?record oa:hasTarget ?target . ?target ?tp ?to }}
  UNION {{ ?record oa:hasTarget/oa:hasSelector ?selector . ?selector ?sp ?so }}
  UNION {{ ?record kg:sentence ?sentence . ?sentence ?np ?no }} }}"""

_SENTENCES = """CONSTRUCT {{ ?sentence ?p ?o }} WHERE {{ ?sentence kg:sentenceOf <{iri}> ; ?p ?o }}"""

_CITING = """CONSTRUCT {{ ?record kg:sentence ?sentence }} WHERE {{
  ?sentence kg:sentenceOf <{iri}> . ?record kg:sentence ?sentence }}"""

_BODIES = """CONSTRUCT {{ ?fact ?p ?o }} WHERE {{
  VALUES ?record {{ {records} }}
  ?record oa:hasBody ?fact . ?fact a owl:Axiom ; ?p ?o }}"""

_INSTANCES = """CONSTRUCT {{ ?s a ?kind }} WHERE {{
  VALUES ?kind {{ {kinds} }} ?s a ?kind }} ORDER BY ?s LIMIT {limit}"""

_EXAMPLES = """PREFIX sh: <http://www.w3.org/ns/shacl#>
CONSTRUCT {{ ?query sh:select ?text ; ?p ?words }} WHERE {{
  ?query a sh:SPARQLSelectExecutable ; sh:select ?text .
  VALUES ?p {{ rdfs:label rdfs:comment }} ?query ?p ?words }}"""

_LABELS = """CONSTRUCT {{ ?thing ?p ?label }} WHERE {{
  VALUES ?thing {{ {things} }}
  VALUES ?p {{ skos:prefLabel rdfs:label }}
  ?thing ?p ?label }}"""

_INCOMING = """SELECT ?s ?p WHERE {{ ?s ?p <{iri}> .
  FILTER(?p NOT IN (oa:hasBody, oa:hasTarget, owl:annotatedSource, owl:annotatedTarget)) }}
  ORDER BY ?p ?s LIMIT {limit}"""


@dataclass(frozen=True, slots=True)
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

    @property
    def triples(self) -> list[Triple]:
        """All triples once, sorted, with the thing itself first."""
        parts = (self.own, self.nodes, self.axioms, self.records, self.labels, self.incoming)
        merged = {triple for part in parts for triple in part}
        return sorted(
            merged,
            key=lambda t: (
                t.subject != self.iri,
                str(t.subject),
                t.predicate != TYPE,
                str(t.predicate),
                str(t.object),
            ),
        )


@dataclass(slots=True)
class Reader:
    """Describes IRIs of one store."""

    store: Store
    names: Names
    limits: Limits
    _prefixes: str = field(init=False)

    def __post_init__(self) -> None:
        self._prefixes = _PREFIXES.format(base=self.names.base)

    def knows(self, iri: NamedNode) -> bool:
        """Return whether anything is said about an IRI."""
        return bool(json.loads(self._ask(f"ASK {{ {iri} ?p ?o }}"))["boolean"])

    def describe(self, iri: NamedNode, max_incoming: int) -> Description:
        """Return the description of an IRI; an empty one if nothing is said about it.

        Raises
        ------
        StoreError: the store could not answer.
        """
        own = self._construct(_OWN, iri=iri.value)
        nodes = self._construct(_NODES, iri=iri.value, nodes=MAX_NODES)
        axioms = self._construct(_AXIOMS, iri=iri.value)
        records = self._read_records((*own, *nodes, *axioms))
        incoming = self._read_incoming(iri, max_incoming + 1)
        shown = (*own, *nodes, *axioms, *records, *incoming[:max_incoming])
        return Description(
            iri=iri,
            own=own,
            nodes=nodes,
            axioms=axioms,
            records=records,
            labels=self._read_labels(shown),
            incoming=incoming[:max_incoming],
            more_incoming=len(incoming) > max_incoming,
        )

    def describe_text(self, article: NamedNode) -> Description:
        """Return the sentences of an article, and the evidence and facts that rest on them."""
        sentences = self._construct(_SENTENCES, iri=article.value)
        citing = sorted({str(t.subject) for t in self._construct(_CITING, iri=article.value)})
        records = self._in_batches(_RECORDS, "records", citing)
        axioms = self._in_batches(_BODIES, "records", citing)
        labels = self._read_labels((*axioms, *records))
        return Description(iri=article, own=sentences, axioms=axioms, records=records, labels=labels)

    def list_examples(self) -> tuple[Triple, ...]:
        """Return the published example queries: their texts, titles and descriptions."""
        return self._construct(_EXAMPLES)

    def list_instances(self, kinds: Iterable[NamedNode], limit: int) -> tuple[Triple, ...]:
        """Return the type triples of instances of the given classes, with their labels behind them."""
        found = self._construct(_INSTANCES, kinds=" ".join(map(str, kinds)), limit=limit)
        return (*found, *self._read_labels(found))

    def _read_records(self, triples: Iterable[Triple]) -> tuple[Triple, ...]:
        evidence = self.names.term("evidence")
        records = sorted({str(t.object) for t in triples if t.predicate == evidence})
        return self._in_batches(_RECORDS, "records", records)

    def _read_labels(self, triples: Iterable[Triple]) -> tuple[Triple, ...]:
        terms = (term for t in triples for term in (t.subject, t.predicate, t.object))
        return self._in_batches(
            _LABELS, "things", sorted({str(t) for t in terms if isinstance(t, NamedNode)})
        )

    def _in_batches(self, text: str, name: str, values: list[str]) -> tuple[Triple, ...]:
        batches = (values[i : i + LABELS_AT_ONCE] for i in range(0, len(values), LABELS_AT_ONCE))
        return tuple(t for batch in batches for t in self._construct(text, **{name: " ".join(batch)}))

    def _read_incoming(self, iri: NamedNode, limit: int) -> tuple[Triple, ...]:
        text = self._prefixes + _INCOMING.format(iri=iri.value, limit=limit)
        bindings = json.loads(self._ask(text))["results"]["bindings"]
        rows = ((row["s"]["value"], row["p"]["value"]) for row in bindings)
        return tuple(Triple(NamedNode(s), NamedNode(p), iri) for s, p in rows)

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
        self.names = names
        self._values: dict[tuple[str, str], list[NamedNode | Literal]] = defaultdict(list)
        self._facts: dict[tuple[str, str, str], NamedNode] = {}
        self.subjects: dict[str, list[Triple]] = defaultdict(list)
        for triple in description.triples:
            subject = named(triple.subject).value
            self._values[subject, triple.predicate.value].append(plain(triple.object))
            self.subjects[subject].append(triple)
        for triple in description.axioms:
            if triple.predicate == TYPE and triple.object == AXIOM:
                axiom = named(triple.subject)
                self._facts[self._annotated(axiom)] = axiom

    def _annotated(self, axiom: NamedNode) -> tuple[str, str, str]:
        parts = ("annotatedSource", "annotatedProperty", "annotatedTarget")
        subject, predicate, target = (str(self.first(axiom, OWL(part))) for part in parts)
        return subject, predicate, target

    def values(self, subject: NamedNode, predicate: NamedNode) -> list[NamedNode | Literal]:
        """Return all values of a property."""
        return self._values.get((subject.value, predicate.value), [])

    def first(self, subject: NamedNode, predicate: NamedNode) -> NamedNode | Literal | None:
        """Return the first value of a property, or None."""
        return next(iter(self.values(subject, predicate)), None)

    def text(self, subject: NamedNode, predicate: NamedNode) -> str:
        """Return the first value of a property as text, or nothing."""
        value = self.first(subject, predicate)
        return value.value if value is not None else ""

    def fact_of(self, triple: Triple) -> NamedNode | None:
        """Return the axiom that stands for a simple relation."""
        return self._facts.get((str(triple.subject), str(triple.predicate), str(triple.object)))

    def labels(self, thing: NamedNode) -> list[Literal]:
        """Return the preferred labels of a thing, else its ``rdfs:label``."""
        found = self.values(thing, PREF_LABEL) or self.values(thing, RDFS("label"))
        return [label for label in found if isinstance(label, Literal)]

    def citations(self, fact: NamedNode) -> list[Citation]:
        """Return the evidence of a fact, in the order of the text; outside sources come last."""
        records = self.values(fact, self.names.term("evidence"))
        found = [self.cite(record) for record in records if isinstance(record, NamedNode)]
        return sorted(found, key=lambda c: (bool(c.source), c.article, c.start_codepoint, c.iri))

    def cite(self, record: NamedNode) -> Citation:
        """Return one evidence record."""
        term = self.names.term
        status, modality = self.first(record, term("status")), self.first(record, term("modality"))
        quote, position = (NamedNode(f"{record.value}#{name}") for name in ("quote", "position"))
        sentence, body = self.first(record, term("sentence")), self.first(record, OA("hasBody"))
        spot = sentence if isinstance(sentence, NamedNode) else record
        text = self.text(NamedNode(f"{record.value}#target"), OA("hasSource"))
        return Citation(
            iri=record.value,
            fact=body if isinstance(body, NamedNode) else record,
            status=status if isinstance(status, NamedNode) else None,
            modality=modality if isinstance(modality, NamedNode) else None,
            article=text.removesuffix("/text").removeprefix(self.names.article("").value),
            exact=self.text(quote, OA("exact")),
            prefix=self.text(quote, OA("prefix")),
            suffix=self.text(quote, OA("suffix")),
            start_codepoint=int(self.text(position, OA("start")) or 0),
            end_codepoint=int(self.text(position, OA("end")) or 0),
            sentence_number=int(self.text(spot, term("sentenceNumber")) or 0),
            sentence_start=int(self.text(spot, OA("start")) or 0),
            sentence_end=int(self.text(spot, OA("end")) or 0),
            source=self.text(record, SOURCE),
            source_note=self.text(record, term("sourceNote")),
            note=self.text(record, COMMENT),
        )

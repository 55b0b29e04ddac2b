"""DESCRIBE: what is said about a resource, the nodes around it, and the evidence of both.

SPARQL leaves to the service what a description is (SPARQL 1.1 Query, section 16.4). The engine's own holds
the triples whose subject the resource is, and so misses what makes up most of a thing here: memberships,
participations and claims that point at it, and the words that its facts rest on. A description here is what
a document about the thing holds:

- the triples whose subject it is;
- n-ary nodes with evidence that point at it, the first ``MAX_NODES`` by IRI;
- the axioms that carry the evidence of its simple relations, and of theirs;
- the evidence of all these: records, targets, selectors, sentences;
- links from elsewhere, the first ``MAX_INCOMING`` by property and IRI;
- the preferred names and labels of all that occurs.

Of what points at it, the first ``MAX_LINKS`` that the store has are looked at: a class may have millions of
members, and a description of it is no list of them. All is read in the graphs of the query's dataset,
default and named, and told by W3C terms alone, so that it is the same under every base IRI.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import nsmallest
from itertools import chain, islice
from typing import Any

import pyoxigraph as ox

from kg.store.tokens import Token, read_tokens

MAX_NODES = 200
MAX_INCOMING = 100
MAX_LINKS = 10_000

_OA = "http://www.w3.org/ns/oa#"
_OWL = "http://www.w3.org/2002/07/owl#"
_BODY, _TARGET = ox.NamedNode(_OA + "hasBody"), ox.NamedNode(_OA + "hasTarget")
_SELECTOR, _START = ox.NamedNode(_OA + "hasSelector"), ox.NamedNode(_OA + "start")
_AXIOM, _SOURCE = ox.NamedNode(_OWL + "Axiom"), ox.NamedNode(_OWL + "annotatedSource")
_FOLLOWED = {_BODY, _TARGET, _SOURCE, ox.NamedNode(_OWL + "annotatedTarget")}
_TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
_LABELS = (
    ox.NamedNode("http://www.w3.org/2004/02/skos/core#prefLabel"),
    ox.NamedNode("http://www.w3.org/2000/01/rdf-schema#label"),
)

_Resource = ox.NamedNode | ox.BlankNode


@dataclass(frozen=True, slots=True)
class Parts:
    """A DESCRIBE query taken apart, each part a query of its own.

    ``head`` ends with the dataset clauses. ``select`` finds the resources that variables are bound to; what
    stands in both stands where it stood, so that the engine's errors have the right line and column.
    ``binds`` tells whether there are variables at all. ``resources`` and ``graphs`` list the IRIs named after
    DESCRIBE and FROM; empty where there are none.
    """

    head: str
    select: str
    binds: bool
    resources: str
    graphs: str


def take_apart(text: str) -> Parts | None:
    """Take a DESCRIBE query apart by its words; None if it is none.

    >>> take_apart("DESCRIBE ?x <a> FROM <g> WHERE { ?x ?p 1 } LIMIT 2").select
    'SELECT   ?x     FROM <g> WHERE { ?x ?p 1 } LIMIT 2'
    """
    tokens = list(read_tokens(text))
    start = next((i for i, t in enumerate(tokens) if t.kind == "word" and t.text.upper() == "DESCRIBE"), None)
    if start is None:
        return None
    end = start + 1
    while end < len(tokens) and _is_target(tokens[end]):
        end += 1
    targets, (graphs, rest) = tokens[start + 1 : end], _read_dataset(tokens, end)
    prologue, after = text[: tokens[start].start], tokens[rest].start if rest < len(tokens) else len(text)
    iris = [token for token in targets if token.kind in ("iri", "pname")]
    binds = len(iris) < len(targets)
    return Parts(
        head=text[:after],
        select=_to_select(text, tokens[start], iris, binds, after),
        binds=binds,
        resources=_list(prologue, iris),
        graphs=_list(prologue, graphs),
    )


def describe(store: ox.Store, parts: Parts, options: dict[str, Any]) -> Iterator[ox.Triple]:
    """Yield the descriptions of all resources that a query names or binds, each triple once.

    Parameters
    ----------
    options: base IRI and dataset, as ``Store.query`` takes them.

    Raises
    ------
    SyntaxError: at once, the query does not parse.
    """
    base = {"base_iri": options.get("base_iri")}
    if parts.resources:
        store.query(parts.head, **options)  # for its errors; without a pattern there is nothing to evaluate
    solutions: Any = store.query(parts.select, **options)
    named = _list_terms(store, parts.resources, base)
    if "default_graph" in options:
        graphs = frozenset([*options["default_graph"], *options["named_graphs"]])
    else:
        graphs = frozenset(_list_terms(store, parts.graphs, base))
    everything = "default_graph" not in options and not parts.graphs
    bound = (term for row in solutions for term in row) if parts.binds else ()
    return _describe_all(Look(store, None if everything else graphs), chain(named, bound))


@dataclass(frozen=True, slots=True)
class Look:
    """Looks triples up in the graphs of a dataset; None stands for all graphs."""

    store: ox.Store
    graphs: frozenset[Any] | None

    def __call__(self, subject: Any, predicate: Any, object_: Any) -> Iterator[ox.Triple]:
        """Yield the triples that fit; None fits any term. One in several graphs comes as often."""
        for quad in self.store.quads_for_pattern(subject, predicate, object_):
            if self.graphs is None or quad.graph_name in self.graphs:
                yield quad.triple


def _describe_all(look: Look, terms: Iterable[Any]) -> Iterator[ox.Triple]:
    described: set[Any] = set()
    seen: set[ox.Triple] = set()
    for term in terms:
        if isinstance(term, _Resource) and term not in described:
            described.add(term)
            for triple in _describe_one(look, term):
                if triple not in seen:
                    seen.add(triple)
                    yield triple


def _describe_one(look: Look, resource: _Resource) -> list[ox.Triple]:
    """Return the description of a resource, itself first, then sorted."""
    incoming = islice(look(None, None, resource), MAX_LINKS)
    links = {t for t in incoming if t.predicate not in _FOLLOWED}
    subjects = {t.subject for t in links}
    nodes = nsmallest(MAX_NODES, (s for s in subjects if any(_find_records(look, s))), key=str)
    axioms = {t.subject for described in (resource, *nodes) for t in look(None, _SOURCE, described)}
    facts = {resource, *axioms, *nodes}
    records = {record for fact in facts for record in _find_records(look, fact)}
    if _is_record(look, resource):
        records.add(resource)
    found = _read(look, {*facts, *records, *_find_around(look, records)})
    found.update(nsmallest(MAX_INCOMING, links, key=lambda t: (str(t.predicate), str(t.subject))))
    found.update(_read_labels(look, found))
    return sorted(
        found, key=lambda t: (t.subject != resource, str(t.subject), str(t.predicate), str(t.object))
    )


def _find_records(look: Look, fact: Any) -> Iterator[Any]:
    """Yield the evidence records of a fact: the annotations that it points at."""
    return (t.object for t in look(fact, None, None) if _is_record(look, t.object))


def _is_record(look: Look, term: Any) -> bool:
    return isinstance(term, _Resource) and any(look(term, _BODY, None))


def _is_a(look: Look, term: Any, kind: ox.NamedNode) -> bool:
    return isinstance(term, _Resource) and any(look(term, _TYPE, kind))


def _find_around(look: Look, records: set[Any]) -> set[Any]:
    """Return what belongs to evidence records: targets, selectors, sentences, axioms that they are about."""
    own = [triple for record in records for triple in look(record, None, None)]
    targets = {t.object for t in own if t.predicate == _TARGET}
    selectors = {t.object for target in targets for t in look(target, _SELECTOR, None)}
    sentences = {
        t.object for t in own if isinstance(t.object, ox.NamedNode) and any(look(t.object, _START, None))
    }
    axioms = {t.object for t in own if t.predicate == _BODY and _is_a(look, t.object, _AXIOM)}
    return targets | selectors | sentences | axioms


def _read(look: Look, subjects: Iterable[Any]) -> set[ox.Triple]:
    return {t for subject in subjects if isinstance(subject, _Resource) for t in look(subject, None, None)}


def _read_labels(look: Look, triples: Iterable[ox.Triple]) -> set[ox.Triple]:
    terms = {term for t in triples for term in (t.subject, t.predicate, t.object)}
    iris = [term for term in terms if isinstance(term, ox.NamedNode)]
    return {triple for iri in iris for label in _LABELS for triple in look(iri, label, None)}


def _is_target(token: Token) -> bool:
    return token.kind in ("var", "iri", "pname") or token.text == "*"


def _read_dataset(tokens: list[Token], start: int) -> tuple[list[Token], int]:
    """Return the IRIs of the dataset clauses from a token on, and the first token after these."""
    graphs, i = [], start
    while i < len(tokens) and tokens[i].kind == "word" and tokens[i].text.upper() == "FROM":
        i += 1
        if i < len(tokens) and tokens[i].kind == "word" and tokens[i].text.upper() == "NAMED":
            i += 1
        if i < len(tokens) and tokens[i].kind in ("iri", "pname"):
            graphs.append(tokens[i])
            i += 1
    return graphs, i


def _to_select(text: str, keyword: Token, iris: list[Token], binds: bool, after: int) -> str:
    """Return the text as a SELECT of the variables, with all else in its place."""
    pieces = list(text[:after])
    pieces[keyword.start : keyword.start + len(keyword.text)] = "SELECT".ljust(len(keyword.text))
    for token in iris:
        pieces[token.start : token.start + len(token.text)] = " " * len(token.text)
    if iris and not binds:
        pieces[iris[0].start] = "*"
    rest = text[after:]
    has_pattern = rest[:1] == "{" or rest[:5].upper() == "WHERE"
    return "".join(pieces) + ("" if has_pattern else " {} ") + rest


def _list(prologue: str, iris: list[Token]) -> str:
    """Return a query that resolves IRIs and prefixed names as the prologue has them."""
    return f"{prologue}SELECT ?iri {{ VALUES ?iri {{ {' '.join(t.text for t in iris)} }} }}" if iris else ""


def _list_terms(store: ox.Store, text: str, base: dict[str, Any]) -> list[Any]:
    solutions: Any = store.query(text, **base) if text else ()
    return [row[0] for row in solutions]

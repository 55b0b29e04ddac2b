"""How much a small query can cost at most, told before it runs.

A query whose every step looks up a few quads needs no process that can be killed. Only the plainest are read
here: ``SELECT`` of variables or ``ASK`` over triples of variables, IRIs, prefixed names, plain strings, and
over filters of one variable. Whatever else there is may cost anything. (``kg.store.planning.groups`` reads
more, in 75 µs a query, which is what a small one takes to be answered; this takes 8 to 14.)

The bound is that of the way in which the engine joins (``reorder_joins`` of its crate ``sparopt``, 0.3): it
begins with the triple that has the fewest unknowns, and goes on, of those that share a variable with what it
has, with the one that is likely to give the fewest rows, each looked up. How many quads a look-up finds is
not guessed here: statistics of the release tell it for a subject, and counting for an object. Tests hold the
bound against what the engine visits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from kg.store.planning.groups import TYPE
from kg.store.planning.statistics import Statistics

MAX_CHARACTERS = 4_000
"""Of a query that is read; what needs more is not small."""
MAX_TRIPLES = 8
MAX_QUADS = 100
"""What a query may look up. It takes the engine 5 µs a quad and more, and counting as long."""

# Stricter than the grammar of SPARQL, so that the engine cannot read it otherwise: a local name has no dots,
# colons or escapes, and ends where nothing can go on with it; tags of languages are in lower case, as engines
# keep them.
_SPACE = r"[\x20\t\r\n]"
_ABSOLUTE = r"[A-Za-z][A-Za-z0-9+\-]*:[^<>\"{}|^`\\\x00-\x20]*"
_IRI = f"<{_ABSOLUTE}>"
_NAME = rf"[A-Za-z][A-Za-z0-9_\-]*:[A-Za-z0-9_][A-Za-z0-9_\-]*(?=[;,)}}]|{_SPACE}|\.(?:{_SPACE}|}}))"
_VARIABLE = r"[?$][A-Za-z0-9_]+"
_STRING = rf"\"[^\"\\\r\n]*\"(?:@[a-z]+(?:-[a-z0-9]+)*)?(?=[;,.}}]|{_SPACE})"
_TERM = rf"{_VARIABLE}|{_NAME}|{_IRI}|{_STRING}|a(?={_SPACE})|[;,.]"
_CALL = rf"(?i:LANG|STR|LCASE|UCASE)\({_VARIABLE}\)"
_OPERAND = rf"(?:{_VARIABLE}|{_CALL}|{_IRI}|{_NAME}|\"[^\"\\\r\n]*\"(?:@[a-z]+)?)"
_TEST = (
    rf"{_OPERAND}{_SPACE}*!?={_SPACE}*{_OPERAND}"
    rf"|(?i:LANGMATCHES|STRSTARTS|STRENDS|CONTAINS)\({_OPERAND},{_SPACE}*{_OPERAND}\)"
)
_FILTER = rf"(?i:FILTER){_SPACE}*\({_SPACE}*(?:{_TEST}){_SPACE}*\)"
_PREFIX = rf"(?i:PREFIX){_SPACE}+([A-Za-z][A-Za-z0-9_\-]*):{_SPACE}*<({_ABSOLUTE})>"
_PROJECTION = rf"(?:(?i:DISTINCT){_SPACE}+)?(?:\*|(?:{_VARIABLE}{_SPACE}*)++)"
_QUERY = re.compile(
    rf"(?P<prologue>(?:{_SPACE}|{re.sub(r'[(](?![?])', '(?:', _PREFIX)})*+)"
    rf"(?:(?i:ASK)|(?i:SELECT){_SPACE}+{_PROJECTION}){_SPACE}*+(?:(?i:WHERE){_SPACE}*+)?"
    rf"\{{(?P<triples>(?:{_SPACE}|{_FILTER}|{_TERM})*+\}})"  # with what ends the last term
    rf"{_SPACE}*+(?:(?i:LIMIT){_SPACE}+[0-9]{{1,9}}{_SPACE}*+)?(?:\#[^\r\n]*)?",
    re.ASCII,
)
_TERMS = re.compile(rf"{_FILTER}|{_TERM}", re.ASCII)
_VARIABLES = re.compile(_VARIABLE, re.ASCII)
_PREFIXES = re.compile(_PREFIX, re.ASCII)

_KEPT = {".": 0, ";": 1, ",": 2}
"""How many terms of a triple the next one has too, by the mark between them."""
_TYPE = f"<{TYPE}>"
_MANY = MAX_QUADS + 1
_LIKELY_ROWS = {
    (True, True, True): 1,
    (True, False, True): 2,
    (True, True, False): 10,
    (True, False, False): 100,
    (False, True, True): 1_000,
    (False, False, True): 10_000,
    (False, True, False): 1_000_000,
    (False, False, False): 1_000_000_000,
}
"""What the engine expects of a triple by which of its terms are known."""

Count = Callable[[str | None, str | None, str | None], int]
"""Counts the quads with this subject, predicate and object, None for any; it may stop after ``MAX_QUADS``."""


class Triple(NamedTuple):
    """A triple pattern: ``?name`` is a variable; ``<iri>``, ``"text"`` and ``"text"@en`` are constants."""

    subject: str
    predicate: str
    object: str


def read_triples(text: str) -> tuple[Triple, ...] | None:
    """Return the triples of a plain query, without its filters; None of any other, and of most wrong ones.

    >>> read_triples('PREFIX s: <http://schema.org/> SELECT ?p { ?p a s:Place ; s:name "Lou"@en } LIMIT 5')[1]
    Triple(subject='?p', predicate='<http://schema.org/name>', object='"Lou"@en')
    >>> read_triples("ASK { ?s a ?c FILTER(?s = ?c) }")
    """
    if len(text) > MAX_CHARACTERS or (query := _QUERY.fullmatch(text)) is None:
        return None
    prologue, triples = query.group("prologue", "triples")
    try:
        return _parse_triples(_TERMS.findall(triples), _read_prefixes(prologue))
    except (IndexError, KeyError, ValueError):
        return None


def bound_quads(triples: tuple[Triple, ...], statistics: Statistics, count: Count) -> int:
    """Return how many quads the engine looks up at most for the join of some triples.

    Of what is more than ``MAX_QUADS`` it is only told that it is more.

    >>> triples = read_triples('ASK { ?s <urn:p> "a" . ?s <urn:q> ?o }')
    >>> bound_quads(triples, Statistics(most_objects={"urn:q": 3}), lambda *terms: 5)
    20
    """
    rest, known = [*triples], set[str]()
    rows, quads = 1, 0
    while rest and quads <= MAX_QUADS:
        triple = _choose_next(rest, known)
        # What finds nothing ends what follows it, but not what shares no variable with it.
        rows *= max(1, _bound_matches(triple, known, statistics, count))
        quads += rows
        rest.remove(triple)
        known.update(term for term in triple if term[0] == "?")
    return quads


def _parse_triples(terms: list[str], prefixes: Mapping[str, str]) -> tuple[Triple, ...]:
    """Read triples with their lists (SPARQL 1.1 Query, section 4.2); what is not valid, the engine tells."""
    triples: list[Triple] = []
    begun: list[str] = []
    for term in [*terms, "."]:
        if term[-1] == ")":
            _check_filter(term)
            term = "."
        if term in _KEPT:
            if len(begun) == 3:
                triples.append(Triple(*begun))
            begun = begun[: _KEPT[term]]
        elif len(begun) == 3 or len(triples) == MAX_TRIPLES:
            raise ValueError("more terms than can be")
        else:
            begun.append(_resolve(term, prefixes))
    return tuple(triples)


def _check_filter(text: str) -> None:
    """Go on only with a filter that changes nothing but how many rows there are.

    One of a single variable is applied wherever that is found. With two variables the engine may join the
    triples that have them before all others.
    """
    if len({name[1:] for name in _VARIABLES.findall(text)}) != 1:
        raise ValueError("a filter that may change the order")


def _resolve(term: str, prefixes: Mapping[str, str]) -> str:
    if term[0] in "?$":
        return "?" + term[1:]
    if term[0] == '"':
        return term
    if term == "a":
        return _TYPE
    if term[0] != "<":
        prefix, _, local = term.partition(":")
        term = f"<{prefixes[prefix]}{local}>"
    if "/." in term:
        raise ValueError("an IRI that a parser may shorten")
    return term


@lru_cache(64)  # programs send the same declarations again and again
def _read_prefixes(prologue: str) -> Mapping[str, str]:
    return dict(_PREFIXES.findall(prologue))


def _choose_next(rest: list[Triple], known: set[str]) -> Triple:
    if len(rest) == 1:
        return rest[0]
    joined = [triple for triple in rest if not known.isdisjoint(triple)]
    return min(joined or rest, key=lambda triple: _guess_rows(triple, known))


def _guess_rows(triple: Triple, known: set[str]) -> int:
    """Return what the engine expects of a triple when some variables are known."""
    unknown = [term[0] == "?" and term not in known for term in triple]
    is_known = (not unknown[0], not unknown[1], not unknown[2])
    return _LIKELY_ROWS[is_known] + (triple.predicate == _TYPE)


def _bound_matches(triple: Triple, known: set[str], statistics: Statistics, count: Count) -> int:
    """Return how many quads a look-up finds at most."""
    subject, predicate, object_ = (None if term[0] == "?" else term for term in triple)
    if subject is not None or triple.subject in known:
        most = _find_most(predicate, statistics)
        if most <= MAX_QUADS or subject is None:
            return most
        return count(subject, predicate, None)
    return count(None, predicate, object_) if object_ is not None else _MANY


def _find_most(predicate: str | None, statistics: Statistics) -> int:
    """Return how many quads have the same subject, and this predicate, at most."""
    if statistics.most_objects is None:
        return _MANY
    if predicate is None:
        return statistics.most_quads
    return statistics.most_objects.get(predicate[1:-1], 0)

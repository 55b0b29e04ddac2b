"""How often each property and class occurs in a release, counted once, at the build, by the engine itself.

A query over the union of all graphs would count the same, so the figures may stand for such a count, and
they tell which way of joining is cheaper (``kg.store.rewriting``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path

import pyoxigraph as ox

FILE_NAME = "statistics.json"
"""In the folder of the store; the engine leaves alone what it does not know."""
MAX_TERMS = 2_000
"""A vocabulary with more terms than these is no vocabulary; a table of them would not be read at once."""

_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
_PROPERTIES = "SELECT ?term (COUNT(*) AS ?n) { ?s ?term ?o } GROUP BY ?term"
_CLASSES = f"SELECT ?term (COUNT(*) AS ?n) {{ ?s {_TYPE} ?term }} GROUP BY ?term"


@dataclass(frozen=True, slots=True)
class Statistics:
    """IRI → how many quads have it as property, or as class; None where that is not known for all of them.

    ``most_objects`` tells for each property how many quads with it have the same subject at most, and
    ``most_quads`` how many quads at all have the same subject at most, which says nothing without the former.

    >>> Statistics({"http://schema.org/name": 3}, None).properties
    {'http://schema.org/name': 3}
    """

    properties: Mapping[str, int] | None = field(default=None)
    classes: Mapping[str, int] | None = field(default=None)
    most_objects: Mapping[str, int] | None = field(default=None)
    most_quads: int = 0


def count_terms(store: ox.Store, lines: Iterable[bytes] | None = None) -> Statistics:
    """Count what a store holds, in its default graph and all named ones.

    ``lines`` are the same quads in N-Quads, those with the same subject and property in a row; without them
    it is not told how many a subject has.

    >>> store, lines = ox.Store(), [b"<urn:s> <urn:p> <urn:o> <urn:g> .\\n"]
    >>> store.load(b"".join(lines), ox.RdfFormat.N_QUADS)
    >>> count_terms(store, lines)
    Statistics(properties={'urn:p': 1}, classes={}, most_objects={'urn:p': 1}, most_quads=1)
    """
    return Statistics(
        _count(store, _PROPERTIES), _count(store, _CLASSES), *(_find_most(lines) if lines is not None else ())
    )


def write_statistics(store: ox.Store, folder: Path, lines: Iterable[bytes]) -> None:
    """Write into the folder of a store what ``count_terms`` counts, sorted by IRI."""
    found = count_terms(store, lines)
    content = asdict(found)
    (folder / FILE_NAME).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_statistics(folder: Path) -> Statistics:
    """Return what was written; nothing is known where there is no file, as in a store made elsewhere."""
    try:
        content = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        return Statistics(**content)
    except (OSError, ValueError, TypeError):
        return Statistics()


def _count(store: ox.Store, query: str) -> dict[str, int] | None:
    """Return the counts; None where a term is no IRI, so that VALUES cannot name it, or they are too many."""
    rows = store.query(query, use_default_graph_as_union=True)
    assert isinstance(rows, ox.QuerySolutions)
    counts: dict[str, int] = {}
    for row in rows:
        term, number = row["term"], row["n"]
        if not isinstance(term, ox.NamedNode) or len(counts) == MAX_TERMS:
            return None
        assert isinstance(number, ox.Literal)
        counts[term.value] = int(number.value)
    return counts


def _find_most(lines: Iterable[bytes]) -> tuple[dict[str, int] | None, int]:
    """Return ``most_objects`` and ``most_quads``."""
    most: dict[bytes, int] = {}
    most_quads = quads = 0
    last = b""
    for (subject, predicate), group in groupby(lines, key=_take_start):
        objects = sum(1 for _ in group)
        quads = quads + objects if subject == last else objects
        last = subject
        most_quads = max(most_quads, quads)
        if objects > most.get(predicate, 0):
            most[predicate] = objects
    known = {predicate[1:-1].decode(): number for predicate, number in most.items()}
    is_whole = len(known) <= MAX_TERMS and not any("\\" in iri for iri in known)
    return (known if is_whole else None), most_quads


def _take_start(line: bytes) -> list[bytes]:
    """Return subject and predicate of a line, in which no space can be."""
    return line.split(b" ", 2)[:2]

"""How often each property and class occurs in a release, counted once, at the build, by the engine itself.

A query over the union of all graphs would count the same, so the figures may stand for such a count, and
they tell which way of joining is cheaper (``kg.store.rewriting``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
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

    >>> Statistics({"http://schema.org/name": 3}, None).properties
    {'http://schema.org/name': 3}
    """

    properties: Mapping[str, int] | None = field(default=None)
    classes: Mapping[str, int] | None = field(default=None)


def count_terms(store: ox.Store) -> Statistics:
    """Count what a store holds, in its default graph and all named ones.

    >>> store = ox.Store()
    >>> store.load("<urn:s> <urn:p> <urn:o> <urn:g> .", ox.RdfFormat.N_QUADS)
    >>> count_terms(store)
    Statistics(properties={'urn:p': 1}, classes={})
    """
    return Statistics(_count(store, _PROPERTIES), _count(store, _CLASSES))


def write_statistics(store: ox.Store, folder: Path) -> None:
    """Count what a store holds and write it into its folder, sorted by IRI."""
    found = count_terms(store)
    content = {"properties": found.properties, "classes": found.classes}
    (folder / FILE_NAME).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_statistics(folder: Path) -> Statistics:
    """Return what was written; nothing is known where there is no file, as in a store made elsewhere."""
    try:
        content = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        return Statistics(content["properties"], content["classes"])
    except (OSError, ValueError, KeyError, TypeError):
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

"""Small queries, answered in the process that asks: no other process need be woken for them.

A query goes to a worker, which can be killed, as nobody knows what it costs. Of the plainest ones it is known
beforehand (``kg.store.planning.bounds``), and those that look up a few quads are answered here, within a
millisecond, so that an event loop can do it. What is not known to be small, or is an error, is left to the
workers.
"""

from __future__ import annotations

from functools import partial
from itertools import islice
from pathlib import Path

import pyoxigraph as ox

from kg.formats import Format, to_results_format
from kg.store.base import Query
from kg.store.embedded.express import WholeAnswer
from kg.store.planning.bounds import MAX_QUADS, bound_quads, read_triples
from kg.store.planning.statistics import read_statistics
from kg.store.rows import RowCounter


class NearbyStore:
    """Answers small queries over the store of a release.

    Raises
    ------
    OSError: the store cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._store = ox.Store.read_only(str(path))
        self._statistics = read_statistics(path)
        self._count = partial(count_quads, self._store)

    def answer(self, query: Query) -> WholeAnswer | None:
        """Return the answer to a small query; None of any other, and of one that fails."""
        if query.dataset or not query.result_formats:
            return None
        triples = read_triples(query.text)
        if triples is None:
            return None
        try:
            if bound_quads(triples, self._statistics, self._count) > MAX_QUADS:
                return None
            result = self._store.query(
                query.text, base_iri=query.base_iri or None, use_default_graph_as_union=True
            )
            fmt = query.result_formats[0]
            assert isinstance(result, ox.QuerySolutions | ox.QueryBoolean)
            body = result.serialize(format=to_results_format(fmt)) or b""
        except (SyntaxError, ValueError, RuntimeError, OSError):
            return None
        rows = _count_rows(body, fmt) if isinstance(result, ox.QuerySolutions) else None
        limits = query.limits
        if len(body) > limits.max_result_bytes or (rows or 0) > limits.max_result_rows:
            return None
        return WholeAnswer(fmt, body, rows)


def count_quads(store: ox.Store, subject: str | None, predicate: str | None, object_: str | None) -> int:
    """Return how many quads have these terms, None for any; counting ends behind ``MAX_QUADS``.

    >>> store = ox.Store()
    >>> store.load('<urn:s> <urn:p> "o"@en .', ox.RdfFormat.N_TRIPLES)
    >>> count_quads(store, None, "<urn:p>", '"o"@en'), count_quads(store, "<urn:o>", None, None)
    (1, 0)
    """
    quads = store.quads_for_pattern(
        _to_node(subject) if subject is not None else None,
        _to_node(predicate) if predicate is not None else None,
        _to_term(object_) if object_ is not None else None,
    )
    return sum(1 for _ in islice(quads, MAX_QUADS + 1))


def _count_rows(body: bytes, fmt: Format) -> int:
    counter = RowCounter(fmt)
    counter.feed(body)
    return counter.rows


def _to_node(term: str) -> ox.NamedNode:
    return ox.NamedNode(term[1:-1])


def _to_term(term: str) -> ox.NamedNode | ox.Literal:
    if term[0] == "<":
        return _to_node(term)
    text, _, language = term[1:].rpartition('"')
    return ox.Literal(text, language=language[1:] or None)

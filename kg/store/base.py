"""The store seam: what Article KG asks of any SPARQL 1.1 engine.

Query text, dataset, wanted formats, deadline and limits go in; a format and a stream of already
serialised bytes come out. Nothing here knows an engine, and nothing above here may.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from kg.formats import GRAPH_FORMATS, RESULT_FORMATS, Format

UPDATE_REFUSED = "Updates are not accepted here; data changes by a new release."
"""What every store says to a SPARQL update."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """The RDF dataset of a query as the request gives it (SPARQL 1.1 Protocol, section 2.1.4).

    Where both are empty, the query's own FROM clauses count, and without those the union of all graphs.
    """

    default_graphs: tuple[str, ...] = ()
    named_graphs: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.default_graphs or self.named_graphs)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may use."""

    deadline_s: float = 10.0
    max_result_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Query:
    """One read query.

    ``result_formats`` are acceptable for SELECT and ASK, ``graph_formats`` for CONSTRUCT and DESCRIBE,
    each in order of preference. An empty tuple means that the client accepts none of that kind.
    ``base_iri`` is what relative IRIs are resolved against where the text has no BASE of its own.
    """

    text: str
    dataset: Dataset = Dataset()
    result_formats: tuple[Format, ...] = RESULT_FORMATS
    graph_formats: tuple[Format, ...] = GRAPH_FORMATS
    limits: Limits = Limits()
    base_iri: str = ""


class Answer(Protocol):
    """A serialised result whose first bytes are there already.

    Iterating yields the bytes. An error after the first chunk raises a ``StoreError`` from the iteration:
    whoever passes the bytes on must then cut its own stream, never end it as if it were whole.
    """

    @property
    def format(self) -> Format:
        """The format of the bytes."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None:
        """Stop the query where it is and free what it holds. May be called twice."""


class Store(Protocol):
    """An engine that answers SPARQL queries over one release."""

    def query(self, query: Query) -> Answer:
        """Answer a query.

        Raises
        ------
        QuerySyntaxError, QueryRefused, NotAcceptable, QueryTimeout, QueryTooLarge, StoreBusy,
        StoreUnavailable: as ``kg.errors`` says; all of them before the first byte where the cause
        is known by then.
        """

    def close(self) -> None:
        """Free all that the store holds; running queries end with ``StoreUnavailable``."""

"""The store seam: what Article KG asks of any SPARQL 1.1 engine.

Query text, dataset, wanted formats, deadline and limits go in; a format and a stream of already
serialised bytes come out. Nothing here knows an engine, and nothing above here may.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from kg.formats import GRAPH_FORMATS, RESULT_FORMATS, Format

UPDATE_REFUSED = "Updates are not accepted here; data changes by a new release."
"""What every store says to a SPARQL update."""

SERVICE_REFUSED = "SERVICE is not accepted: queries see the data of this service only."
"""What every store says to a federated query that it does not allow."""


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
    max_result_rows: int = 1_000_000


class Cancellation:
    """Ends a query from another thread, because whoever asked has left.

    A store registers what stops the query; the web server calls ``cancel``.

    >>> cancellation, ended = Cancellation(), []
    >>> cancellation.on_cancel(lambda: ended.append("query"))
    >>> cancellation.cancel(); ended
    ['query']
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stops: list[Callable[[], None]] = []
        self.cancelled = False

    def cancel(self) -> None:
        """Stop whatever has been registered, and all that will be."""
        with self._lock:
            self.cancelled = True
            stops, self._stops = self._stops, []
        for stop in stops:
            stop()

    def on_cancel(self, stop: Callable[[], None]) -> None:
        """Register what to call; it is called at once if the query has been cancelled already.

        ``stop`` may run in any thread, must not block, and may come after the query has ended.
        """
        with self._lock:
            if not self.cancelled:
                self._stops.append(stop)
                return
        stop()


@dataclass(frozen=True, slots=True)
class Query:
    """One read query.

    ``result_formats`` are acceptable for SELECT and ASK, ``graph_formats`` for CONSTRUCT and DESCRIBE,
    each in order of preference. An empty tuple means that the client accepts none of that kind.
    ``base_iri`` is what relative IRIs are resolved against where the text has no BASE of its own.
    ``client`` is who asks (an address), so that clients can take turns; empty for our own bounded look-ups.
    """

    text: str
    dataset: Dataset = Dataset()
    result_formats: tuple[Format, ...] = RESULT_FORMATS
    graph_formats: tuple[Format, ...] = GRAPH_FORMATS
    limits: Limits = Limits()
    base_iri: str = ""
    client: str = ""
    cancellation: Cancellation = field(default_factory=Cancellation, compare=False)

    @property
    def key(self) -> int:
        """A number that is the same for the same query over the same dataset, in one process."""
        return hash((self.text, self.dataset))


class Answer(Protocol):
    """A serialised result whose first bytes are there already.

    Iterating yields the bytes. An error after the first chunk raises a ``StoreError`` from the iteration:
    whoever passes the bytes on must then cut its own stream, never end it as if it were whole.
    """

    @property
    def format(self) -> Format:
        """The format of the bytes."""

    @property
    def whole(self) -> bytes | None:
        """All bytes at once, where they are there already; None while the query still runs."""

    @property
    def rows(self) -> int | None:
        """Rows of a SELECT answer that has been read to its end; None where that is not known."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None:
        """Stop the query where it is and free what it holds. May be called twice."""


@dataclass(frozen=True, slots=True)
class StoreState:
    """What a store does at this moment: queries that run, the slow ones among them, those that wait.

    ``idle`` is how many more could start at once.
    """

    idle: int
    busy: int
    slow: int
    waiting: int


class Begun(Protocol):
    """A query that an event loop begins; a thread goes on with it where it is not quick.

    ``query`` is what is asked, and ``started`` when that was, on the monotonic clock.
    """

    query: Query
    started: float

    async def wait_shortly(self, max_bytes: int) -> Answer | None:
        """Return the answer if it is whole within a moment, else None; never blocks, raises no StoreError."""

    def finish(self) -> Answer:
        """Go on like ``Store.query``, after ``wait_shortly`` returned None; to be called in a thread."""

    def abandon(self) -> None:
        """Give the query up; nothing happens if it has ended."""


class Store(Protocol):
    """An engine that answers SPARQL queries over one release."""

    def query(self, query: Query) -> Answer:
        """Answer a query.

        Raises
        ------
        QuerySyntaxError, QueryRefused, NotAcceptable, QueryTimeout, QueryTooLarge, QueryCancelled,
        StoreBusy, StoreUnavailable: as ``kg.errors`` says; all of them before the first byte where the cause
        is known by then.
        """

    def begin(self, query: Query) -> Begun | None:
        """Return a query that an event loop may begin; None where only threads can ask the store."""

    def read_state(self) -> StoreState:
        """Return what the store does at this moment."""

    def close(self) -> None:
        """Free all that the store holds; running queries end with ``StoreUnavailable``."""

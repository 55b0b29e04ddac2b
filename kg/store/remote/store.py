"""The remote store: any SPARQL 1.1 server, through SPARQLWrapper and a profile for what differs.

A query goes to the engine as it came, since nothing that parses a stranger's text may run where requests
are served; what could do harm there is refused first (``kg.store.remote.admission``). What comes back is
checked and written anew (``kg.store.remote.conversion``). The engine must hold the very release that is
served: a marker that ``kg publish`` writes last says so, and is looked at every few seconds.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from kg import errors
from kg.formats import GRAPH_FORMATS, RESULT_FORMATS, Format
from kg.store.base import Dataset, Query, StoreState
from kg.store.queue import Places
from kg.store.remote.admission import Admitted, admit
from kg.store.remote.connection import Line
from kg.store.remote.conversion import (
    WHOLE_BYTES,
    Body,
    Channel,
    ChunkWriter,
    convert,
    count_rows,
    read_format,
)
from kg.store.remote.endpoints import Endpoint, Endpoints, Survey
from kg.store.remote.faults import Retry, check_response, explain_body
from kg.store.remote.inspection import Inspector
from kg.store.remote.target import Target, send_operation
from kg.store.rows import RowCounter

_ATTEMPTS = 3
_PAUSE_S = 0.05
_SWEEP_S = 0.25
_LEFT = "Whoever asked has left."
_NO_GRAPH = "urn:x-none:no-graph"
_MAX_BODY_FACTOR = 16
"""An engine's format may be so much longer than the one that was asked for, and is cut beyond."""


class _Lease:
    """One query's place among those that may run, given back exactly once."""

    def __init__(self, store: RemoteStore, line: Line) -> None:
        self._store = store
        self.line = line
        self.channel: Channel | None = None
        self._lock = threading.Lock()
        self._held = True

    def release(self, failure: errors.StoreError | None = None) -> None:
        """End the query if it still runs."""
        with self._lock:
            held, self._held = self._held, False
        if held:
            if self.channel is not None:
                self.channel.close(failure)
            self.line.cut()
            self._store.give_back(self)


class RemoteAnswer:
    """An answer whose first bytes have come; see ``kg.store.base.Answer``."""

    def __init__(
        self, fmt: Format, chunks: list[bytes], writer: ChunkWriter, lease: _Lease | None = None
    ) -> None:
        self._format = fmt
        self._chunks = chunks
        self._writer = writer
        self._lease = lease

    @property
    def format(self) -> Format:
        """The format of the bytes."""
        return self._format

    @property
    def whole(self) -> bytes | None:
        """All bytes at once, where they are there already."""
        return b"".join(self._chunks) if self._lease is None else None

    @property
    def rows(self) -> int | None:
        """Rows of a SELECT answer; while it is read, those written so far."""
        return self._writer.rows

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        if self._lease is None or self._lease.channel is None:
            return
        try:
            while (chunk := self._lease.channel.get()) is not None:
                yield chunk
        finally:
            self._lease.release()

    def close(self) -> None:
        """Stop the query where it is; the engine sees the connection end."""
        if self._lease is not None:
            self._lease.release()

    def __del__(self) -> None:
        self.close()  # a consumer that forgets to close must not keep a place


@dataclass(slots=True)
class _Exchange:
    """One query under way: what is asked, of whom, until when."""

    query: Query
    admitted: Admitted
    wanted: Format
    lease: _Lease
    tried: set[Endpoint] = field(default_factory=set)


class RemoteStore:
    """Answers queries by asking an engine; see ``kg.store.base.Store``.

    Parameters
    ----------
    workers: queries that may run at a time.
    queue_s: how long a query waits for one of these places.
    """

    def __init__(self, target: Target, *, workers: int, queue_s: float) -> None:
        self._target = target
        self._profile = target.profile
        self._queue_s = queue_s
        self._endpoints = Endpoints(target.urls)
        self._inspector = Inspector(target, self._endpoints)
        self._workers = workers
        self._places = Places(workers)
        self._lock = threading.Lock()
        self._leases: set[_Lease] = set()
        self._closed = threading.Event()
        threading.Thread(target=self._sweep, name="remote-deadlines", daemon=True).start()

    def query(self, query: Query) -> RemoteAnswer:
        """Answer a query."""
        admitted = admit(query.text, query.dataset, self._profile, query.base_iri)
        wanted = _choose_format(query, admitted.form)
        deadline = time.monotonic() + query.limits.deadline_s
        lease = self._take_place(query.client, deadline)
        query.cancellation.on_cancel(lambda: lease.release(errors.QueryCancelled(_LEFT)))
        try:
            return self._answer(_Exchange(query, admitted, wanted, lease))
        except errors.StoreError:
            lease.release()
            if query.cancellation.cancelled:
                raise errors.QueryCancelled(_LEFT) from None
            raise
        except BaseException:  # whatever happens, an interrupt too, the place must not be lost
            lease.release()
            raise

    def close(self) -> None:
        """End all queries."""
        self._closed.set()
        with self._lock:
            leases = list(self._leases)
        for lease in leases:
            lease.release(errors.StoreUnavailable("The store was closed while the query ran."))

    def begin(self, query: Query) -> None:
        """Return nothing: an engine on the network is asked by threads."""

    def read_state(self) -> StoreState:
        """Return how many places are taken; which queries are slow is the engine's to know."""
        with self._lock:
            busy = len(self._leases)
        return StoreState(idle=self._workers - busy, busy=busy, slow=0, waiting=self._places.waiting)

    def give_back(self, lease: _Lease) -> None:
        """Take a place back; for leases."""
        with self._lock:
            self._leases.discard(lease)
        self._places.give_back()

    def _take_place(self, client: str, deadline: float) -> _Lease:
        if self._closed.is_set():
            raise errors.StoreUnavailable("The store is closed.")
        if not self._places.take(client, self._queue_s):
            raise errors.StoreBusy("All places for queries are taken.", "Try again in a moment.")
        lease = _Lease(self, Line(deadline))
        with self._lock:
            self._leases.add(lease)
        return lease

    def _sweep(self) -> None:
        """Cut what is overdue though its reader sleeps, or its engine sends a byte now and then."""
        while not self._closed.wait(_SWEEP_S):
            with self._lock:
                overdue = [lease for lease in self._leases if lease.line.is_overdue]
            for lease in overdue:
                lease.release(errors.QueryTimeout("The query ran past its deadline."))

    # --- asking -----------------------------------------------------------------------------------------

    def _answer(self, exchange: _Exchange) -> RemoteAnswer:
        """Ask until an endpoint answers; only a failure before the first byte of a body is tried again."""
        for attempt in range(_ATTEMPTS):
            endpoint = self._choose(exchange)
            answered: bool | None = None
            try:
                survey = self._inspector.inspect(endpoint)
                response = self._send(endpoint, survey, exchange)
                answered = True
                return self._receive(response, survey, endpoint, exchange)
            except Retry as failure:
                answered = False if failure.counts else None
                if attempt == _ATTEMPTS - 1 or exchange.lease.line.is_overdue:
                    raise failure.error from None
                time.sleep(_PAUSE_S * attempt)
            except errors.QueryTimeout:
                endpoint.outdate()  # slow, or dead? The next query finds out before it goes there
                raise
            finally:
                self._endpoints.leave(endpoint, answered=answered)
        raise AssertionError("the last attempt returns or raises")

    def _choose(self, exchange: _Exchange) -> Endpoint:
        """Return an endpoint, another than before while there are others."""
        try:
            chosen = self._endpoints.choose(exchange.tried)
        except errors.StoreUnavailable:
            exchange.tried.clear()
            chosen = self._endpoints.choose(exchange.tried)
        exchange.tried.add(chosen)
        return chosen

    def _send(self, endpoint: Endpoint, survey: Survey, exchange: _Exchange) -> http.client.HTTPResponse:
        admitted = exchange.admitted
        text = admitted.text
        if admitted.form == "DESCRIBE":
            text = self._profile.describe_prologue + text
        operation = self._target.make_operation(endpoint.url, admitted.form, text, exchange.lease.line)
        operation.add_parameters(self._name_graphs(admitted.dataset, survey.has_union))
        try:
            return check_response(send_operation(operation, exchange.lease.line, text))
        except errors.StoreError:
            if self._closed.is_set():
                raise errors.StoreUnavailable("The store was closed while the query ran.") from None
            raise

    def _name_graphs(self, dataset: Dataset, has_union: bool) -> list[tuple[str, str]]:
        """Return the parameters for the dataset (SPARQL 1.1 Protocol, section 2.1.4).

        Where only one of both lists is given, the other is filled with a graph that is not there: some
        engines take a missing list for all that they have.
        """
        default, named = dataset.default_graphs, dataset.named_graphs
        if not dataset:
            if has_union:
                return []
            if self._profile.union_parameters:
                return list(self._profile.union_parameters)
            default = named = self._target.graphs
        pairs = [("default-graph-uri", iri) for iri in default or (_NO_GRAPH,)]
        return pairs + [("named-graph-uri", iri) for iri in named or (_NO_GRAPH,)]

    # --- receiving --------------------------------------------------------------------------------------

    def _receive(
        self, response: http.client.HTTPResponse, survey: Survey, endpoint: Endpoint, exchange: _Exchange
    ) -> RemoteAnswer:
        limits, form = exchange.query.limits, exchange.admitted.form
        body = Body(response, exchange.lease.line, limits.max_result_bytes * _MAX_BODY_FACTOR)
        try:
            ended = body.read_ahead(WHOLE_BYTES)
        except errors.StoreUnavailable as error:
            raise Retry(error, counts=False) from None
        sent = read_format(response.headers.get("Content-Type", ""), form)
        if sent is None:
            raise explain_body(response, body.beginning)
        if survey.row_cap is not None:
            body.read_ahead(limits.max_result_bytes * _MAX_BODY_FACTOR)
            self._check_cap(body, sent, survey.row_cap, endpoint, survey, exchange)
            ended = len(body.beginning) <= WHOLE_BYTES
        if ended:
            chunks: list[bytes] = []
            writer = _make_writer(chunks.append, exchange)
            convert(body, sent, exchange.wanted, form, writer)
            exchange.lease.release()
            return RemoteAnswer(exchange.wanted, chunks, writer)
        return self._stream(body, sent, exchange)

    def _stream(self, body: Body, sent: Format, exchange: _Exchange) -> RemoteAnswer:
        """Convert in a thread of its own, so that the reader's pace is the engine's."""
        lease, channel = exchange.lease, Channel()
        lease.channel = channel
        writer = _make_writer(channel.put, exchange)

        def work() -> None:
            failure: errors.StoreError | None = None
            try:
                convert(body, sent, exchange.wanted, exchange.admitted.form, writer)
            except errors.StoreError as error:
                # Without its frames: they hold what pyoxigraph wants dropped in this thread.
                failure = error.with_traceback(None)
                failure.__context__ = None
            except OSError:  # the reader has gone
                failure = errors.StoreUnavailable("The answer has been closed.")
            channel.end(failure)

        threading.Thread(target=work, name="remote-answer", daemon=True).start()
        first = channel.get()
        return RemoteAnswer(exchange.wanted, [first] if first else [], writer, lease)

    def _check_cap(
        self,
        body: Body,
        sent: Format,
        cap: int,
        endpoint: Endpoint,
        survey: Survey,
        exchange: _Exchange,
    ) -> None:
        """Raise ``QueryTooLarge`` unless an answer is surely whole on an engine that cuts."""
        admitted = exchange.admitted
        if admitted.form == "ASK" or not admitted.has_pattern:
            return
        if admitted.limit is not None and admitted.limit <= cap:
            return
        if admitted.form == "SELECT":
            cut = count_rows(body.beginning, sent, admitted.form) >= cap
        else:
            cut = self._goes_on(cap, endpoint, survey, exchange)
        if cut:
            raise errors.QueryTooLarge(
                f"The engine gives at most {cap} rows, and this answer may have more.",
                f"Ask for parts, with ORDER BY and LIMIT {cap} or less.",
            )

    def _goes_on(self, cap: int, endpoint: Endpoint, survey: Survey, exchange: _Exchange) -> bool:
        """Ask whether a graph has a solution beyond the cap; a graph does not show how many it is made of."""
        if not exchange.admitted.is_open:
            return True
        query, admitted = exchange.query, exchange.admitted
        more = replace(admitted, text=f"{admitted.text}\nOFFSET {cap} LIMIT 1")
        response = self._send(endpoint, survey, replace(exchange, admitted=more))
        body = Body(response, exchange.lease.line, query.limits.max_result_bytes)
        body.read_ahead(query.limits.max_result_bytes)
        sent = read_format(response.headers.get("Content-Type", ""), exchange.admitted.form)
        return sent is None or count_rows(body.beginning, sent, exchange.admitted.form) > 0


def _make_writer(emit: Callable[[bytes], None], exchange: _Exchange) -> ChunkWriter:
    counter = RowCounter(exchange.wanted) if exchange.admitted.form == "SELECT" else None
    return ChunkWriter(emit, exchange.query.limits, counter)


def _choose_format(query: Query, form: str) -> Format:
    is_graph = form in ("CONSTRUCT", "DESCRIBE")
    wanted = query.graph_formats if is_graph else query.result_formats
    if wanted:
        return wanted[0]
    kind = "an RDF graph" if is_graph else "a table or a truth value"
    offers = ", ".join(fmt.media_type for fmt in (GRAPH_FORMATS if is_graph else RESULT_FORMATS))
    raise errors.NotAcceptable(f"The answer is {kind}, which can be had as {offers}.")

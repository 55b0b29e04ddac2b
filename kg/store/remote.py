"""The remote store: any SPARQL 1.1 server, through SPARQLWrapper and a profile for what differs.

A query goes to the engine as it came, since nothing that parses a stranger's text may run where requests
are served; what could do harm there is refused first (``kg.store.admission``). What comes back is checked
and written anew (``kg.store.conversion``). The engine must hold the very release that is served: a marker
that ``kg publish`` writes last says so, and is looked at every few seconds.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from kg import errors
from kg.formats import CSV, GRAPH_FORMATS, JSON, RESULT_FORMATS, Format
from kg.store.admission import Admitted, admit
from kg.store.base import Dataset, Limits, Query, StoreState
from kg.store.connection import CONNECT_S, Credentials, Line, Operation
from kg.store.conversion import (
    WHOLE_BYTES,
    Body,
    Channel,
    ChunkWriter,
    convert,
    count_rows,
    is_page,
    quote_message,
    read_format,
)
from kg.store.endpoints import Endpoint, Endpoints, Survey
from kg.store.profiles import EngineProfile
from kg.store.queue import Places
from kg.store.rows import RowCounter

IDENTIFIER = "http://purl.org/dc/terms/identifier"
"""The property by which the marker names the release that an engine holds."""

_ATTEMPTS = 3
_PAUSE_S = 0.05
_SWEEP_S = 0.25
_LEFT = "Whoever asked has left."
_NO_GRAPH = "urn:x-none:no-graph"
_MAX_BODY_FACTOR = 16
"""An engine's format may be so much longer than the one that was asked for, and is cut beyond."""

_SIDE = 400
_PROBE = f"SELECT * {{ VALUES ?a {{ {' '.join(map(str, range(_SIDE)))} }} VALUES ?b {{ %s }} }}" % " ".join(
    map(str, range(_SIDE))
)
_PROBED_ROWS = _SIDE * _SIDE
_PROBE_S = 20.0

_PLACE = re.compile(r"\bline:? (\d+)(?:,? col(?:umn)?:? (\d+))?|error at (\d+):(\d+)", re.IGNORECASE)
_TIME = re.compile(r"timed?[ -]?out|cancell?ed|execution time", re.IGNORECASE)
_TRANSIENT = (502, 503, 504)


@dataclass(frozen=True, slots=True)
class Target:
    """The engine behind the service.

    Parameters
    ----------
    urls: addresses for queries, at least one; each holds the same data.
    graphs: names of all graphs of the release, for engines that have to be told them.
    release_id, marker: the release, and the IRI (of a graph and of the thing in it) under which the engine
        names the one it holds; an empty id takes whatever is there.
    """

    urls: tuple[str, ...]
    profile: EngineProfile
    credentials: Credentials = field(default_factory=Credentials)
    graphs: tuple[str, ...] = ()
    release_id: str = ""
    marker: str = ""


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
                survey = self._survey(endpoint)
                response = self._send(endpoint, survey, exchange)
                answered = True
                return self._receive(response, survey, endpoint, exchange)
            except _Retry as failure:
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
        operation = self._make(endpoint, admitted.form, text, exchange.lease.line)
        operation.add_parameters(self._name_graphs(admitted.dataset, survey.has_union))
        try:
            return _check_response(self._open(operation, exchange.lease.line, text))
        except errors.StoreError:
            if self._closed.is_set():
                raise errors.StoreUnavailable("The store was closed while the query ran.") from None
            raise

    def _make(self, endpoint: Endpoint, form: str, text: str, line: Line) -> Operation:
        is_graph = form in ("CONSTRUCT", "DESCRIBE")
        operation = Operation(endpoint.url, form, text, line, self._target.credentials)
        sent = self._profile.graph_format if is_graph else self._profile.result_format
        operation.accept(sent.media_type)
        if self._profile.timeout_parameter:
            limit = max(1, int(line.remaining_s * self._profile.timeout_factor + 0.999))
            operation.add_parameters([(self._profile.timeout_parameter, str(limit))])
        return operation

    def _open(self, operation: Operation, line: Line, text: str) -> http.client.HTTPResponse:
        try:
            return operation.send()
        except urllib.error.HTTPError as error:
            raise _explain_status(error, text) from None
        except (OSError, http.client.HTTPException) as error:
            if line.is_overdue:
                raise errors.QueryTimeout("The query ran past its deadline.") from None
            reason = getattr(error, "reason", error)
            raise _Retry(
                errors.StoreUnavailable(f"The engine does not answer: {reason}.", "Try again.")
            ) from None

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
            raise _Retry(error, counts=False) from None
        sent = read_format(response.headers.get("Content-Type", ""), form)
        if sent is None:
            raise _explain_body(response, body.beginning)
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

    # --- what is known of an endpoint -------------------------------------------------------------------

    def _survey(self, endpoint: Endpoint) -> Survey:
        """Return what is known of an endpoint, looked up anew when it is old.

        While one query looks, the others go on with what was known.
        """
        known = endpoint.survey
        if known is None or known.is_old:
            if endpoint.survey_lock.acquire(blocking=known is None, timeout=-1 if known else 2 * CONNECT_S):
                try:
                    if endpoint.survey is known:
                        endpoint.survey = known = self._look(endpoint)
                except _Retry:
                    self._endpoints.suspect(endpoint)
                    raise
                finally:
                    endpoint.survey_lock.release()
            known = endpoint.survey
        if known is None:
            raise _Retry(errors.StoreUnavailable("The engine is slow to answer.", "Try again."))
        if known.refusal:
            raise _Retry(errors.StoreUnavailable(known.refusal, "Try again."), counts=False)
        return known

    def _look(self, endpoint: Endpoint) -> Survey:
        target = self._target
        union = self._ask_release(endpoint, in_default_graph=True)
        held = union or self._ask_release(endpoint, in_default_graph=False)
        refusal = ""
        if target.release_id and held != [target.release_id]:
            said = f"release {held[0]}" if held else "no release of this service"
            refusal = f"The engine holds {said}, not {target.release_id}."
        if self._profile.may_cap_rows and not endpoint.is_probed:
            endpoint.row_cap, endpoint.is_probed = self._probe_cap(endpoint), True
        has_union = bool(union) and not self._profile.is_shared
        return Survey(time.monotonic(), has_union, endpoint.row_cap, refusal)

    def _ask_release(self, endpoint: Endpoint, *, in_default_graph: bool) -> list[str]:
        """Return the ids that the engine names in its default graph, or in the marker's own."""
        if not self._target.release_id:
            self._ask(endpoint, "ASK", "ASK {}", CONNECT_S)
            return []
        pattern = f"<{self._target.marker}> <{IDENTIFIER}> ?id"
        if not in_default_graph:
            pattern = f"GRAPH <{self._target.marker}> {{ {pattern} }}"
        body = self._ask(endpoint, "SELECT", f"SELECT ?id WHERE {{ {pattern} }}", CONNECT_S)
        return [row["id"]["value"] for row in json.loads(body)["results"]["bindings"]]

    def _probe_cap(self, endpoint: Endpoint) -> int | None:
        rows = len(self._ask(endpoint, "SELECT", _PROBE, _PROBE_S, CSV).splitlines()) - 1
        return rows if rows < _PROBED_ROWS else None

    def _ask(self, endpoint: Endpoint, form: str, text: str, deadline_s: float, fmt: Format = JSON) -> bytes:
        """Ask something of our own; whatever goes wrong says that the endpoint is not well."""
        line = Line(time.monotonic() + deadline_s)
        try:
            operation = self._make(endpoint, form, text, line)
            response = self._open(operation, line, text)
            sent = read_format(response.headers.get("Content-Type", ""), form)
            chunks: list[bytes] = []
            body = Body(response, line, _PROBED_ROWS * 1000)
            if sent is None:
                body.read_ahead(WHOLE_BYTES)
                raise _explain_body(response, body.beginning)
            convert(body, sent, fmt, form, ChunkWriter(chunks.append, Limits()))
            return b"".join(chunks)
        except errors.StoreError as error:
            message = (
                "The engine is slow to answer." if isinstance(error, errors.QueryTimeout) else str(error)
            )
            raise _Retry(errors.StoreUnavailable(message)) from None
        finally:
            with contextlib.suppress(OSError):
                line.cut()


class _Retry(Exception):
    """A failure that says nothing about the query, so another endpoint may be asked.

    ``counts`` is false where it does not say either that the endpoint is down.
    """

    def __init__(self, error: errors.StoreError, *, counts: bool = True) -> None:
        super().__init__(error)
        self.error = error
        self.counts = counts


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


def _check_response(response: http.client.HTTPResponse) -> http.client.HTTPResponse:
    """Return a response unless its headers say that it is a part."""
    state = response.headers.get("X-SQL-State", "")
    if state and not state.startswith("00"):
        raise errors.StoreUnavailable(
            "The engine stopped at a time limit of its own.", "Ask for less at once."
        )
    return response


def _explain_body(response: http.client.HTTPResponse, beginning: bytes) -> errors.StoreError:
    content_type = response.headers.get("Content-Type", "") or "no media type"
    said = "" if is_page(content_type) else quote_message(beginning)
    return errors.StoreUnavailable(f"The engine answered with {content_type}. {said}".strip())


def _explain_status(error: urllib.error.HTTPError, text: str) -> Exception:
    """Return what a status means for whoever asked."""
    with error:
        try:
            body = error.read(64 * 1024)
        except (OSError, http.client.HTTPException):
            body = b""
    said = "" if is_page(error.headers.get("Content-Type", "")) else quote_message(body, text)
    if "nested too deep" in said:
        return errors.QueryTooLarge("The query is nested too deeply.", "Write it with fewer levels.")
    if error.code == 400:
        return _to_syntax_error(said)
    if error.code in (413, 414):
        return errors.QueryTooLarge("The query is longer than the engine takes.")
    if _TIME.search(said) and error.code in (408, 500, 503, 504):
        return errors.QueryTimeout("The engine stopped the query at its time limit.")
    if error.code in _TRANSIENT or error.code == 429:
        return _Retry(errors.StoreUnavailable(f"The engine is not available ({error.code}).", "Try again."))
    if error.code in (401, 403):
        return _Retry(errors.StoreUnavailable(f"The engine refuses this service ({error.code})."))
    if 300 <= error.code < 400:
        place = error.headers.get("Location", "")
        return _Retry(errors.StoreUnavailable(f"The engine is at another address: {place}."))
    return errors.StoreUnavailable(f"The engine failed ({error.code}). {said}".strip())


def _to_syntax_error(said: str) -> errors.QuerySyntaxError:
    match = _PLACE.search(said)
    line = next((int(group) for group in (match[1], match[3]) if group), None) if match else None
    column = next((int(group) for group in (match[2], match[4]) if group), None) if match else None
    return errors.QuerySyntaxError(said or "The engine does not accept the query.", line=line, column=column)

"""From what an engine sent to the standard form, and nothing that is cut passes for whole.

Every answer is parsed and written anew. That evens out what engines do differently (``typed-literal``, a
row for a truth value, a media type of their own), and a body that was cut or ends in an error text does not
parse, whatever its status was. CSV, TSV, Turtle and N-Triples have no end that could be missed, so engines
are asked for formats where it shows, or their answers are counted (``kg.store.remote.store``).
"""

from __future__ import annotations

import http.client
import threading
from collections import deque
from collections.abc import Callable
from typing import IO, cast

import pyoxigraph as ox

from kg import errors
from kg.formats import (
    CSV,
    GRAPH_FORMATS,
    JSON,
    RESULT_FORMATS,
    TSV,
    Format,
    find_format,
    to_rdf_format,
    to_results_format,
)
from kg.store.base import Limits
from kg.store.remote.connection import Line
from kg.store.rows import RowCounter

WHOLE_BYTES = 256 * 1024
"""A body up to this size is converted before the first byte goes out; a longer one is while it comes."""

CHUNK_BYTES = 64 * 1024
_FIRST_BYTES = 8 * 1024
_CHUNKS_AHEAD = 4
_ASK_VARIABLE = "__ASK_RETVAL"
_MAX_SAID = 300
_ENDING_BYTES = 300
_EMPTY = b"# Empty"
"""How Virtuoso writes a graph without triples."""


class Body:
    """The body of a response, as a file that pyoxigraph reads; ends with an error where it is cut."""

    def __init__(self, response: http.client.HTTPResponse, line: Line, max_bytes: int) -> None:
        self._response = response
        self._line = line
        self._left = max_bytes
        self._ahead = bytearray()
        self._ended = False
        self._ending, self._long = b"", False
        self.failure: errors.StoreError | None = None

    def read_ahead(self, size: int) -> bool:
        """Read until ``size`` bytes are there; tells whether the body ended before."""
        while not self._ended and len(self._ahead) < size:
            self._ahead += self._receive()
        return self._ended

    @property
    def beginning(self) -> bytes:
        """What has been read ahead."""
        return bytes(self._ahead)

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes; none at the end."""
        self.read_ahead(1)
        taken = bytes(self._ahead[:size])
        del self._ahead[:size]
        return taken

    @property
    def is_overdue(self) -> bool:
        """Whether the deadline has passed, so that a body may end because it was cut."""
        return self._line.is_overdue

    @property
    def is_commented(self) -> bool:
        """Whether the last lines hold a comment."""
        if self._ending.startswith(_EMPTY):
            return False
        lines = self._ending.splitlines()
        return any(line.lstrip().startswith(b"#") for line in (lines[1:] if self._long else lines))

    def _receive(self) -> bytes:
        self._line.renew_timeout()
        try:
            data = self._response.read(CHUNK_BYTES)
            # A connection that ended early is taken for the end of the body.
            if not data and self._response.length not in (None, 0):
                raise http.client.IncompleteRead(b"", self._response.length)
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
            raise self._fail(explain_break(self._line, error)) from None
        self._left -= len(data)
        if self._left < 0:
            raise self._fail(errors.QueryTooLarge("The engine's answer has more bytes than allowed."))
        self._ended = not data
        ending = self._ending + data
        self._long = self._long or len(ending) > _ENDING_BYTES
        self._ending = ending[-_ENDING_BYTES:]
        return data

    def _fail(self, error: errors.StoreError) -> errors.StoreError:
        self.failure = error
        return error


def explain_break(line: Line, error: Exception) -> errors.StoreError:
    """Return what it means that a connection broke or was cut."""
    if line.is_overdue or isinstance(error, TimeoutError):
        return errors.QueryTimeout("The query ran past its deadline.")
    return errors.StoreUnavailable("The engine ended its answer in the middle.", "Try again.")


class Channel:
    """Chunks from the thread that converts to the one that sends; a slow reader slows the engine down."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._chunks: deque[bytes] = deque()
        self._ended = False
        self._closed = False
        self._failure: errors.StoreError | None = None

    def put(self, chunk: bytes) -> None:
        """Add a chunk; waits while the reader is behind, and raises ``OSError`` when it has gone."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._chunks) < _CHUNKS_AHEAD)
            if self._closed:
                raise BrokenPipeError
            self._chunks.append(chunk)
            self._changed.notify_all()

    def end(self, failure: errors.StoreError | None) -> None:
        """Say that nothing more comes, and why where it should have."""
        with self._changed:
            self._ended, self._failure = True, self._failure or failure
            self._changed.notify_all()

    def get(self) -> bytes | None:
        """Return the next chunk, or None at the end.

        Raises
        ------
        StoreError: the answer failed, or was closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._chunks or self._ended or self._closed)
            if self._closed:
                raise self._failure or errors.StoreUnavailable("The answer has been closed.")
            if self._chunks:
                self._changed.notify_all()
                return self._chunks.popleft()
            if self._failure is not None:
                raise self._failure
            return None

    def close(self, failure: errors.StoreError | None = None) -> None:
        """Take nothing more; what waits on either side goes on, and the reader gets ``failure``."""
        with self._changed:
            self._closed, self._failure = True, self._failure or failure
            self._chunks.clear()
            self._changed.notify_all()


class ChunkWriter:
    """The file that pyoxigraph writes into: gathers, counts, and passes chunks on."""

    def __init__(
        self, emit: Callable[[bytes], None], limits: Limits, counter: RowCounter | None = None
    ) -> None:
        self._emit = emit
        self._limits = limits
        self._counter = counter
        self._total = 0
        self._pending = bytearray()
        self._wanted = _FIRST_BYTES
        self.failure: errors.StoreError | None = None

    def write(self, data: bytes) -> int:
        """Take bytes; raises ``QueryTooLarge`` beyond the limit."""
        self._total += len(data)
        if self._total > self._limits.max_result_bytes:
            raise self._fail(f"{self._limits.max_result_bytes} bytes")
        if self._counter is not None:
            self._counter.feed(data)
            if self._counter.rows > self._limits.max_result_rows:
                raise self._fail(f"{self._limits.max_result_rows} rows")
        self._pending += data
        if len(self._pending) >= self._wanted:
            self._wanted = CHUNK_BYTES
            self.finish()
        return len(data)

    @property
    def rows(self) -> int | None:
        """Rows that have been written; None for what has none."""
        return None if self._counter is None else self._counter.rows

    def _fail(self, limit: str) -> errors.StoreError:
        self.failure = errors.QueryTooLarge(f"The result has more than the {limit} allowed.")
        return self.failure

    def flush(self) -> None:
        """Nothing to do before the end."""

    def finish(self) -> None:
        """Pass on what is left."""
        if self._pending:
            self._emit(bytes(self._pending))
            self._pending.clear()


def convert(body: Body, sent: Format, wanted: Format, form: str, writer: ChunkWriter) -> None:
    """Parse a body and write it in the wanted format.

    Raises
    ------
    StoreError: the body broke off, is not what it says, or gets too long.
    """
    try:
        if form in ("CONSTRUCT", "DESCRIBE"):
            _convert_graph(body, sent, wanted, writer)
        else:
            _convert_results(body, sent, wanted, form, writer)
    except (errors.StoreError, SyntaxError, ValueError, OSError) as error:
        known = body.failure or writer.failure
        if known is not None or isinstance(error, errors.StoreError):
            raise known or cast(errors.StoreError, error) from None
        if isinstance(error, BrokenPipeError):
            raise
        if body.is_overdue:
            raise errors.QueryTimeout("The query ran past its deadline.") from None
        raise errors.StoreUnavailable(
            "The engine's answer is cut or ends in an error, so nothing of it can be trusted.", "Try again."
        ) from None
    writer.finish()


def _convert_graph(body: Body, sent: Format, wanted: Format, writer: ChunkWriter) -> None:
    quads = ox.parse(cast(IO[bytes], body), format=to_rdf_format(sent))
    triples = (ox.Triple(quad.subject, quad.predicate, quad.object) for quad in quads)
    ox.serialize(triples, cast(IO[bytes], writer), format=to_rdf_format(wanted))
    # Engines comment nothing; some write why they stopped as a comment, which parses.
    if body.is_commented:
        raise errors.StoreUnavailable("The engine's answer ends in a comment, so it may have stopped there.")


def _convert_results(body: Body, sent: Format, wanted: Format, form: str, writer: ChunkWriter) -> None:
    results = ox.parse_query_results(cast(IO[bytes], body), format=to_results_format(sent))
    if form == "ASK" and not isinstance(results, ox.QueryBoolean):
        results = ox.parse_query_results(_to_boolean(results), format=to_results_format(JSON))
    if isinstance(results, ox.QueryBoolean) != (form == "ASK"):
        raise errors.StoreUnavailable(f"The engine's answer is none to {form}.")
    results.serialize(output=cast(IO[bytes], writer), format=to_results_format(wanted))


def _to_boolean(results: ox.QuerySolutions | ox.QueryBoolean) -> bytes:
    """Return the standard form of a truth value that came as one row."""
    rows = list(cast(ox.QuerySolutions, results))
    if len(rows) > 1 or [v.value for v in cast(ox.QuerySolutions, results).variables] != [_ASK_VARIABLE]:
        raise errors.StoreUnavailable("The engine's answer to ASK is no truth value.")
    value = rows[0][0] if rows else None  # Virtuoso has no row for false
    true = isinstance(value, ox.Literal) and value.value in ("1", "true")
    return b'{"head":{},"boolean":%s}' % (b"true" if true else b"false")


def count_rows(data: bytes, sent: Format, form: str) -> int:
    """Return the solutions, or the statements, of a whole body."""
    try:
        if form in ("CONSTRUCT", "DESCRIBE"):
            return sum(1 for _ in ox.parse(data, format=to_rdf_format(sent)))
        results = ox.parse_query_results(data, format=to_results_format(sent))
        return 1 if isinstance(results, ox.QueryBoolean) else sum(1 for _ in results)
    except (SyntaxError, ValueError):
        return 0  # converting it will say so


def read_format(content_type: str, form: str) -> Format | None:
    """Return the format that a Content-Type names, or None where it is none that the form can have."""
    media_type = content_type.partition(";")[0]
    known = GRAPH_FORMATS if form in ("CONSTRUCT", "DESCRIBE") else RESULT_FORMATS
    found = find_format(media_type, known)
    return None if found in (CSV, TSV) else found


def quote_message(data: bytes, text: str = "") -> str:
    """Return what an engine said, as one short line without the query itself.

    >>> quote_message(b"Parse error:  at line 2,\\n column 8.")
    'Parse error: at line 2, column 8.'
    """
    said = data.decode("utf-8", "replace")
    said = said.partition("\n\nSPARQL query:")[0]
    if text.strip():
        said = said.replace(text.strip(), "…")
    said = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    return said if len(said) <= _MAX_SAID else said[:_MAX_SAID] + "…"


def is_page(content_type: str) -> bool:
    """Tell whether something is meant for a browser, and so no message to pass on."""
    return "html" in content_type.lower()

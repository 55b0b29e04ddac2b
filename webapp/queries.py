"""A client's query to the store, with what operators want to know of it: a line of log, and metrics.

The log has a line of JSON for each query: hash of its text, seconds, rows, bytes, outcome. The text itself
is not logged, since it may hold what its author would not tell; the hash tells which queries are the same.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from kg.errors import KgError, QueryCancelled
from kg.formats import Format
from kg.store.base import Answer, Begun, Query, Store
from webapp import metrics

TELL_AFTER_S = 0.25
"""How long an event loop gathers what there is to record: one by one it costs as much as the queries."""

_log = logging.getLogger("kg.queries")


def ask(store: Store, query: Query, begun: Begun | None = None) -> RecordedAnswer:
    """Answer a query as the store does, and record how it ends.

    ``begun`` is the same query where an event loop has begun it.

    Raises
    ------
    StoreError: as the store.
    """
    record = Record(query, store, begun.started if begun is not None else time.monotonic())
    try:
        answer = begun.finish() if begun is not None else store.query(query)
    except BaseException as error:
        record.end(error)
        raise
    return RecordedAnswer(answer, record)


@dataclass(frozen=True, slots=True)
class QueryNote:
    """What the log tells of a query whose answer is kept."""

    hash: str
    rows: int | None
    bytes: int


def log_again(note: QueryNote, times: int) -> None:
    """Record that the answer to a query has been given so many times more, without asking a store."""
    metrics.count_queries_again(times, note.bytes, note.rows or 0)
    _log.info("query answered again", extra={"content": {**asdict(note), "times": times}})


class Journal:
    """Records the queries that an event loop has answered, a few times a second. To be used in that loop.

    ``endpoint`` is the name of the view as metrics count it.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._written: list[tuple[float, Query, QueryNote, float]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._store: Store | None = None

    def add(self, query: Query, store: Store, seconds: float, rows: int | None, size: int) -> QueryNote:
        """Record a query whose answer is whole, of so many seconds, rows and bytes."""
        note = QueryNote(_hash(query.text), rows, size)
        self._written.append((time.time(), query, note, seconds))
        self._store = store
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TELL_AFTER_S, self.tell)
        return note

    def tell(self) -> None:
        """Tell metrics and the log what has been recorded since the last time."""
        written, self._written, self._timer = self._written, [], None
        if not written or self._store is None:
            return
        notes = [note for _, _, note, _ in written]
        size, rows = sum(note.bytes for note in notes), sum(note.rows or 0 for note in notes)
        metrics.count_queries("ok", [seconds for *_, seconds in written], size, rows)
        metrics.count_request(self._endpoint, 200, len(written))
        metrics.show_store(self._store.read_state())
        lines = []
        for when, query, note, seconds in written:
            stamp = datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds")
            lines.append({"time": stamp, **_describe(query, note, "ok", seconds)})
        _log.info("query", extra={"lines": lines})


class Record:
    """What becomes of one query; ``end`` counts once."""

    def __init__(self, query: Query, store: Store, started: float) -> None:
        self._query = query
        self._store = store
        self._started = started
        self._ended = False
        self.bytes = 0
        self.rows: int | None = None

    @property
    def note(self) -> QueryNote:
        """What stays known of the query after it."""
        return QueryNote(_hash(self._query.text), self.rows, self.bytes)

    def end(self, error: BaseException | None) -> None:
        """Count and log how the query ended."""
        if self._ended:
            return
        self._ended = True
        outcome, seconds = name_outcome(error), time.monotonic() - self._started
        metrics.count_queries(outcome, [seconds], self.bytes, self.rows or 0)
        metrics.show_store(self._store.read_state())
        _log.info("query", extra={"content": _describe(self._query, self.note, outcome, seconds)})


class RecordedAnswer:
    """An answer that tells its record how it ended."""

    def __init__(self, answer: Answer, record: Record) -> None:
        self._answer = answer
        self._record = record

    @property
    def note(self) -> QueryNote:
        """What stays known of the query after its answer has been read."""
        return self._record.note

    @property
    def format(self) -> Format:
        """The format of the bytes."""
        return self._answer.format

    @property
    def whole(self) -> bytes | None:
        """All bytes at once, where they are there already."""
        data = self._answer.whole
        if data is not None:
            self._record.bytes = len(data)
            self._end(None)
        return data

    @property
    def rows(self) -> int | None:
        """Rows of a SELECT answer that has been read to its end."""
        return self._answer.rows

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._answer:
                self._record.bytes += len(chunk)
                yield chunk
        except Exception as error:
            self._end(error)
            raise
        self._end(None)

    def close(self) -> None:
        """Stop the query where it is."""
        self._answer.close()
        self._end(QueryCancelled("Not all of the answer was wanted."))

    def _end(self, error: BaseException | None) -> None:
        self._record.rows = self._answer.rows
        self._record.end(error)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _describe(query: Query, note: QueryNote, outcome: str, seconds: float) -> dict[str, Any]:
    return {
        "hash": note.hash,
        "client": query.client,
        "outcome": outcome,
        "seconds": round(seconds, 4),
        "rows": note.rows,
        "bytes": note.bytes,
    }


def name_outcome(error: BaseException | None) -> str:
    """Return the outcome of a query as logs and metrics name it.

    >>> from kg.errors import QueryTooLarge
    >>> name_outcome(None), name_outcome(QueryTooLarge(""))
    ('ok', 'query_too_large')
    """
    if error is None:
        return "ok"
    if isinstance(error, KgError):
        return re.sub(r"(?<!^)([A-Z])", r"_\1", type(error).__name__).lower()
    return "failed"

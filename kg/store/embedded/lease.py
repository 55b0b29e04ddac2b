"""One query's hold on a worker: from the request to the last frame of its answer."""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

from kg import errors
from kg.formats import Format
from kg.store.base import SERVICE_REFUSED, Query
from kg.store.embedded import frames, sandbox
from kg.store.embedded.express import Departure
from kg.store.embedded.pool import Pool
from kg.store.embedded.process import LOOK_S, READ_BYTES, Lost, Overdue, WorkerProcess


class _Slow(Exception):
    """The query needs longer than the quick lane allows, and the slow lane has no place now."""


class Lease:
    """One query's hold on a worker: takes one, reads its frames, and gives it back exactly once."""

    def __init__(self, pool: Pool, query: Query) -> None:
        self._pool = pool
        self._query = query
        self._key = query.key
        self._worker: WorkerProcess | None = None
        self._chunks: deque[bytes] = deque()
        self._buffered = 0
        self._ended = False
        self._closed = False
        self._format: Format | None = None
        self._lock = threading.Lock()
        self._reading = threading.RLock()
        self.rows: int | None = None
        query.cancellation.on_cancel(self._kill)

    def adopt(self, departure: Departure) -> None:
        """Take over a query that has left the express line; ``start`` goes on with it."""
        self._hold(departure.worker, departure.began, departure.began_cpu)
        self._format = departure.format
        for data in departure.chunks:
            self._keep_chunk(data)

    # --- from the query to its first bytes

    def start(self) -> Format:
        """Run the query until its first bytes, or the error instead of them, are there."""
        if not self._pool.is_slow_text(self._key):
            try:
                return self._run(slow=False)
            except _Slow:
                self._forget_bytes()
        return self._run(slow=True)

    def _run(self, *, slow: bool) -> Format:
        if self._worker is None:
            worker = self._pool.take(self._query.client, self._query.cancellation, slow=slow)
            self._hold(worker, time.monotonic(), worker.read_cpu())
            self._send()
        worker = self._held()
        fmt = self._format = self._format or frames.parse_head(self._receive_probing())
        self._read_ahead()
        if slow and self._ended and worker.read_quick_left() > 0:
            self._pool.remember_text(self._key, slow=False)
        return fmt

    def _hold(self, worker: WorkerProcess, began: float, began_cpu: float) -> None:
        worker.begin(self._query.limits.deadline_s, began, began_cpu)
        with self._lock:
            self._worker = worker
        if self._query.cancellation.cancelled:
            self._kill()

    def _send(self) -> None:
        worker = self._held()
        try:
            worker.send(frames.to_request(self._query), worker.deadline)
        except (Lost, Overdue) as end:
            raise self._explain(end) from None

    def _read_ahead(self) -> None:
        """Read until the end, or until the query is slow or large and has its place in the slow lane."""
        while not self._ended:
            worker = self._held()
            if worker.slow and self._chunks:
                self._look()  # the end may have come with the first bytes
                return
            if self._buffered < READ_BYTES:
                self._keep_chunk(self._receive_probing())
            elif self._query.client == "" or self._pool.may_be_slow(worker):
                return
            else:
                raise self._give_way()

    def _look(self) -> None:
        """Read what has come, without waiting; whoever reads on will see if the worker has ended."""
        worker = self._held()
        with suppress(Overdue, Lost):
            while not self._ended and self._buffered < READ_BYTES:
                self._keep_chunk(self._read_frame(*worker.receive(0.0)))

    def _receive_probing(self) -> bytes:
        """Receive, and become slow when it is time; raises ``_Slow`` where there is no place for that."""
        worker = self._held()
        while not worker.slow and self._query.client and not worker.is_overdue:
            left_s = worker.read_quick_left(self._pool.quick_cpu_s)
            if left_s <= 0 and not self._pool.may_be_slow(worker):
                raise self._give_way()
            try:
                until = time.monotonic() + min(left_s, LOOK_S)
                return self._read_frame(*worker.receive(min(until, worker.deadline)))
            except Lost as end:
                raise self._explain(end) from None
            except Overdue:
                continue
        return self._receive()

    def _give_way(self) -> _Slow:
        if self._held().is_costly:
            self._pool.remember_text(self._key, slow=True)
        self._release(reusable=False)
        return _Slow()

    def _forget_bytes(self) -> None:
        self._chunks.clear()
        self._buffered = 0
        self._format = None

    def _keep_chunk(self, data: bytes) -> None:
        if data:
            self._chunks.append(data)
            self._buffered += len(data)

    # --- from the first bytes to the last

    def take_whole(self) -> bytes | None:
        """Return all bytes if they are there."""
        if not self._ended:
            return None
        data = b"".join(self._chunks)
        self._chunks.clear()
        return data

    def read_chunk(self) -> bytes | None:
        """Return the next bytes, or None at the end."""
        with self._reading:
            if self._chunks:
                return self._chunks.popleft()
            return None if self._ended else self._receive() or None

    def abandon(self) -> None:
        """Give the worker up where it is; nothing happens after the end.

        Another thread may be waiting at its pipes, which must stay open until it has seen the worker end.
        """
        self._closed = True
        self._kill()
        with self._reading:
            self._chunks.clear()
            self._release(reusable=False)

    def _receive(self) -> bytes:
        """Return the payload of the next HEAD or DATA; empty bytes at the end."""
        worker = self._held()
        try:
            kind, payload = worker.receive(worker.deadline)
        except (Lost, Overdue) as end:
            raise self._explain(end) from None
        return self._read_frame(kind, payload)

    def _read_frame(self, kind: bytes, payload: bytes) -> bytes:
        if kind == frames.ERROR:
            self._release(reusable=True)
            raise frames.parse_error(payload)
        if kind == frames.END:
            end = frames.parse_end(payload)
            self._ended, self.rows = True, end.rows
            self._release(reusable=not end.retire)
            return b""
        return payload

    # --- the hold

    def _held(self) -> WorkerProcess:
        worker = self._worker
        if worker is None:
            raise errors.QueryCancelled("The answer has been closed.")
        return worker

    def _explain(self, end: Exception) -> errors.StoreError:
        """Return what the end of a worker means for whoever asked, and let it be replaced."""
        worker = self._held()
        overdue = worker.is_overdue or isinstance(end, Overdue)
        code = 0 if overdue else worker.read_exit_code()
        self._release(reusable=False)
        if self._closed or self._query.cancellation.cancelled:
            return errors.QueryCancelled("Whoever asked has left.")
        if self._pool.closed:
            return errors.StoreUnavailable("The store was closed while the query ran.")
        if overdue:
            return errors.QueryTimeout(f"The query ran longer than {self._query.limits.deadline_s:g} s.")
        return _explain_exit(code)

    def _kill(self) -> None:
        """End the worker if this query has it; whoever reads from it sees the end and gives it back."""
        with self._lock:
            if self._worker is not None:
                self._worker.kill()

    def _release(self, *, reusable: bool) -> None:
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            self._pool.give_back(worker, reusable=reusable)


class LeasedAnswer:
    """An answer whose first bytes have come; it holds a worker until the last have, or it is closed."""

    def __init__(self, lease: Lease, fmt: Format) -> None:
        self._lease = lease
        self._format = fmt

    @property
    def format(self) -> Format:
        """The format of the bytes."""
        return self._format

    @property
    def whole(self) -> bytes | None:
        """All bytes at once, where they are there already."""
        return self._lease.take_whole()

    @property
    def rows(self) -> int | None:
        """Rows of a SELECT answer that has been read to its end."""
        return self._lease.rows

    def __iter__(self) -> Iterator[bytes]:
        while (chunk := self._lease.read_chunk()) is not None:
            yield chunk

    def close(self) -> None:
        """Stop the query where it is; a worker that has more to say is killed."""
        self._lease.abandon()

    def __del__(self) -> None:
        # A consumer that forgets to close must not keep a worker.
        self._lease.abandon()


def _explain_exit(code: int) -> errors.StoreError:
    """Return what a worker's end says about the query; a negative code is a signal's number.

    The engine recurses over the text, so nesting of some thousand levels overflows its stack (SIGSEGV);
    it aborts where memory is refused (SIGABRT). The sandbox ends one that asks for the network.
    """
    if code == -sandbox.KILLED_BY:
        return errors.QueryRefused(SERVICE_REFUSED)
    if code in (-signal.SIGSEGV, -signal.SIGBUS):
        return errors.QueryTooLarge("The query is nested too deeply.", "Write it with fewer levels.")
    if code == -signal.SIGABRT:
        return errors.QueryTooLarge("The query needs more memory than allowed.", "Ask for less at once.")
    return errors.StoreUnavailable(f"The query's worker ended unexpectedly ({code}).", "Try again.")

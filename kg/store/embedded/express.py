"""The express line of an event loop: small queries to one worker, several of them on their way at a time.

Most queries take a worker a tenth of a millisecond. To wake a process for each, and the loop for each answer,
costs as much again: on a processor that two processes take turns at, both find their caches cold. So a loop
hands the queries that wait to one worker together, and reads what that worker says as it comes.

A query that takes more than ``PATIENCE_CPU_S``, or has a large answer, leaves the line *with its worker*: a
thread goes on with it (``kg.store.embedded.lease``), as slow as it may be. Those behind it have not been
begun, as the worker answers in order; they go to another worker, and the one that left is not used again,
since it would answer them too.

All of it happens in one event loop, so there are no locks, and nothing here blocks.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from kg import errors
from kg.formats import Format
from kg.store.base import Cancellation
from kg.store.embedded import frames
from kg.store.embedded.pool import Pool
from kg.store.embedded.process import CROWDED_CPU_S, LOOK_S, PIPE_BYTES, Lost, WorkerProcess
from kg.store.queue import FairQueue, Ticket

PATIENCE_CPU_S = CROWDED_CPU_S
"""Processor time of a query that the line waits for; a thread waits longer, and sees when its client leaves.
By the clock a machine under load would find that all are slow."""
PATIENCE_S = 0.25
"""Time on the clock that it waits in any case."""
DEPTH = 8
"""Queries on their way to a worker at most; those that wait longer take turns by client."""
_LINE_BYTES = PIPE_BYTES // 2
"""Of requests on their way together: a pipe takes them at once, whatever it wastes of its pages."""


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """An answer that has come whole (``kg.store.base.Answer``)."""

    format: Format
    whole: bytes
    rows: int | None

    def __iter__(self) -> Iterator[bytes]:
        yield self.whole

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class Departure:
    """A query that has left the line: its worker, its clocks when that began it, and what has come of it."""

    worker: WorkerProcess
    began: float
    began_cpu: float
    format: Format | None
    chunks: tuple[bytes, ...]


@dataclass(eq=False, slots=True)
class _Passenger:
    """A query in the line, since when; ``max_bytes`` is how large an answer the line waits for."""

    client: str
    request: bytes
    max_bytes: int
    since: float
    arrival: asyncio.Future[WholeAnswer | Departure]


@dataclass(slots=True)
class _Part:
    """What has come of the answer to the first query on its way."""

    format: Format | None = None
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0


class Express:
    """The line of the running event loop to the workers of a pool.

    It has a worker only while queries are on their way, and gives it back as soon as others wait for one.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._waiting: FairQueue[_Passenger] = FairQueue()
        self._flying: deque[_Passenger] = deque()
        self._flying_bytes = 0
        self._began = self._began_cpu = 0.0
        self._part = _Part()
        self._worker: WorkerProcess | None = None
        self._ticket: Ticket[WorkerProcess] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._will_send = False

    async def ask(self, client: str, request: bytes, max_bytes: int) -> WholeAnswer | Departure:
        """Send a request of at most ``PIPE_BYTES``; returns its answer, or its worker if it is not quick.

        Raises
        ------
        StoreError: what the query came to; StoreBusy if too many wait already.
        """
        if len(self._waiting) >= self._pool.max_waiting:
            raise errors.StoreBusy("All query workers are busy.", "Try again in a moment.")
        passenger = _Passenger(client, request, max_bytes, self._loop.time(), self._loop.create_future())
        self._waiting.push(passenger)
        self._send_soon()
        try:
            return await passenger.arrival
        except asyncio.CancelledError:
            self._waiting.remove(passenger)
            self._take_in_departed(passenger.arrival)
            raise

    def _take_in_departed(self, arrival: asyncio.Future[WholeAnswer | Departure]) -> None:
        """Give back the worker of a query that left the line just when whoever asked did."""
        if arrival.done() and not arrival.cancelled() and arrival.exception() is None:
            found = arrival.result()
            if isinstance(found, Departure):
                self._pool.give_back(found.worker, reusable=False)

    # --- to the worker

    def _send_soon(self) -> None:
        """Send after what the loop has to do just now: other queries may have come with this one."""
        if not self._will_send:
            self._will_send = True
            self._loop.call_soon(self._send)

    def _send(self) -> None:
        self._will_send = False
        if self._worker is None:
            self._call_worker()
        elif not self._pool.has_waiting:  # else they have the worker once what is on its way is answered
            self._send_batch(self._worker)

    def _send_batch(self, worker: WorkerProcess) -> None:
        batch = self._board()
        if not batch:
            return
        if not self._flying:
            self._start_clocks(worker)
            self._watch()
        self._flying += batch
        if not worker.send_at_once(b"".join(passenger.request for passenger in batch)):
            self._depart()  # whoever takes it over finds out what has become of the worker

    def _board(self) -> list[_Passenger]:
        """Take those out of the queue who go next."""
        batch: list[_Passenger] = []
        while len(self._flying) + len(batch) < DEPTH and (passenger := self._waiting.pop()) is not None:
            size = len(passenger.request)
            if self._flying_bytes and self._flying_bytes + size > _LINE_BYTES:
                self._waiting.push_front(passenger)
                break
            self._flying_bytes += size
            batch.append(passenger)
        return batch

    def _call_worker(self) -> None:
        if self._ticket is not None or not len(self._waiting):
            return
        ticket = Ticket[WorkerProcess](self._waiting.first_client, self._wake)
        try:
            self._ticket = self._pool.queue_up(ticket, slow=False)
        except errors.StoreBusy as error:
            self._fail_all(error)
            return
        if ticket.item is not None or self._pool.closed:
            self._take_worker()
        else:
            self._timer = self._loop.call_later(self._pool.wait_s, self._take_worker)

    def _wake(self) -> None:
        if threading.get_ident() != self._thread:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and with it all who waited
                self._loop.call_soon_threadsafe(self._take_worker)
        elif self._timer is not None:
            self._loop.call_soon(self._take_worker)

    def _take_worker(self) -> None:
        ticket, self._ticket = self._ticket, None
        if ticket is None:
            return
        self._stop_watching()
        try:
            worker = self._pool.redeem(ticket, Cancellation(), slow=False)
        except errors.StoreBusy as error:
            self._fail_all(error, before=self._loop.time() - 0.9 * self._pool.wait_s)
            self._call_worker()
            return
        except errors.StoreError as error:
            self._fail_all(error)
            return
        self._worker = worker
        self._loop.add_reader(worker.output_fd, self._read)
        self._send_batch(worker)
        self._rest()

    def _fail_all(self, error: errors.StoreError, before: float = math.inf) -> None:
        """Tell those who came before a time that nothing comes of it."""
        rest = []
        while (passenger := self._waiting.pop()) is not None:
            if passenger.since <= before:
                _fail(passenger, error)
            else:
                rest.append(passenger)
        for passenger in rest:
            self._waiting.push(passenger)

    # --- from the worker

    def _read(self) -> None:
        worker = self._worker
        assert worker is not None
        try:
            worker.read_available()
        except Lost:
            if self._flying:
                self._depart()
            else:
                self._leave(reusable=False)
            return
        while self._flying and (frame := worker.take_frame()) is not None:
            if not self._take_in(*frame):
                return
        if self._flying and self._part.size > self._flying[0].max_bytes:
            self._depart()
        elif len(self._flying) <= DEPTH // 2:
            self._send()
            self._rest()

    def _take_in(self, kind: bytes, payload: bytes) -> bool:
        """Take in a frame; False if the worker cannot be used any more."""
        part = self._part
        if kind == frames.HEAD:
            part.format = frames.parse_head(payload)
        elif kind == frames.DATA:
            part.chunks.append(payload)
            part.size += len(payload)
        elif kind == frames.ERROR:
            _fail(self._alight(), frames.parse_error(payload))
        else:
            end = frames.parse_end(payload)
            passenger = self._alight()
            assert part.format is not None
            if not passenger.arrival.done():
                passenger.arrival.set_result(WholeAnswer(part.format, b"".join(part.chunks), end.rows))
            if end.retire:
                self._leave(reusable=False)
                return False
        return True

    def _alight(self) -> _Passenger:
        """Take the first out; the worker is at the next from now on."""
        passenger = self._flying.popleft()
        self._flying_bytes -= len(passenger.request)
        self._part = _Part()
        if self._flying and self._worker is not None:
            self._start_clocks(self._worker)
        return passenger

    def _start_clocks(self, worker: WorkerProcess) -> None:
        self._began, self._began_cpu = self._loop.time(), worker.read_cpu()

    def _rest(self) -> None:
        """Give the worker back if nobody is on the way to it."""
        if not self._flying and self._worker is not None:
            self._leave(reusable=True)

    def _leave(self, *, reusable: bool) -> None:
        self._pool.give_back(self._part_with_worker(), reusable=reusable)

    # --- a query that is not for this line

    def _watch(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(LOOK_S, self._look_at_clocks)

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_at_clocks(self) -> None:
        self._timer = None
        worker = self._worker
        if not self._flying or worker is None:
            return
        is_costly = worker.read_cpu() - self._began_cpu >= PATIENCE_CPU_S
        if is_costly or self._loop.time() - self._began >= PATIENCE_S:
            self._depart()
        else:
            self._watch()

    def _depart(self) -> None:
        """Let the first go, with the worker."""
        part, clocks = self._part, (self._began, self._began_cpu)
        first = self._alight()
        worker = self._part_with_worker()
        worker.client = first.client
        if first.arrival.done():  # whoever asked does not wait any more
            self._pool.give_back(worker, reusable=False)
        else:
            first.arrival.set_result(Departure(worker, *clocks, part.format, tuple(part.chunks)))

    def _part_with_worker(self) -> WorkerProcess:
        """Return the worker, for good; those on the way to it wait again, before all others."""
        worker, self._worker = self._worker, None
        assert worker is not None
        self._loop.remove_reader(worker.output_fd)
        worker.has_more = bool(self._flying)
        while self._flying:
            self._waiting.push_front(self._flying.pop())
        self._flying_bytes, self._part = 0, _Part()
        if len(self._waiting):
            self._send_soon()
        return worker


def _fail(passenger: _Passenger, error: errors.StoreError) -> None:
    if not passenger.arrival.done():
        passenger.arrival.set_exception(error)

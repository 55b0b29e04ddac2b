"""A query that an event loop begins, and that a thread goes on with where it is not quick.

Most queries are answered within a millisecond, and handing each to a thread and back costs more than that:
the threads of a process take turns at its interpreter. So a loop asks a worker itself and looks again when
the worker's pipe has something. It never blocks. What is not whole after ``PATIENCE_S``, or is an error, is
left to ``finish``, which runs in a thread, for as long as it takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time

from kg import errors
from kg.formats import Format
from kg.store.base import Query
from kg.store.lease import Lease, LeasedAnswer
from kg.store.pool import Pool
from kg.store.process import Lost, WorkerProcess
from kg.store.queue import Ticket

PATIENCE_S = 0.02
"""How long a loop waits for an answer; then a thread does, which notices when the client leaves."""


class Begun:
    """One query; its methods are called one after the other."""

    def __init__(self, pool: Pool, query: Query) -> None:
        self._pool = pool
        self.query = query
        self._lease = Lease(pool, query)
        self._format: Format | None = None
        self.started = time.monotonic()
        self._error: errors.StoreError | None = None

    async def wait_shortly(self, max_bytes: int) -> LeasedAnswer | None:
        """Return the answer if it is whole within a moment, and None if ``finish`` has to be called."""
        try:
            self._format = await self._ask(max_bytes)
        except errors.StoreError as error:
            self._error = error
        except BaseException:
            self.abandon()
            raise
        if self._format is None or self._lease.buffered > max_bytes:
            return None
        return LeasedAnswer(self._lease, self._format)

    def finish(self) -> LeasedAnswer:
        """Go on, and wait, like ``kg.store.base.Store.query``; raises the same errors."""
        if self._error is not None:
            raise self._error
        if self._format is not None:
            return LeasedAnswer(self._lease, self._format)
        try:
            return LeasedAnswer(self._lease, self._lease.start())
        except BaseException:  # whatever happens, an interrupt too, the worker must not be lost
            self.abandon()
            raise

    def abandon(self) -> None:
        """Give the query up; nothing happens if it has ended."""
        self._lease.abandon()

    async def _ask(self, max_bytes: int) -> Format | None:
        request = self._lease.prepare()
        if request is None:
            return None
        worker = await self._take_turn()
        if not self._lease.begin(worker, request):
            return None
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_S
        with contextlib.suppress(Lost):
            while self._lease.buffered <= max_bytes and loop.time() < until:
                if not await _wait_readable(loop, worker.output_fd, until):
                    break
                if (found := self._lease.look()) is not None:
                    return found
        return None

    async def _take_turn(self) -> WorkerProcess:
        loop, here = asyncio.get_running_loop(), threading.get_ident()
        turn = loop.create_future()

        def end() -> None:
            if threading.get_ident() == here:
                _set(turn)
            else:
                loop.call_soon_threadsafe(_set, turn)

        ticket = self._pool.queue_up(Ticket[WorkerProcess](self.query.client, end), slow=False)
        if not turn.done():
            timer = loop.call_later(self._pool.wait_s, _set, turn)
            try:
                await turn
            except BaseException:
                self.query.cancellation.cancel()
                with contextlib.suppress(errors.StoreError):
                    self._pool.redeem(ticket, self.query.cancellation, slow=False)
                raise
            finally:
                timer.cancel()
        return self._pool.redeem(ticket, self.query.cancellation, slow=False)


async def _wait_readable(loop: asyncio.AbstractEventLoop, descriptor: int, until: float) -> bool:
    """Return whether a descriptor became readable in time."""
    readable = loop.create_future()
    loop.add_reader(descriptor, _set, readable)
    timer = loop.call_at(until, _set, readable, False)
    try:
        return bool(await readable)
    finally:
        loop.remove_reader(descriptor)
        timer.cancel()


def _set(future: asyncio.Future[bool], value: bool = True) -> None:
    if not future.done():
        future.set_result(value)

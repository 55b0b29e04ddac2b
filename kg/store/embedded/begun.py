"""A query that an event loop begins, and that a thread goes on with where it is not quick.

Most queries are answered within a millisecond, and handing each to a thread and back costs more than that:
the threads of a process take turns at its interpreter. So a loop asks a worker itself
(``kg.store.embedded.express``). It never blocks. What is not whole in a moment, or is an error, is left to
``finish``, which runs in a thread, for as long as it takes.
"""

from __future__ import annotations

import time

from kg import errors
from kg.store.base import Query
from kg.store.embedded.express import Express, WholeAnswer
from kg.store.embedded.frames import to_request
from kg.store.embedded.lease import Lease, LeasedAnswer
from kg.store.embedded.nearby import NearbyStore
from kg.store.embedded.pool import Pool
from kg.store.embedded.process import PIPE_BYTES


class Begun:
    """One query; its methods are called one after the other."""

    def __init__(self, nearby: NearbyStore | None, pool: Pool, express: Express, query: Query) -> None:
        self._nearby = nearby
        self._pool = pool
        self._express = express
        self.query = query
        self.started = time.monotonic()
        self._lease: Lease | None = None
        self._whole: WholeAnswer | None = None
        self._error: errors.StoreError | None = None

    async def wait_shortly(self, max_bytes: int) -> WholeAnswer | None:
        """Return the answer if it is whole within a moment, and None if ``finish`` has to be called."""
        found = self._nearby.answer(self.query) if self._nearby is not None else None
        whole = self._whole = found or await self._ask_worker(max_bytes)
        return whole if whole is not None and len(whole.whole) <= max_bytes else None

    async def _ask_worker(self, max_bytes: int) -> WholeAnswer | None:
        """Return the answer if it came whole; else there is an error or a lease, or all is left to do."""
        if self._pool.is_slow_text(self.query.key):
            return None
        request = to_request(self.query)
        if len(request) > PIPE_BYTES:
            return None
        try:
            found = await self._express.ask(self.query.client, request, max_bytes)
        except errors.StoreError as error:
            self._error = error
            return None
        if isinstance(found, WholeAnswer):
            return found
        self._lease = Lease(self._pool, self.query)
        self._lease.adopt(found)
        return None

    def finish(self) -> WholeAnswer | LeasedAnswer:
        """Go on, and wait, like ``kg.store.base.Store.query``; raises the same errors."""
        if self._error is not None:
            raise self._error
        if self._whole is not None:
            return self._whole
        lease = self._lease = self._lease or Lease(self._pool, self.query)
        try:
            return LeasedAnswer(lease, lease.start())
        except BaseException:  # whatever happens, an interrupt too, the worker must not be lost
            self.abandon()
            raise

    def abandon(self) -> None:
        """Give the query up; nothing happens if it has ended."""
        if self._lease is not None:
            self._lease.abandon()

"""The embedded store: pyoxigraph over one release, in a pool of warm worker processes.

pyoxigraph cannot cancel a query, and a deeply nested one overflows the stack of the process that parses
it. So a text runs in a worker that can be killed: at its deadline, when its answer is closed early or its
client has left, or by its own memory limit. A warm worker costs a query 15-60 µs, a fresh one 15-50 ms. Only
what is known beforehand to be small may be answered without (``kg.store.embedded.nearby``).
"""

from __future__ import annotations

import asyncio
from functools import cached_property
from pathlib import Path

from kg import errors
from kg.store.base import Query, StoreState
from kg.store.embedded.begun import Begun
from kg.store.embedded.express import Express
from kg.store.embedded.lease import Lease, LeasedAnswer
from kg.store.embedded.nearby import NearbyStore
from kg.store.embedded.pool import Pool, PoolSize


class EmbeddedStore:
    """Answers queries over the Oxigraph store of a release.

    Parameters
    ----------
    path: folder of the store.
    size: how many workers, how large, and how many queries wait for them.
    service_prefixes: IRIs that SERVICE may name begin with one of these; with none it is refused, and the
        workers have no network.
    is_nearby: whether an event loop answers small queries itself (``kg.store.embedded.nearby``). That is
        quicker where no core is left for workers, and slower where they could work beside the loop.

    Raises
    ------
    StoreUnavailable: the store cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        size: PoolSize,
        service_prefixes: tuple[str, ...] = (),
        *,
        is_nearby: bool = False,
    ) -> None:
        self._path = path
        self._is_nearby = is_nearby
        self._pool = Pool(path, size, service_prefixes)
        self._expresses: dict[asyncio.AbstractEventLoop, Express] = {}
        try:
            self._pool.wait_until_ready()
        except errors.StoreUnavailable:
            self._pool.close()
            raise

    def query(self, query: Query) -> LeasedAnswer:
        """Answer a query; see ``kg.store.base.Store``."""
        lease = Lease(self._pool, query)
        try:
            return LeasedAnswer(lease, lease.start())
        except BaseException:  # whatever happens, an interrupt too, the worker must not be lost
            lease.abandon()
            raise

    def begin(self, query: Query) -> Begun:
        """Prepare a query that the running event loop begins; see ``kg.store.base.Store``."""
        loop = asyncio.get_running_loop()
        express = self._expresses.get(loop)
        if express is None:  # a server process has one loop, and so one line
            express = self._expresses[loop] = Express(self._pool)
        return Begun(self._nearby, self._pool, express, query)

    @cached_property
    def _nearby(self) -> NearbyStore | None:
        """Opened by the first who begins a query: programs that only wait for answers need none."""
        try:
            return NearbyStore(self._path) if self._is_nearby else None
        except (OSError, ValueError):
            return None

    def close(self) -> None:
        """Kill all workers; running queries end with ``StoreUnavailable``."""
        self._pool.close()

    def read_state(self) -> StoreState:
        """Return what the workers do."""
        return self._pool.read_state()

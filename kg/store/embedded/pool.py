"""A pool of warm workers in two lanes, so that quick queries never wait for slow ones.

Every query starts in the quick lane. One that takes more than ``process.QUICK_CPU_S``, or ``CROWDED_CPU_S``
while others wait, needs a place in the slow lane, which holds two workers fewer than the pool has: the two
are always there for quick queries. Where no place is free, its worker is stopped and the query waits for one,
and then starts again; for a while its text then goes to the slow lane at once. Within a lane clients take
turns, and none may have all its places.

Measured on two cores with two clients looping heavy joins: point queries had a 99th percentile of 1.5 s
without lanes, 0.8 s with as many workers as heavy queries, and 8 ms with two more and lowered priority.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kg import errors
from kg.store.base import Cancellation, StoreState
from kg.store.embedded import frames
from kg.store.embedded.nursery import Nursery
from kg.store.embedded.process import CROWDED_CPU_S, QUICK_CPU_S, Lost, Overdue, WorkerProcess
from kg.store.queue import FairQueue, Ticket

_log = logging.getLogger(__name__)

SLOW_WAITING = 32
"""Slow queries that wait at most, each in a thread; there must be threads left to see which query is slow."""
QUICK_WORKERS = 2
"""Workers that slow queries leave free."""
SPARE_WORKERS = 2
"""Workers that stand ready beside the busy ones. Others are started as these are taken (a fork and the store:
15-25 ms), and end when they have not been needed for a while: each takes 6 MB."""
_UNNEEDED_S = 60.0
_START_S = 30.0
"""How long a worker may take to open the store; 9-24 ms is usual."""
_SWEEP_S = 1.0
"""How often dead idle workers and overdue queries whose reader sleeps are looked for."""
_RETRY_S = 0.5
"""Pause after a worker that could not start, so that a broken release does not spin."""
_REMEMBERED_TEXTS = 1024
_REMEMBERED_S = 60.0
"""How long a text is taken for slow: what was slow once, on a cold disk say, need not be slow again."""


@dataclass(frozen=True, slots=True)
class PoolSize:
    """How much a pool may hold.

    ``workers`` may run at a time, and up to ``SPARE_WORKERS`` beside those that do stand ready; ``waiting``
    queries may wait for one, each for ``wait_s`` seconds; ``worker_bytes`` is the memory of a worker beyond
    the open store.
    """

    workers: int
    worker_bytes: int
    waiting: int = 32
    wait_s: float = 1.0

    @property
    def slow(self) -> int:
        """Workers that slow queries may have at a time."""
        return max(1, self.workers - QUICK_WORKERS)

    @property
    def slow_per_client(self) -> int:
        """Of those, what one client may have: not all, so that another's slow query has its turn too."""
        return max(1, self.slow - 1)


class Pool:
    """Warm workers over one store.

    One thread, the keeper, starts the nursery and lives as long as the pool: the kernel ends the nursery
    with the *thread* that started it (prctl(2), PR_SET_PDEATHSIG), and with the nursery all workers.
    """

    def __init__(self, store_path: Path, size: PoolSize, service_prefixes: tuple[str, ...] = ()) -> None:
        self._size = size
        self._start_nursery = partial(Nursery, store_path, size.worker_bytes, service_prefixes)
        self._nursery: Nursery | None = None
        self._changed = threading.Condition()
        self._idle: deque[WorkerProcess] = deque()
        self._busy: set[WorkerProcess] = set()
        self._dead: list[WorkerProcess] = []
        self._dying: list[WorkerProcess] = []
        self._quick: FairQueue[Ticket[WorkerProcess]] = FairQueue()
        self._slow: FairQueue[Ticket[WorkerProcess]] = FairQueue()
        self._slow_texts: OrderedDict[int, float] = OrderedDict()
        self._failure = ""
        self._spares_taken = time.monotonic()
        self.closed = False
        self._keeper = threading.Thread(target=self._keep, name="sparql-workers", daemon=True)
        self._keeper.start()

    # --- for queries

    def wait_until_ready(self) -> None:
        """Wait for the first worker.

        Raises
        ------
        StoreUnavailable: it could not open the store.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._idle or self._failure, _START_S)
            if not self._idle:
                raise errors.StoreUnavailable(self._failure or "No worker became ready in time.")

    def take(self, client: str, cancellation: Cancellation, *, slow: bool) -> WorkerProcess:
        """Return a live worker, as soon as it is this client's turn in the lane.

        Raises
        ------
        StoreBusy: all were busy for too long, or too many wait already.
        StoreUnavailable: the pool is closed, or its workers do not start.
        QueryCancelled: the client has left.
        """
        ticket = self.queue_up(Ticket(client), slow=slow)
        cancellation.on_cancel(ticket.call_off)
        ticket.wait(self._size.wait_s)
        return self.redeem(ticket, cancellation, slow=slow)

    def queue_up(self, ticket: Ticket[WorkerProcess], *, slow: bool) -> Ticket[WorkerProcess]:
        """Let a ticket wait in a lane, or serve it at once; whoever calls this must ``redeem`` it.

        Raises
        ------
        StoreBusy: too many wait already.
        """
        with self._changed:
            lane = self._slow if slow else self._quick
            most = min(self._size.waiting, SLOW_WAITING) if slow else self._size.waiting
            if ticket.client and len(lane) >= most:
                raise self._explain_none()
            lane.push(ticket)
            self._serve()
        return ticket

    def redeem(
        self, ticket: Ticket[WorkerProcess], cancellation: Cancellation, *, slow: bool
    ) -> WorkerProcess:
        """Return the worker that a ticket was served, once its waiting has ended; raises like ``take``."""
        with self._changed:
            (self._slow if slow else self._quick).remove(ticket)
            worker = ticket.item
            if worker is not None and cancellation.cancelled:
                self._put_back(worker, reusable=True)
                worker = None
        if worker is not None:
            return worker
        if cancellation.cancelled:
            raise errors.QueryCancelled("Whoever asked has left.")
        raise self._explain_none()

    def may_be_slow(self, worker: WorkerProcess) -> bool:
        """Give a running query a place in the slow lane, if there is one and others do not wait for it."""
        with self._changed:
            if worker.slow:
                return True
            if len(self._slow) or not self._may_go_slow(worker.client):
                return False
            worker.slow = True
        worker.lower_priority()
        return True

    def give_back(self, worker: WorkerProcess, *, reusable: bool) -> None:
        """Take a worker back; one that cannot be used again is killed and replaced."""
        with self._changed:
            self._put_back(worker, reusable=reusable)
        if self.closed:
            self._bury_dead(wait=True)

    def is_slow_text(self, key: int) -> bool:
        """Tell whether a query was slow before."""
        with self._changed:
            return time.monotonic() - self._slow_texts.get(key, float("-inf")) < _REMEMBERED_S

    def remember_text(self, key: int, *, slow: bool) -> None:
        """Remember whether a query is slow; ``key`` is a hash of all that makes it the same query."""
        with self._changed:
            if not slow:
                self._slow_texts.pop(key, None)
                return
            self._slow_texts[key] = time.monotonic()
            self._slow_texts.move_to_end(key)
            if len(self._slow_texts) > _REMEMBERED_TEXTS:
                self._slow_texts.popitem(last=False)

    @property
    def wait_s(self) -> float:
        """Seconds that a query may wait for a worker."""
        return self._size.wait_s

    @property
    def max_waiting(self) -> int:
        """Queries that may wait for a worker."""
        return self._size.waiting

    @property
    def quick_cpu_s(self) -> float:
        """Processor time that a query may take and still be quick; less while others wait for its worker."""
        return CROWDED_CPU_S if len(self._quick) else QUICK_CPU_S

    @property
    def has_waiting(self) -> bool:
        """Whether somebody waits for a worker; of use only as a hint, since no lock is held."""
        return bool(len(self._quick) or len(self._slow))

    def read_state(self) -> StoreState:
        """Return what the workers do."""
        with self._changed:
            return StoreState(
                idle=len(self._idle),
                busy=len(self._busy),
                slow=self._count_slow(),
                waiting=len(self._quick) + len(self._slow),
            )

    def close(self) -> None:
        """Kill all workers; whoever reads from one sees it end."""
        with self._changed:
            self.closed = True
            self._dead += self._idle
            self._idle.clear()
            for worker in self._busy:
                worker.kill()
            for ticket in (*self._quick.clear(), *self._slow.clear()):
                ticket.call_off()
            self._changed.notify_all()
        self._keeper.join()
        self._bury_dead(wait=True)

    # --- lanes; the lock is held

    def _serve(self) -> None:
        """Hand idle workers to those whose turn it is, the slow lane first: its places are few anyway."""
        while self._idle and len(self._busy) < self._size.workers and not self.closed:
            ticket, slow = self._slow.pop(self._may_go_slow), True
            if ticket is None:
                ticket, slow = self._quick.pop(), False
            if ticket is None:
                return
            worker = self._idle.pop()
            if not worker.alive:
                self._dead.append(worker)
                self._changed.notify_all()
                (self._slow if slow else self._quick).push_front(ticket)
                continue
            worker.client, worker.slow = ticket.client, slow
            self._busy.add(worker)
            if len(self._idle) < SPARE_WORKERS:
                self._spares_taken = time.monotonic()
                if self._count_missing() > 0:  # to wake the keeper costs as much as a small query
                    self._changed.notify_all()
            ticket.serve(worker)

    def _put_back(self, worker: WorkerProcess, *, reusable: bool) -> None:
        was_slow, worker.slow = worker.slow, False
        self._busy.discard(worker)
        worker.deadline = float("inf")
        reusable = reusable and not worker.has_more and not self.closed
        if reusable and (not was_slow or worker.restore_priority()):
            self._idle.append(worker)
        else:
            worker.kill()
            self._dead.append(worker)
            self._changed.notify_all()
        self._serve()

    def _may_go_slow(self, client: str) -> bool:
        mine = sum(worker.slow and worker.client == client for worker in self._busy)
        return self._count_slow() < self._size.slow and mine < self._size.slow_per_client

    def _count_slow(self) -> int:
        return sum(worker.slow for worker in self._busy)

    def _explain_none(self) -> errors.StoreError:
        if self.closed:
            return errors.StoreUnavailable("The store is closed.")
        if self._failure:
            return errors.StoreUnavailable(self._failure)
        return errors.StoreBusy("All query workers are busy.", "Try again in a moment.")

    # --- the keeper

    def _keep(self) -> None:
        while not self.closed:
            self._bury_dead()
            self._start_missing()
            with self._changed:
                self._changed.wait_for(self._needs_keeping, _RETRY_S if self._failure else _SWEEP_S)
                self._sweep()
        if self._nursery is not None:
            self._nursery.close()

    def _needs_keeping(self) -> bool:
        return self.closed or bool(self._dead) or (not self._failure and self._count_missing() > 0)

    def _count_missing(self) -> int:
        wanted = min(self._size.workers + 1, len(self._busy) + SPARE_WORKERS)
        return wanted - len(self._idle) - len(self._busy)

    def _sweep(self) -> None:
        """Find idle workers that have died or are too many, and kill those whose reader sleeps too long."""
        for worker in [worker for worker in self._idle if not worker.alive]:
            self._idle.remove(worker)
            self._dead.append(worker)
        for worker in self._busy:
            if worker.is_overdue:
                worker.kill()
        if len(self._idle) > SPARE_WORKERS and time.monotonic() - self._spares_taken > _UNNEEDED_S:
            self._dead.append(self._idle.popleft())  # the one that has rested for longest

    def _start_missing(self) -> None:
        with self._changed:
            missing = 0 if self.closed else self._count_missing()
        started: list[WorkerProcess] = []
        try:
            started += (self._start_worker() for _ in range(missing))
            for worker in started:
                kind, payload = worker.receive(time.monotonic() + _START_S)
                if kind == frames.ERROR:
                    raise errors.StoreUnavailable(json.loads(payload)["message"])
                self._welcome(worker)
        except (OSError, Lost, Overdue, errors.StoreUnavailable) as error:
            self._mourn(started, str(error) or "A query worker ended while it opened the store.")

    def _start_worker(self) -> WorkerProcess:
        """Start a worker, and before it a new nursery if there is none or it was killed."""
        if self._nursery is not None:
            try:
                return self._nursery.start_worker()
            except Lost:
                self._nursery.close()
        self._nursery = self._start_nursery()
        return self._nursery.start_worker()

    def _welcome(self, worker: WorkerProcess) -> None:
        with self._changed:
            self._failure = ""
            (self._dead if self.closed else self._idle).append(worker)
            self._serve()
            self._changed.notify_all()

    def _mourn(self, started: list[WorkerProcess], message: str) -> None:
        _log.error("A query worker could not start: %s", message)
        with self._changed:
            self._failure = message
            self._dead += [w for w in started if w not in self._idle and w not in self._busy]
            self._changed.notify_all()

    def _bury_dead(self, *, wait: bool = False) -> None:
        """Bury who has ended. A killed worker ends when its memory is given back, which may take a second:
        the keeper does not wait for that, since others wait for the worker that replaces it."""
        with self._changed:
            dying, self._dying, self._dead = [*self._dying, *self._dead], [], []
        for worker in dying:
            worker.kill()
            if wait or not worker.alive:
                worker.bury()
            else:
                self._dying.append(worker)

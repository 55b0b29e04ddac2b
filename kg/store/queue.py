"""A fair queue: who came first is served first, and clients take turns.

A client that sends a hundred queries waits for its own; another's first query is the next but one at most.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """Whatever can wait: ``client`` is who sent it; an empty one is served before all others."""

    client: str


Item = TypeVar("Item")
Waiter = TypeVar("Waiter", bound=Waiting)


class Ticket(Generic[Item]):
    """A place in the queue; ``wait`` returns when it has been served, or called off.

    Parameters
    ----------
    client: who waits; an empty one is served before all others.
    on_end: called in any thread when the waiting ends, for whoever cannot wait in a thread.

    ``item`` is what was waited for; None if the ticket was not served.
    """

    def __init__(self, client: str, on_end: Callable[[], None] | None = None) -> None:
        self.client = client
        self.item: Item | None = None
        self._on_end = on_end
        self._called = threading.Event()

    def serve(self, item: Item) -> None:
        """Hand over what was waited for."""
        self.item = item
        self.call_off()

    def call_off(self) -> None:
        """End the waiting; what has been served already stays."""
        self._called.set()
        if self._on_end is not None:
            self._on_end()

    def wait(self, timeout_s: float) -> bool:
        """Return whether the waiting ended within so many seconds."""
        return self._called.wait(timeout_s)


class FairQueue(Generic[Waiter]):
    """What waits by client, the clients in turn. Not safe for threads: its owner holds a lock.

    >>> queue = FairQueue()
    >>> for name in ("a", "a", "b"):
    ...     queue.push(Ticket(name))
    >>> [queue.pop().client for _ in range(3)]
    ['a', 'b', 'a']
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[Waiter]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def first_client(self) -> str:
        """Whose turn it is; empty where nobody waits."""
        return next(iter(self._waiting), "")

    def push(self, waiter: Waiter) -> None:
        """Let one more wait."""
        self._waiting.setdefault(waiter.client, deque()).append(waiter)
        if not waiter.client:
            self._waiting.move_to_end("", last=False)
        self._count += 1

    def push_front(self, waiter: Waiter) -> None:
        """Put back what was taken out and could not be served: it is the next again."""
        self._waiting.setdefault(waiter.client, deque()).appendleft(waiter)
        self._waiting.move_to_end(waiter.client, last=False)
        self._count += 1

    def pop(self, may_go: Callable[[str], bool] = lambda client: True) -> Waiter | None:
        """Take out the next of the first client that may go; that client is then the last in turn."""
        client = next((name for name in self._waiting if may_go(name)), None)
        if client is None:
            return None
        waiter = self._waiting[client].popleft()
        self._waiting.move_to_end(client, last=bool(client))
        self._drop_empty(client)
        return waiter

    def remove(self, waiter: Waiter) -> None:
        """Take out what waits no longer; nothing happens if it is not here."""
        waiting = self._waiting.get(waiter.client)
        if waiting and waiter in waiting:
            waiting.remove(waiter)
            self._drop_empty(waiter.client)

    def clear(self) -> list[Waiter]:
        """Take out all."""
        waiters = [waiter for waiting in self._waiting.values() for waiter in waiting]
        self._waiting.clear()
        self._count = 0
        return waiters

    def _drop_empty(self, client: str) -> None:
        self._count -= 1
        if not self._waiting[client]:
            del self._waiting[client]


class Places:
    """So many places, handed out as the queue has it; safe for threads.

    A semaphore would give a place that has become free to whoever comes next, before those who wait.

    >>> places = Places(1)
    >>> places.take("a", 0.0), places.take("b", 0.0)
    (True, False)
    """

    def __init__(self, number: int) -> None:
        self._free = number
        self._queue: FairQueue[Ticket[bool]] = FairQueue()
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._queue)

    def take(self, client: str, timeout_s: float) -> bool:
        """Wait for a place; returns whether there was one in time. Each that was taken is given back once."""
        ticket = Ticket[bool](client)
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            self._queue.push(ticket)
        ticket.wait(timeout_s)
        with self._lock:  # nobody can be served from here on
            self._queue.remove(ticket)
            return ticket.item is not None

    def give_back(self) -> None:
        """Give a place to whoever is next."""
        with self._lock:
            ticket = self._queue.pop()
            if ticket is None:
                self._free += 1
            else:
                ticket.serve(True)

"""Old releases that are open: a bounded number, each closed when it has not been asked for a while.

An old release is served from the same kind of store as the current one, only with fewer workers.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from kg.errors import StoreBusy


class Usable(Protocol):
    """What an archive needs to know of a release that is open."""

    @property
    def in_use(self) -> bool:
        """Whether a request uses it."""

    def add_user(self) -> None:
        """Count a request in."""

    def close(self) -> None:
        """Close it; no request uses it."""


Context = TypeVar("Context", bound=Usable)


class Archive(Generic[Context]):
    """Opens old releases as they are asked for.

    Parameters
    ----------
    open_context: opens a release by its id.
    size: releases that may be open at a time.
    idle_s: seconds after which one that nobody asks for is closed.
    """

    def __init__(self, open_context: Callable[[str], Context], size: int, idle_s: float) -> None:
        self._open_context = open_context
        self._size = size
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._opened: OrderedDict[str, Context] = OrderedDict()
        self._asked_at: dict[str, float] = {}
        self._timer: threading.Timer | None = None

    def acquire(self, release_id: str) -> Context:
        """Return the context of a release; each call needs one ``release_user``.

        Raises
        ------
        UnknownRelease, OtherLayout, ReleaseError, StoreUnavailable: it cannot be opened.
        StoreBusy: as many others as may be open are in use.
        """
        with self._lock:
            context = self._opened.get(release_id)
            if context is None:
                self._make_room()
                context = self._opened[release_id] = self._open_context(release_id)
            self._opened.move_to_end(release_id)
            self._asked_at[release_id] = time.monotonic()
            context.add_user()
            self._watch()
            return context

    def count(self) -> int:
        """Return how many releases are open."""
        with self._lock:
            return len(self._opened)

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            for context in self._opened.values():
                context.close()
            self._opened.clear()

    def _make_room(self) -> None:
        if len(self._opened) < self._size:
            return
        idle = next((name for name, context in self._opened.items() if not context.in_use), None)
        if idle is None:
            raise StoreBusy("As many old releases as may be open are in use.", "Try again in a moment.")
        self._close(idle)

    def _close(self, release_id: str) -> None:
        # Nobody can come to use it meanwhile: users are added under the lock.
        self._opened.pop(release_id).close()
        del self._asked_at[release_id]

    def _watch(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(self._idle_s / 2, self._close_idle)
            self._timer.daemon = True
            self._timer.start()

    def _close_idle(self) -> None:
        with self._lock:
            self._timer = None
            before = time.monotonic() - self._idle_s
            for name in [n for n, c in self._opened.items() if not c.in_use and self._asked_at[n] < before]:
                self._close(name)
            if self._opened:
                self._watch()

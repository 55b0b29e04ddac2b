"""What is current on disk, asked once in a millisecond.

Each request has to know whether there is a new release. To ask the system for each costs as much as the rest
of an answer that is kept: at each call other threads take the interpreter. Requests that come together get
the same reply, which is at most a millisecond old, as uvloop's clock ticks in those. Under a loop with a
finer clock each request asks.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from kg.release.layout import current_link, releases_path

State = tuple[str, int]
"""Where the link to the current release leads, and when a release last came or went, in ns; empty and 0 where
there is none."""


class Latest:
    """Reads the state of a folder of releases, for one event loop and its callbacks."""

    def __init__(self, var: Path) -> None:
        self._link, self._releases = str(current_link(var)), str(releases_path(var))
        self._state: State = ("", 0)
        self._asked_at = -1.0

    def read(self) -> State:
        """Return the state in this tick of the clock of the running event loop."""
        now = asyncio.get_running_loop().time()
        if now != self._asked_at:
            self._state, self._asked_at = self._ask(), now
        return self._state

    def _ask(self) -> State:
        try:
            return os.readlink(self._link), os.stat(self._releases).st_mtime_ns  # noqa: PTH115, PTH116 - quicker
        except OSError:
            return "", 0

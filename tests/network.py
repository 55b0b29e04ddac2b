"""The network of this machine is in one pair of hands at a time.

A browser fails whatever it is loading at the moment that an interface comes, goes or loses its cable
(``net::ERR_NETWORK_CHANGED``), also what comes from this machine. Tests that pull cables and tests in a
browser run in processes beside each other, so each of them holds a lock while it does.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hold_network() -> Iterator[None]:
    """Wait until no other process of this user holds it, and hold it until the block ends."""
    with (Path(tempfile.gettempdir()) / f"kg-network-{os.getuid()}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

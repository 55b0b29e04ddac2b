"""Locks between processes: one builds at a time, and nobody removes a release that another uses.

They are advisory locks of the kernel (flock), so they go with the process, also when it is killed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kg.errors import BuildInProgress, UnknownRelease
from kg.release.layout import releases_path


@contextmanager
def lock_builds(var: Path) -> Iterator[None]:
    """Keep other builds, and what removes releases, out of a folder.

    Raises
    ------
    BuildInProgress: another process is at it.
    """
    with _lock(var, "build"):
        yield


@contextmanager
def lock_fetches(var: Path) -> Iterator[None]:
    """Keep other fetches out of a folder; raises ``BuildInProgress``. Builds may go on: the names differ."""
    with _lock(var, "fetch"):
        yield


@contextmanager
def _lock(var: Path, what: str) -> Iterator[None]:
    var.mkdir(parents=True, exist_ok=True)
    with (var / f"{what}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BuildInProgress(f"another {what} runs in {var}.", "Wait for it to end.") from None
        yield


class Hold:
    """Keeps a release from being removed until it is closed; many may hold one at a time.

    Raises
    ------
    UnknownRelease: the release is not there, or is just being removed.
    """

    def __init__(self, var: Path, release_id: str) -> None:
        path = releases_path(var) / release_id
        self._descriptor = -1
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            there = os.path.samestat(os.fstat(self._descriptor), path.stat())
        except OSError:
            there = False
        if not there:
            self.close()
            raise UnknownRelease(release_id)

    def close(self) -> None:
        """Give the release free. May be called twice."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            # Unlocked and not only closed: a worker forked meanwhile may have inherited the lock.
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def __enter__(self) -> Hold:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def try_to_own(var: Path, release_id: str) -> Iterator[bool]:
    """Yield whether nobody else holds a release; then nobody can until the block ends."""
    descriptor = os.open(releases_path(var) / release_id, os.O_RDONLY | os.O_DIRECTORY)
    try:
        owned = False
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            owned = True
        yield owned
    finally:
        os.close(descriptor)

"""SQLite files of a release, as servers read them.

Such a file never changes, so it is opened as immutable, without locks.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from urllib.parse import quote

from kg.errors import ReleaseError


class ReleaseDatabase:
    """One file for any number of threads: each has a connection of its own, opened when it first asks.

    Parameters
    ----------
    path: the file.
    probe: a statement that fails if the file is another one.
    cache_kib: what each connection keeps of the file; the system keeps the rest for all of them.
    """

    def __init__(self, path: Path, probe: str, cache_kib: int = 2_000) -> None:
        self.path = path
        self._probe = probe
        self._cache_kib = cache_kib
        self._local = threading.local()
        self._lock = threading.Lock()
        self._connections: list[sqlite3.Connection] = []

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection of this thread.

        Raises
        ------
        ReleaseError: there is no such file, or it is another one.
        """
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            self._local.connection = connection
        return connection

    def close(self) -> None:
        """Close the connections of all threads; nobody may be asking any more."""
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def _connect(self) -> sqlite3.Connection:
        uri = f"file:{quote(str(self.path.absolute()))}?mode=ro&immutable=1"
        try:
            connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
            connection.execute(f"PRAGMA cache_size = -{self._cache_kib}")
            connection.execute(self._probe)
        except sqlite3.Error as error:
            raise ReleaseError(
                f"{self.path}: the index cannot be read: {error}.", "Run `kg build` again."
            ) from error
        with self._lock:
            self._connections.append(connection)
        return connection

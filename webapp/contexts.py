"""The release that a request sees: the current one at its beginning, until its last byte is sent."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from kg.errors import KgError
from kg.release.engine import to_target
from kg.release.layout import Release, open_release, read_current_id
from kg.search.index import SearchIndex
from kg.settings import Settings, check_service_prefixes
from kg.store.base import Store
from kg.store.embedded import EmbeddedStore
from kg.store.pool import PoolSize
from kg.store.remote import RemoteStore
from kg.vocab import Names

_log = logging.getLogger(__name__)


class ReleaseContext:
    """A release that is being served, with its store and index; counts the requests that use it."""

    def __init__(self, release: Release, store: Store) -> None:
        self.release = release
        self.store = store
        self.search = SearchIndex(release.search_path)
        self.names = Names(release.manifest.base_iri)
        self._lock = threading.Lock()
        self._users = 0
        self._retired = False

    def add_user(self) -> None:
        """Count a request in; each needs one ``release_user``."""
        with self._lock:
            self._users += 1

    def release_user(self) -> None:
        """Count a request out; the last one of an old release closes it."""
        with self._lock:
            self._users -= 1
            unused = self._retired and self._users == 0
        if unused:
            self.close()

    def retire(self) -> None:
        """Close as soon as nobody uses it."""
        with self._lock:
            self._retired = True
            unused = self._users == 0
        if unused:
            self.close()

    def close(self) -> None:
        """Close the store and the index; no request may be using them."""
        self.store.close()
        self.search.close()


class Contexts:
    """Follows the link to the current release, and closes an old one when its last request has ended."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._var = Path(settings.var)
        self._lock = threading.Lock()
        self._current: ReleaseContext | None = None

    def acquire(self) -> ReleaseContext:
        """Return the context of the current release; each call needs one ``release_user``.

        Raises
        ------
        NoRelease, ReleaseError, StoreUnavailable: there is none, or it cannot be opened.
        """
        current_id = read_current_id(self._var)
        with self._lock:
            if self._current is None or self._current.release.id != current_id:
                self._switch(current_id)
            assert self._current is not None
            self._current.add_user()
            return self._current

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            current, self._current = self._current, None
        if current is not None:
            current.close()

    def _switch(self, release_id: str) -> None:
        try:
            opened = self._open(release_id)
        except KgError as error:
            if self._current is None:
                raise
            _log.error("Release %s cannot be served, so the last one stays: %s", release_id, error)
            return
        old, self._current = self._current, opened
        if old is not None:
            old.retire()

    def _open(self, release_id: str) -> ReleaseContext:
        release = open_release(self._var, release_id)
        return ReleaseContext(release, self._open_store(release))

    def _open_store(self, release: Release) -> Store:
        settings = self._settings
        if settings.store:
            return RemoteStore(
                to_target(release, settings), workers=settings.query_workers, queue_s=settings.query_queue_s
            )
        size = PoolSize(
            workers=settings.query_workers,
            worker_bytes=settings.max_worker_bytes,
            waiting=settings.query_queue,
            wait_s=settings.query_queue_s,
        )
        return EmbeddedStore(release.store_path, size, check_service_prefixes(settings.service_prefixes))

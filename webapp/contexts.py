"""The release that a request sees: the current one at its beginning, until its last byte is sent."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from kg.description import LinkLists
from kg.errors import KgError
from kg.lookups import Lookups
from kg.parallel import count_processes
from kg.release.layout import Release, open_release, read_current_id
from kg.release.locks import Hold
from kg.search.browse import Browser
from kg.search.index import SearchIndex
from kg.settings import Settings, check_service_prefixes
from kg.store.base import Store
from kg.store.embedded.pool import PoolSize
from kg.store.embedded.store import EmbeddedStore
from kg.vocab import Names
from webapp.archive import Archive
from webapp.latest import Latest

_log = logging.getLogger(__name__)

TEXTS_KEPT = 64
"""Texts of articles that stay in memory; a page shows many quotes of a few."""


class ReleaseContext:
    """A release that is being served, with its store and index; counts the requests that use it.

    Parameters
    ----------
    hold: keeps the release from being removed.
    lookups: what pages are read from; None where a store behind the seam answers for them.
    """

    def __init__(self, release: Release, store: Store, hold: Hold, lookups: Lookups | None = None) -> None:
        self.release = release
        self._hold = hold
        self.store = store
        self.search = SearchIndex(release.search_path)
        self.lookups = lookups
        self.browser = Browser(self.search)
        self.links = LinkLists()
        self.names = Names(release.manifest.base_iri)
        self.articles = {article.slug: article for article in release.manifest.articles}
        self.read_text = lru_cache(TEXTS_KEPT)(self._read_text)
        self.redirects = {entry.source: entry for entry in release.manifest.redirects}
        self._lock = threading.Lock()
        self._users = 0
        self._retired = False

    def _read_text(self, slug: str) -> str:
        """Return the captured text of an article, or nothing where it is not published."""
        article = self.articles.get(slug)
        if article is None or not article.full_text:
            return ""
        return self.release.text_path(slug).read_bytes().decode()

    @property
    def in_use(self) -> bool:
        """Whether a request uses it."""
        with self._lock:
            return self._users > 0

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
        if self.lookups:
            self.lookups.close()
        self._hold.close()


class Contexts:
    """Follows the link to the current release, and closes the last one when its last request has ended.

    Other releases are opened for those who name them; ``webapp.archive`` bounds their number.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._var = Path(settings.var)
        self.latest = Latest(self._var)
        self._lock = threading.Lock()
        self._current: ReleaseContext | None = None
        # An engine behind the seam holds the current release; old ones are answered from their own stores.
        few = replace(
            settings, store="", query_workers=min(settings.query_workers, settings.old_release_workers)
        )
        self._archive = Archive(
            lambda release_id: self._open(release_id, few), settings.old_releases, settings.old_release_idle_s
        )

    def acquire(self, release_id: str = "") -> ReleaseContext:
        """Return the context of a release, or of the current one; each call needs one ``release_user``.

        Raises
        ------
        NoRelease, ReleaseError, StoreUnavailable: there is none, or it cannot be opened.
        StoreBusy: too many old releases are in use.
        """
        current_id = read_current_id(self._var)
        if release_id not in ("", current_id):
            return self._archive.acquire(release_id)
        with self._lock:
            if self._current is None or self._current.release.id != current_id:
                self._switch(current_id)
            assert self._current is not None
            if release_id in ("", self._current.release.id):
                self._current.add_user()
                return self._current
        return self._archive.acquire(release_id)  # the named one is current, but could not be opened as such

    def acquire_open(self) -> ReleaseContext | None:
        """Return the context of the current release if it is open; never waits, for an event loop.

        One that is returned needs one ``release_user``.
        """
        target, _ = self.latest.read()
        current_id = target.rpartition("/")[2]
        if not self._lock.acquire(blocking=False):
            return None  # another thread opens a release just now
        try:
            current = self._current
            if current is None or current.release.id != current_id:
                return None
            current.add_user()
            return current
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close what is open."""
        self._archive.close()
        with self._lock:
            current, self._current = self._current, None
        if current is not None:
            current.close()

    def _switch(self, release_id: str) -> None:
        try:
            opened = self._open(release_id, self._settings)
        except KgError as error:
            if self._current is None:
                raise
            _log.error("Release %s cannot be served, so the last one stays: %s", release_id, error)
            return
        old, self._current = self._current, opened
        if old is not None:
            old.retire()

    def _open(self, release_id: str, settings: Settings) -> ReleaseContext:
        hold = Hold(self._var, release_id)
        try:
            release = open_release(self._var, release_id)
            lookups = _open_lookups(release, settings)
            return ReleaseContext(release, _open_store(release, settings), hold, lookups)
        except BaseException:  # whatever it was, the release must not stay locked
            hold.close()
            raise


def _open_lookups(release: Release, settings: Settings) -> Lookups | None:
    if settings.store or not release.lookups_path.exists():
        return None
    return Lookups(release.lookups_path, release.manifest.base_iri)


def _open_store(release: Release, settings: Settings) -> Store:
    if settings.store:
        # Only they need what speaks to engines, some 6 MB.
        from kg.release.delivery.engine import to_target
        from kg.store.remote.store import RemoteStore

        return RemoteStore(
            to_target(release, settings), workers=settings.query_workers, queue_s=settings.query_queue_s
        )
    size = PoolSize(
        workers=settings.query_workers,
        worker_bytes=settings.max_worker_bytes,
        waiting=settings.query_queue,
        wait_s=settings.query_queue_s,
    )
    return EmbeddedStore(
        release.store_path,
        size,
        check_service_prefixes(settings.service_prefixes),
        # Where each core has a server process, a worker would only take turns with it.
        is_nearby=settings.processes >= count_processes(),
    )

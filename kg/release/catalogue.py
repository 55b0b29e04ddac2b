"""All releases of a folder: which there are, which is current, going back to one, and removing old ones."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from kg.errors import NoRelease, ReleaseError, UnknownRelease
from kg.release.history import Switch, format_time, parse_time, read_history, record_switch
from kg.release.layout import (
    LAYOUT_VERSION,
    building_path,
    current_link,
    history_path,
    is_release_id,
    read_current_id,
    releases_path,
)
from kg.release.locks import Hold, lock_builds, try_to_own


@dataclass(frozen=True, slots=True)
class ReleaseEntry:
    """A release in the list of all.

    ``created`` is when it was built, ``published`` when it first became the current one (or was built,
    where no record of that is left). Times are in UTC.
    """

    id: str
    created: datetime
    published: datetime
    quads: int
    size_bytes: int
    layout: int
    current: bool

    @property
    def readable(self) -> bool:
        """Whether this version of Article KG can serve it."""
        return self.layout == LAYOUT_VERSION


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a release when old ones are removed; ``reason`` is why it is kept, if it is."""

    entry: ReleaseEntry
    reason: str

    @property
    def removed(self) -> bool:
        """Whether it goes."""
        return not self.reason


def list_releases(var: Path) -> tuple[ReleaseEntry, ...]:
    """Return all releases, in the order in which they were first published.

    A folder whose manifest cannot be read is passed over: it is not a release that anybody can use.
    """
    return _list_releases(var, _stamp(var))


def find_release(var: Path, release_id: str) -> ReleaseEntry:
    """Return a release of the list; raises ``UnknownRelease``."""
    for entry in list_releases(var):
        if entry.id == release_id:
            return entry
    raise UnknownRelease(release_id)


def find_previous(entries: Iterable[ReleaseEntry], release_id: str) -> ReleaseEntry | None:
    """Return the release that was published before another one, if there is one."""
    before: ReleaseEntry | None = None
    for entry in entries:
        if entry.id == release_id:
            return before
        before = entry
    return None


def switch_current(var: Path, release_id: str) -> None:
    """Make a release the current one, by one atomic rename of a link, and record when.

    Raises
    ------
    UnknownRelease: the release is not there.
    """
    if not is_release_id(release_id) or not (releases_path(var) / release_id / "manifest.json").exists():
        raise UnknownRelease(release_id)
    with Hold(var, release_id):
        if _read_current(var) == release_id:
            return
        link = current_link(var)
        fresh = link.with_name(f"current.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(Path("releases", release_id))
        fresh.replace(link)
        sync(var)
        record_switch(var, release_id)


def roll_back(var: Path, release_id: str = "") -> ReleaseEntry:
    """Make an earlier release current again: the named one, or the one published before the current one.

    Raises
    ------
    NoRelease, UnknownRelease: there is no current release, or none of that id.
    ReleaseError: nothing was published earlier, or this version cannot serve what was.
    """
    entries = list_releases(var)
    current = read_current_id(var)
    target = find_release(var, release_id) if release_id else find_previous(entries, current)
    if target is None:
        raise ReleaseError(
            f"no release in {var} was published before {current}.", "`kg releases` lists those there are."
        )
    if not target.readable:
        raise ReleaseError(
            f"release {target.id} has layout {target.layout}, and this version serves {LAYOUT_VERSION}.",
            "Build it anew from its sources.",
        )
    try:
        switch_current(var, target.id)
    except OSError as error:
        raise ReleaseError(f"cannot switch in {var}: {error.strerror or error}.") from error
    return find_release(var, target.id)


def remove_old(
    var: Path, keep: int, younger_than: timedelta = timedelta(0), *, dry_run: bool = False
) -> tuple[Verdict, ...]:
    """Remove releases, but never the current one or one that a server has open.

    Parameters
    ----------
    keep: how many of the latest published ones stay beside the current one.
    younger_than: those stay too that were published less than this time ago.
    dry_run: only tell what would be done.

    Raises
    ------
    BuildInProgress: a build runs there.
    ReleaseError: something cannot be removed.
    """
    if not releases_path(var).is_dir():
        return ()
    try:
        with lock_builds(var):
            return tuple(_remove_old(var, keep, younger_than, dry_run))
    except OSError as error:
        raise ReleaseError(f"cannot remove releases in {var}: {error.strerror or error}.") from error


def _remove_old(var: Path, keep: int, younger_than: timedelta, dry_run: bool) -> Iterator[Verdict]:
    entries = list_releases(var)
    latest = {entry.id for entry in entries[len(entries) - keep :]} if keep else set()
    now = datetime.now(UTC)
    for entry in entries:
        if entry.id in latest:
            yield Verdict(entry, f"one of the latest {keep}")
        elif now - entry.published < younger_than:
            yield Verdict(entry, "young enough")
        else:
            yield _remove(var, entry, dry_run)


def _remove(var: Path, entry: ReleaseEntry, dry_run: bool) -> Verdict:
    with try_to_own(var, entry.id) as owned:
        # Asked only now, when nobody can switch to it any more.
        if _read_current(var) == entry.id:
            return Verdict(entry, "current")
        if not owned:
            return Verdict(entry, "in use by a server")
        if not dry_run:
            # What is in the folder of the unfinished is swept by the next build, should this be cut off.
            building_path(var).mkdir(exist_ok=True)
            doomed = building_path(var) / f"{entry.id}-removed"
            (releases_path(var) / entry.id).rename(doomed)
            sync(releases_path(var))
            shutil.rmtree(doomed)
    return Verdict(entry, "")


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_current(var: Path) -> str:
    try:
        return read_current_id(var)
    except NoRelease:
        return ""


def _stamp(var: Path) -> tuple[object, ...]:
    """Return what changes whenever the list does, at the price of three system calls."""
    stamps = []
    for path in (releases_path(var), history_path(var)):
        try:
            stat = path.stat()
            stamps.append((stat.st_ino, stat.st_mtime_ns, stat.st_size))
        except OSError:
            stamps.append((0, 0, 0))
    return (*stamps, _read_current(var))


@lru_cache(maxsize=4)
def _list_releases(var: Path, _stamp: tuple[object, ...]) -> tuple[ReleaseEntry, ...]:
    first = _find_first(read_history(var))
    current = _read_current(var)
    folders = releases_path(var).iterdir() if releases_path(var).is_dir() else ()
    found = [entry for folder in folders if (entry := _read_entry(folder, first, current)) is not None]
    # Times are told to the second; within one, the order of the history counts.
    order = {release_id: position for position, release_id in enumerate(first)}
    return tuple(sorted(found, key=lambda entry: (entry.published, order.get(entry.id, -1), entry.id)))


def _find_first(switches: Iterable[Switch]) -> dict[str, datetime]:
    first: dict[str, datetime] = {}
    for switch in switches:
        first.setdefault(switch.release, switch.at)
    return first


def _read_entry(folder: Path, first: dict[str, datetime], current: str) -> ReleaseEntry | None:
    try:
        # Not through ``read_manifest``: a release of another layout is listed too.
        content = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        created = parse_time(content["created"])
        return ReleaseEntry(
            id=folder.name,
            created=created,
            published=first.get(folder.name, created),
            quads=int(content["quads"]),
            size_bytes=_measure(folder),
            layout=int(content["layout"]),
            current=folder.name == current,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


@lru_cache(maxsize=1024)
def _measure(folder: Path) -> int:
    # A release never changes, so neither does its size.
    return sum(Path(root, name).lstat().st_size for root, _, names in os.walk(folder) for name in names)


def entry_as_json(entry: ReleaseEntry) -> dict[str, object]:
    """Return an entry as JSON takes it, for the command line and for the web alike."""
    return {
        "id": entry.id,
        "created": format_time(entry.created),
        "published": format_time(entry.published),
        "quads": entry.quads,
        "bytes": entry.size_bytes,
        "layout": entry.layout,
        "current": entry.current,
    }

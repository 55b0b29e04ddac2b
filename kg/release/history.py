"""When each release became the current one: a file beside the releases that is only ever added to.

A release does not know when it was served: it can be built in one place and switched to in another, and a
rollback makes it current again. ``history.jsonl`` has one line for each switch::

    {"at": "2026-01-31T12:00:00Z", "release": "0123456789abcdef"}

A line that was torn by a crash is passed over. A switch whose line is missing for that reason is known from
the time stamp of the link itself.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kg.errors import NoRelease
from kg.release.layout import current_link, history_path, read_current_id


@dataclass(frozen=True, slots=True)
class Switch:
    """A release became the current one at a time, in UTC and to the second."""

    at: datetime
    release: str


def record_switch(var: Path, release_id: str, at: datetime | None = None) -> None:
    """Add a switch, and make it durable."""
    moment = (at or datetime.now(UTC)).astimezone(UTC)
    line = json.dumps({"at": format_time(moment), "release": release_id})
    descriptor = os.open(history_path(var), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, f"{chr(10) if torn else ''}{line}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_history(var: Path) -> tuple[Switch, ...]:
    """Return all switches, the oldest first."""
    try:
        lines = history_path(var).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    switches = tuple(switch for line in lines if (switch := _parse(line)) is not None)
    return switches + _find_unrecorded(var, switches)


def format_time(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC.

    >>> format_time(datetime(2026, 1, 31, 12, tzinfo=UTC))
    '2026-01-31T12:00:00Z'
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """Return the time that ISO 8601 text tells; raises ``ValueError`` if it is none, or has no zone.

    >>> parse_time("2026-01-31T13:00:00+01:00") == parse_time("2026-01-31T12:00:00Z")
    True
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)


def _parse(line: str) -> Switch | None:
    try:
        content = json.loads(line)
        return Switch(parse_time(content["at"]), str(content["release"]))
    except (ValueError, KeyError, TypeError):
        return None


def _find_unrecorded(var: Path, switches: tuple[Switch, ...]) -> tuple[Switch, ...]:
    """Return the last switch from the link, if a crash came between the link and its line."""
    try:
        current = read_current_id(var)
        if switches and switches[-1].release == current:
            return ()
        changed_s = int(current_link(var).lstat().st_mtime)
    except (NoRelease, OSError):
        return ()
    return (Switch(datetime.fromtimestamp(changed_s, UTC), current),)

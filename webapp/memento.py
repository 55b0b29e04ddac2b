"""Time travel over releases: which of them holds a document, and the headers that say so.

Source: RFC 7089 (Memento), sections 2.1, 4 and 5. The *original resource* is a document at its usual address,
a *memento* the same under ``/releases/<id>/``, with the time at which that release was first published. A
rollback makes an old release current again; it publishes nothing new, so no memento gets a second time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

from flask import Response, request

from kg.release.catalogue import ReleaseEntry, list_releases
from kg.release.history import read_history
from kg.release.iris import knows
from kg.release.layout import iris_path
from webapp import current
from webapp.addresses import RELEASE, SITE_ROOT

BLUEPRINTS = frozenset({"entities", "articles", "ontology"})
"""Whose documents have mementos."""


@dataclass(frozen=True, slots=True)
class Memento:
    """A release that holds a document, and when it was first published."""

    release: str
    at: datetime


def to_local_iri(path: str) -> str:
    """Return the IRI, without the base, that a document is about.

    >>> [to_local_iri(path) for path in ("page/a", "data/a.b.ttl", "article/a/text", "ontology")]
    ['id/a', 'id/a.b', 'article/a/text', 'ontology']
    """
    path = re.sub(r"^page/", "id/", path)
    return re.sub(r"^data/(.+)\.\w+$", r"id/\1", path)


def list_mementos(path: str) -> list[Memento]:
    """Return the releases that hold a document, the oldest first.

    Parameters
    ----------
    path: of the document, without the root of the site and without a slash before it.
    """
    var, local = Path(current.settings().var), to_local_iri(path)
    return [
        Memento(entry.id, entry.published)
        for entry in list_releases(var)
        if entry.readable and _holds(var, entry, local)
    ]


def _holds(var: Path, entry: ReleaseEntry, local: str) -> bool:
    try:
        return knows(iris_path(var, entry.id), local)
    except OSError:
        return False  # it was removed a moment ago


def choose_memento(mementos: Sequence[Memento], at: datetime | None) -> Memento:
    """Return the memento for a time: of the release that was current then, or else the nearest before.

    Before the first there is only the first; without a time it is the one that is current now, or the last.
    """
    moment = at or datetime.now(UTC)
    by_release = {memento.release: memento for memento in mementos}
    served = [switch.release for switch in read_history(Path(current.settings().var)) if switch.at <= moment]
    if served and served[-1] in by_release:
        return by_release[served[-1]]
    return next((memento for memento in reversed(mementos) if memento.at <= moment), mementos[0])


def parse_accept_datetime(value: str) -> datetime:
    """Return the time of an ``Accept-Datetime`` header (RFC 7089, section 2.1.1.2).

    Raises
    ------
    ValueError: it is not a date as HTTP writes them.

    >>> parse_accept_datetime("Thu, 31 May 2007 20:35:00 GMT").isoformat()
    '2007-05-31T20:35:00+00:00'
    """
    moment = parsedate_to_datetime(value)
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return moment.astimezone(UTC)


def format_http_date(moment: datetime) -> str:
    """Return a time as HTTP writes it.

    >>> format_http_date(datetime(2007, 5, 31, 20, 35, tzinfo=UTC))
    'Thu, 31 May 2007 20:35:00 GMT'
    """
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def finish(response: Response) -> Response:
    """Add the headers of original resources and of mementos to documents that have been found."""
    if request.blueprint in BLUEPRINTS and response.status_code in (200, 303, 304):
        path = request.path.lstrip("/")
        shown = str(request.environ.get(RELEASE, ""))
        mementos = list_mementos(path)
        for link in link_mementos(path, mementos, shown):
            response.headers.add("Link", link)
        at = next((memento.at for memento in mementos if memento.release == shown), None)
        if at is not None and response.status_code != 303:
            response.headers["Memento-Datetime"] = format_http_date(at)
    return response


def link_mementos(path: str, mementos: Sequence[Memento], shown: str = "") -> list[str]:
    """Return the links of a document to its original, timegate and timemap, and to mementos.

    Parameters
    ----------
    shown: the release in which it is shown, if it is a memento; its neighbours are linked to as well.
    """
    links = [f'<{address(path)}>; rel="original"'] if shown else []
    links.append(f'<{address("timegate/" + path)}>; rel="timegate"')
    links.append(f'<{address("timemap/" + path)}>; rel="timemap"; type="application/link-format"')
    return links + [
        f'<{address(f"releases/{mementos[i].release}/{path}")}>; rel="{" ".join([*relations, "memento"])}"; '
        f'datetime="{format_http_date(mementos[i].at)}"'
        for i, relations in _find_relations([memento.release for memento in mementos], shown).items()
    ]


def _find_relations(releases: list[str], shown: str) -> dict[int, list[str]]:
    """Return position → relation types, for those mementos that are linked to."""
    relations: dict[int, list[str]] = {}
    if not releases:
        return relations
    last = len(releases) - 1
    relations.setdefault(0, []).append("first")
    relations.setdefault(last, []).append("last")
    if shown in releases:
        position = releases.index(shown)
        relations.setdefault(position, [])
        if position > 0:
            relations.setdefault(position - 1, []).append("prev")
        if position < last:
            relations.setdefault(position + 1, []).append("next")
    return dict(sorted(relations.items()))


def address(path: str) -> str:
    """Return an address on this site as it is mounted, whichever release the request is about."""
    query = request.query_string.decode("ascii", "replace")
    root = str(request.environ.get(SITE_ROOT, ""))
    return quote(f"{root}/{path}", safe="/:@!$&'()*+,;=~-._") + (
        f"?{quote(query, safe=_QUERY)}" if query else ""
    )


_QUERY = "%/?:@!$&'()*+,;=~-._"

"""Releases: their list, and for each document the way to it as it was at a time (RFC 7089)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from threading import Lock

from flask import Blueprint, Response, jsonify, redirect, request
from werkzeug.exceptions import BadRequest, NotFound

from kg.errors import QueryTooLarge
from kg.formats import N_QUADS
from kg.release.catalogue import entry_as_json, find_previous, find_release, list_releases
from kg.release.changes import Changes, make_patch, select_quads, tell_changes
from kg.release.layout import Release, open_release
from webapp import current
from webapp.memento import (
    Memento,
    address,
    choose_memento,
    format_http_date,
    link_mementos,
    list_mementos,
    parse_accept_datetime,
)
from webapp.negotiation import HTML
from webapp.responses import add_cache_headers, make_etag, match_etag
from webapp.templating import render
from webapp.views.documents import PLAIN_JSON, choose_format, tag_document
from webapp.views.dumps import CHUNK_BYTES

blueprint = Blueprint("releases", __name__)

LINK_FORMAT = "application/link-format"
RDF_PATCH = "application/rdf-patch"

MAX_COMPARED = 32
"""Comparisons that are kept in memory; one is made at a time."""
_compared: dict[tuple[Path, Path], Changes] = {}
_comparing = Lock()


@blueprint.get("/releases/")
def show_releases() -> Response:
    """List all releases, the latest first."""
    fmt = choose_format((PLAIN_JSON, HTML))
    entries = list_releases(Path(current.settings().var))[::-1]
    now = next((entry.id for entry in entries if entry.current), "")
    etag = make_etag(tag_document("releases", fmt), now, *(entry.id for entry in entries))
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    if fmt == HTML:
        page = render("releases.html", entries=entries)
        return add_cache_headers(Response(page, content_type=HTML.content_type), etag)
    return add_cache_headers(jsonify(releases=[entry_as_json(entry) for entry in entries]), etag)


@blueprint.get("/releases/<release_id>")
def show_release(release_id: str) -> Response:
    """Show what a release is."""
    fmt = choose_format((PLAIN_JSON, HTML))
    var = Path(current.settings().var)
    entry, manifest = find_release(var, release_id), open_release(var, release_id).manifest
    before = _find_before(release_id)
    etag = make_etag(tag_document(f"release {release_id}", fmt), str(entry), before)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    changes = _tell_changes(before, release_id) if before else None
    if fmt == HTML:
        page = render("release.html", entry=entry, manifest=manifest, changes=changes)
        return add_cache_headers(Response(page, content_type=HTML.content_type), etag)
    content = entry_as_json(entry) | {
        "base_iri": manifest.base_iri,
        "software": manifest.software,
        "figures": manifest.figures,
        "canonical_hash": {"algorithm": "RDFC-1.0, SHA-256", "value": manifest.canonical_sha256},
        "changes": asdict(changes) if changes else None,
    }
    return add_cache_headers(jsonify(content), etag)


@blueprint.get("/releases/<release_id>.<any('added.nq', 'removed.nq', 'rdfp'):kind>")
def get_changes(release_id: str, kind: str) -> Response:
    """Give what changed since the release before, or since another one, as RDF."""
    before = _find_before(release_id)
    if not before:
        raise NotFound(f"No release was published before {release_id}; name one with ?since=.")
    etag = make_etag(before, release_id, kind)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    pair = _open_pair(before, release_id)
    lines = make_patch(*pair) if kind == "rdfp" else select_quads(*pair, added=kind == "added.nq")
    response = Response(_join(lines), content_type=RDF_PATCH if kind == "rdfp" else N_QUADS.media_type)
    response.headers["Content-Disposition"] = f"inline; filename={before}..{release_id}.{kind}"
    return add_cache_headers(response, etag)


def _find_before(release_id: str) -> str:
    """Return the release that one is compared with: that of ``since=``, or the one published before it."""
    var = Path(current.settings().var)
    since = request.args.get("since", "")
    if since:
        return find_release(var, since).id
    previous = find_previous(list_releases(var), release_id)
    return previous.id if previous is not None and previous.readable else ""


def _open_pair(before: str, after: str) -> tuple[Release, Release]:
    """Return two releases that may be compared for a visitor.

    Raises
    ------
    QueryTooLarge: that would take too long.
    """
    var, limit = Path(current.settings().var), current.settings().max_compared_quads
    pair = open_release(var, before), open_release(var, after)
    if sum(release.manifest.quads for release in pair) > limit:
        raise QueryTooLarge(
            f"Releases of more than {limit} quads together are not compared here.",
            "Download their N-Quads, which are sorted, and compare these line by line.",
        )
    return pair


def _tell_changes(before: str, after: str) -> Changes | None:
    try:
        pair = _open_pair(before, after)
    except QueryTooLarge:
        return None
    # Two releases never change, and neither does what lies between them.
    key = (pair[0].path, pair[1].path)
    with _comparing:
        if key not in _compared:
            while len(_compared) >= MAX_COMPARED:
                _compared.pop(next(iter(_compared)))
            _compared[key] = tell_changes(*pair)
        return _compared[key]


def _join(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines in chunks that are worth sending."""
    chunk = bytearray()
    for line in lines:
        chunk += line
        if len(chunk) >= CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)


@blueprint.get("/timemap/<path:path>")
def show_timemap(path: str) -> Response:
    """List the mementos of a document (RFC 7089, section 5)."""
    mementos = _require_mementos(path)
    links = [f'<{address(path)}>; rel="original"']
    span = f'from="{format_http_date(mementos[0].at)}"; until="{format_http_date(mementos[-1].at)}"'
    links.append(f'<{address("timemap/" + path)}>; rel="self"; type="{LINK_FORMAT}"; {span}')
    links.append(f'<{address("timegate/" + path)}>; rel="timegate"')
    for number, memento in enumerate(mementos):
        place = ("first " if number == 0 else "") + ("last " if number == len(mementos) - 1 else "")
        target = address(f"releases/{memento.release}/{path}")
        links.append(f'<{target}>; rel="{place}memento"; datetime="{format_http_date(memento.at)}"')
    body = ",\n".join(links) + "\n"
    etag = make_etag(body)
    return match_etag(etag) or add_cache_headers(Response(body, content_type=LINK_FORMAT), etag)


@blueprint.get("/timegate/<path:path>")
def lead_to_memento(path: str) -> Response:
    """Lead to a document as it was at the time of ``Accept-Datetime`` (RFC 7089, section 4.1.2)."""
    mementos = _require_mementos(path)
    asked = request.headers.get("Accept-Datetime")
    try:
        chosen = choose_memento(mementos, parse_accept_datetime(asked) if asked else None)
    except (ValueError, TypeError, IndexError):
        raise BadRequest(
            f"Accept-Datetime is {asked!r}; it is written like 'Thu, 31 May 2007 20:35:00 GMT'."
        ) from None
    response: Response = redirect(address(f"releases/{chosen.release}/{path}"), 302)  # type: ignore[assignment]
    response.headers.add("Link", f'<{address(path)}>; rel="original"')
    for link in link_mementos(path, mementos):
        if 'rel="timegate"' not in link:
            response.headers.add("Link", link)
    response.vary.add("Accept-Datetime")
    response.headers["Cache-Control"] = "public, no-cache"
    return response


def _require_mementos(path: str) -> list[Memento]:
    mementos = list_mementos(path)
    if not mementos:
        raise NotFound(f"No release has anything at /{path}.")
    return mementos

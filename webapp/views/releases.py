"""Releases: their list, and for each document the way to it as it was at a time (RFC 7089)."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, jsonify, redirect, render_template, request
from werkzeug.exceptions import BadRequest, NotFound

from kg.release.catalogue import entry_as_json, find_release, list_releases
from kg.release.layout import open_release
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
from webapp.views.documents import PLAIN_JSON, choose_format, tag_document

blueprint = Blueprint("releases", __name__)

LINK_FORMAT = "application/link-format"


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
        page = render_template("releases.html", entries=entries)
        return add_cache_headers(Response(page, content_type=HTML.content_type), etag)
    return add_cache_headers(jsonify(releases=[entry_as_json(entry) for entry in entries]), etag)


@blueprint.get("/releases/<release_id>")
def show_release(release_id: str) -> Response:
    """Show what a release is."""
    fmt = choose_format((PLAIN_JSON, HTML))
    var = Path(current.settings().var)
    entry, manifest = find_release(var, release_id), open_release(var, release_id).manifest
    etag = make_etag(tag_document(f"release {release_id}", fmt), str(entry))
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    if fmt == HTML:
        page = render_template("release.html", entry=entry, manifest=manifest)
        return add_cache_headers(Response(page, content_type=HTML.content_type), etag)
    content = entry_as_json(entry) | {
        "base_iri": manifest.base_iri,
        "software": manifest.software,
        "figures": manifest.figures,
        "canonical_hash": {"algorithm": "RDFC-1.0, SHA-256", "value": manifest.canonical_sha256},
    }
    return add_cache_headers(jsonify(content), etag)


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

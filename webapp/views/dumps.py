"""Dumps of the current release: the listing, and the files with Range and their checksum as entity tag."""

from __future__ import annotations

import hashlib
from pathlib import Path

from flask import Blueprint, Response, jsonify, render_template, request, send_file, url_for
from werkzeug.exceptions import NotAcceptable, NotFound

from kg.formats import JSON, Format
from kg.release.layout import DumpFile
from webapp import current
from webapp.negotiation import HTML, negotiate
from webapp.responses import add_cache_headers, match_etag
from webapp.views.documents import tag_document

blueprint = Blueprint("dumps", __name__)

CHECKSUMS = "SHA256SUMS"
_JSON = Format("json", "application/json", "json", JSON.aliases)


@blueprint.get("/dumps/")
def list_dumps() -> Response:
    """List the dumps of the current release, for readers or, as JSON, for programs."""
    manifest = current.context().release.manifest
    formats = negotiate(request.headers.get("Accept"), (_JSON, HTML))
    if not formats:
        raise NotAcceptable("The list of dumps can be had as application/json or text/html.")
    etag = tag_document("dumps", formats[0])
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    dumps = [_describe(dump) for dump in manifest.dumps]
    if formats[0] is HTML:
        page = render_template("dumps.html", manifest=manifest, dumps=dumps)
        return add_cache_headers(Response(page, content_type=HTML.content_type), etag)
    return add_cache_headers(jsonify(release=manifest.id, created=manifest.created, dumps=dumps), etag)


@blueprint.get("/dumps/<name>")
def get_dump(name: str) -> Response:
    """Send a dump, or a range of it, as the gzip file that it is: no content coding to be undone."""
    release = current.context().release
    known = {dump.name: dump.sha256 for dump in release.manifest.dumps}
    path = release.dumps_path.resolve() / name
    if name == CHECKSUMS and path.is_file():
        return _send(path, "text/plain", hashlib.sha256(path.read_bytes()).hexdigest())
    if name not in known:
        raise NotFound(f"There is no dump {name!r} in release {release.id}; /dumps/ lists them.")
    media_type = "application/gzip" if name.endswith(".gz") else "application/octet-stream"
    return _send(path, media_type, known[name])


def _send(path: Path, media_type: str, etag: str) -> Response:
    response = send_file(path, mimetype=media_type, conditional=True, etag=etag, download_name=path.name)
    response.headers["Cache-Control"] = "public, no-cache"
    return response


def _describe(dump: DumpFile) -> dict[str, object]:
    return {
        "name": dump.name,
        "href": url_for("dumps.get_dump", name=dump.name),
        "graph": dump.graph,
        "triples": dump.triples,
        "bytes": dump.size_bytes,
        "sha256": dump.sha256,
    }

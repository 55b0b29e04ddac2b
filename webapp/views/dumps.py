"""Dumps of a release: the listing, and the files with Range and their checksum as entity tag.

A packed file is sent as what it is, ``application/gzip`` or ``application/zstd``, without a content coding:
who asks for ``x.ttl.gz`` gets that file, to the byte. Under its name without ``.gz`` or ``.zst`` a dump is
negotiated instead: RDF, with the content coding that the client takes (RFC 9110, section 8.4).
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path

from flask import Blueprint, Response, jsonify, redirect, request, send_file, url_for
from werkzeug.exceptions import NotFound
from werkzeug.http import http_date

from kg.formats import GRAPH_FORMATS, N_QUADS, TRIG, find_format
from kg.release.layout import CHECKSUMS, IDENTITY, SIGNATURE, DumpFile, Release
from webapp import current
from webapp.addresses import RELEASE
from webapp.negotiation import HTML
from webapp.responses import add_cache_headers, match_etag
from webapp.templating import render
from webapp.views.documents import PLAIN_JSON, choose_format, tag_document

blueprint = Blueprint("dumps", __name__)

BESIDES = {CHECKSUMS: "text/plain", IDENTITY: "application/json", SIGNATURE: "text/plain"}
"""Files that are no dumps → their media types."""
_PACKED = {"gzip": "application/gzip", "zstd": "application/zstd"}
CHUNK_BYTES = 64 * 1024
_AGE_S = 365 * 24 * 3600


@blueprint.get("/dumps/")
def list_dumps() -> Response:
    """List the dumps of a release, for readers or, as JSON, for programs."""
    release = current.context().release
    manifest = release.manifest
    fmt = choose_format((PLAIN_JSON, HTML))
    etag = tag_document("dumps", fmt)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    besides = [name for name in BESIDES if (release.dumps_path / name).is_file()]
    if fmt == HTML:
        groups = _group(manifest.dumps)
        page = render("dumps.html", manifest=manifest, groups=groups, besides=besides)
        return add_cache_headers(Response(page, content_type=HTML.content_type), etag)
    dumps = [_describe(dump) for dump in manifest.dumps]
    listing = {"release": manifest.id, "created": manifest.created, "dumps": dumps}
    listing["files"] = [url_for("dumps.get_dump", name=name) for name in besides]
    return add_cache_headers(jsonify(listing), etag)


@blueprint.get("/dumps/latest/<name>")
def lead_to_latest(name: str) -> Response:
    """Lead from the address that stays the same to that of the current release, which keeps its bytes."""
    release = current.context().release
    _require(release, name)
    target = url_for("dumps.get_dump", name=name)
    if not request.environ.get(RELEASE):
        target = f"{request.script_root}/releases/{release.id}{target.removeprefix(request.script_root)}"
    response: Response = redirect(target, 302)  # type: ignore[assignment]
    response.headers["Cache-Control"] = "public, no-cache"
    return response


@blueprint.get("/dumps/<name>")
def get_dump(name: str) -> Response:
    """Send a dump, or a range of it."""
    release = current.context().release
    dump = _require(release, name)
    if dump is None:
        path = release.dumps_path / name
        return _send(release, path, BESIDES[name], hashlib.sha256(path.read_bytes()).hexdigest())
    if dump.name == name:
        return _send(release, release.dumps_path / name, _PACKED[dump.coding], dump.sha256)
    return _send_coded(release, dump)


def _require(release: Release, name: str) -> DumpFile | None:
    """Return a dump by its name, packed or not; None for a file that is no dump.

    Raises
    ------
    NotFound: there is no such file.
    """
    for dump in release.manifest.dumps:
        if name in (dump.name, _unpacked(dump)):
            return dump
    if name in BESIDES and (release.dumps_path / name).is_file():
        return None
    raise NotFound(f"There is no dump {name!r} in release {release.id}; /dumps/ lists them.")


def _unpacked(dump: DumpFile) -> str:
    return dump.name.rpartition(".")[0]


def _send(release: Release, path: Path, media_type: str, etag: str) -> Response:
    built = datetime.fromisoformat(release.manifest.created)
    # RFC 9110, section 13.1.5: a part only of the very file that the client has the rest of. Werkzeug takes
    # a weak tag and any later date for a match; after a rollback that date is of another release.
    if request.headers.get("If-Range", f'"{etag}"') not in (f'"{etag}"', http_date(built)):
        request.environ.pop("HTTP_RANGE", None)
    response = send_file(
        path.resolve(),
        mimetype=media_type,
        conditional=True,
        etag=etag,
        last_modified=built,
        download_name=path.name,
    )
    # Under a permanent address the same bytes stand for ever.
    permanent = f"public, max-age={_AGE_S}, immutable"
    response.headers["Cache-Control"] = permanent if request.environ.get(RELEASE) else "public, no-cache"
    return response


def _send_coded(release: Release, dump: DumpFile) -> Response:
    """Send a dump as RDF, in the content coding that the client likes best among those there are."""
    siblings = {d.coding: d for d in release.manifest.dumps if _unpacked(d) == _unpacked(dump)}
    accepted = request.accept_encodings
    coding = accepted.best_match([*siblings, "identity"], default="identity")
    fmt = find_format(dump.format, (N_QUADS, TRIG, *GRAPH_FORMATS))
    media_type = fmt.content_type if fmt else "application/octet-stream"
    if coding in siblings and accepted:
        chosen = siblings[coding]
        response = _send(release, release.dumps_path / chosen.name, media_type, chosen.sha256)
        response.headers["Content-Encoding"] = coding
        response.headers["Content-Disposition"] = f"inline; filename={_unpacked(dump)}"
    else:
        etag = tag_document(_unpacked(dump), PLAIN_JSON)
        unchanged = match_etag(etag)
        response = unchanged or Response(_unpack(release.dumps_path / siblings["gzip"].name))
        response.content_type = media_type
        if unchanged is None:
            response.content_length = dump.unpacked_bytes
        add_cache_headers(response, etag)
    response.vary.add("Accept-Encoding")
    return response


def _unpack(path: Path) -> Iterator[bytes]:
    with gzip.open(path) as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _describe(dump: DumpFile) -> dict[str, object]:
    return {
        "name": dump.name,
        "href": url_for("dumps.get_dump", name=dump.name),
        "graph": dump.graph,
        "format": dump.format,
        "rdf": dump.rdf,
        "coding": dump.coding,
        "triples": dump.triples,
        "bytes": dump.size_bytes,
        "unpacked_bytes": dump.unpacked_bytes,
        "sha256": dump.sha256,
    }


def _group(dumps: Iterable[DumpFile]) -> list[tuple[str, list[DumpFile]]]:
    """Return unpacked name → the same dump in each coding, as the listing shows it."""
    return [(name, list(files)) for name, files in groupby(dumps, key=_unpacked)]

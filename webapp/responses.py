"""What responses have in common: headers for safety and caches, and answers as bodies."""

from __future__ import annotations

import hashlib

from flask import Response, request
from werkzeug.http import quote_etag, unquote_etag

from kg.formats import Format
from kg.store.base import Answer
from webapp.streams import SpooledAnswer

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


COMMON_HEADERS = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    # All that is served is public and nothing depends on who asks.
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "ETag, Link, Retry-After"),
)
"""What every response carries."""

CACHE_CONTROL = "public, no-cache"
"""Caches may keep what has an entity tag, and ask each time whether it still holds: a release may follow."""


def add_common_headers(response: Response) -> Response:
    """Add what every response carries."""
    headers = response.headers
    present = {name.lower() for name, _ in headers}
    for name, value in COMMON_HEADERS:
        if name.lower() not in present:
            headers.add(name, value)
    if request.method == "OPTIONS":
        headers.setdefault("Access-Control-Allow-Methods", headers.get("Allow", ""))
        headers.setdefault("Access-Control-Allow-Headers", "Accept, Content-Type, If-None-Match")
    return response


def make_etag(*parts: str) -> str:
    """Return a quoted entity tag for what the parts name.

    >>> make_etag("a", "b") == make_etag("ab", "")
    False
    """
    digest = hashlib.sha256("\0".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "replace"))
    return quote_etag(digest.hexdigest()[:32])


def tag_answer(release_id: str, root: str, key: tuple[str, ...], fmt: Format) -> str:
    """Return the entity tag of an answer to a query, known before it is; ``root`` is where the site stands.

    It is weak: the same rows may come in another order from another process.
    """
    return "W/" + make_etag(release_id, "\0".join(key), fmt.name, root)


def vary(response: Response, *names: str) -> Response:
    """Say that a response depends on headers of its request.

    Werkzeug's own set parses all names and writes them again, five times for a page.
    """
    known = response.headers.get("Vary", "")
    named = {name.strip().lower() for name in known.split(",")}
    added = [name for name in names if name.lower() not in named]
    if added:
        response.headers["Vary"] = ", ".join([*([known] if known else []), *added])
    return response


def add_cache_headers(response: Response, etag: str) -> Response:
    """Let caches keep a response and ask each time whether it still holds: a release may follow at once."""
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = CACHE_CONTROL
    return vary(response, "Accept")


def match_etag(etag: str) -> Response | None:
    """Return a 304 if the client has this version already.

    Tags are compared weakly (RFC 9110, section 13.1.2), so that of a coded answer counts too.
    """
    tag, _ = unquote_etag(etag)
    if request.if_none_match.contains_weak(tag):
        return add_cache_headers(Response(status=304), etag)
    return None


def send_answer(answer: Answer, max_spool_bytes: int) -> Response:
    """Return an answer as a response: with its length where it is whole, else as a stream.

    Raises
    ------
    StoreBusy: it would be a stream, and there are too many already.
    """
    whole = answer.whole
    if whole is not None:
        answer.close()
    body = whole if whole is not None else SpooledAnswer(answer, max_spool_bytes)
    response = Response(body, content_type=answer.format.content_type)
    return vary(response, "Accept")

"""What responses have in common: headers for safety and caches, and bodies that come in a stream."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from flask import Response, request
from werkzeug.http import quote_etag

from kg.store.base import Answer

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def add_common_headers(response: Response) -> Response:
    """Add what every response carries."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
    # All that is served is public and nothing depends on who asks.
    headers.setdefault("Access-Control-Allow-Origin", "*")
    headers.setdefault("Access-Control-Expose-Headers", "ETag, Link, Retry-After")
    return response


def make_etag(*parts: str) -> str:
    """Return a quoted entity tag for what the parts name.

    >>> make_etag("a", "b") == make_etag("ab", "")
    False
    """
    digest = hashlib.sha256("\0".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "replace"))
    return quote_etag(digest.hexdigest()[:32])


def add_cache_headers(response: Response, etag: str) -> Response:
    """Let caches keep a response and ask each time whether it still holds: a release may follow at once."""
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "public, no-cache"
    response.vary.add("Accept")
    return response


def match_etag(etag: str) -> Response | None:
    """Return a 304 if the client has this version already (RFC 9110, section 13.1.2)."""
    given = request.if_none_match
    if etag.strip('"') in given or given.star_tag:
        return add_cache_headers(Response(status=304), etag)
    return None


def stream_answer(answer: Answer) -> Response:
    """Return an answer as a response; it is closed when the body has been sent or the client has gone."""
    response = Response(_Body(answer), content_type=answer.format.content_type)
    response.vary.add("Accept")
    return response


class _Body:
    """An iterator that raises where the answer fails, so that the server cuts the connection."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._chunks = iter(answer)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)

    def close(self) -> None:
        self._answer.close()

"""What machines ask first: is it well, and what may be crawled."""

from __future__ import annotations

from flask import Blueprint, Response, url_for

from kg.store.base import Limits, Query
from webapp import current

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def check_health() -> Response:
    """Answer 200 if a release is open and its store answers; the error table says what else.

    The deadline is short: a load balancer wants to know now.
    """
    answer = current.context().store.query(Query("ASK {}", limits=Limits(deadline_s=2.0)))
    try:
        for _ in answer:
            pass
    finally:
        answer.close()
    body = f"ok {current.context().release.id}\n"
    return Response(body, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})


@blueprint.get("/robots.txt")
def show_robots() -> Response:
    """Keep crawlers from the endpoint, and let them at pages (RFC 9309)."""
    body = f"User-agent: *\nDisallow: {url_for('sparql.query')}\n"
    return Response(body, content_type="text/plain; charset=utf-8")

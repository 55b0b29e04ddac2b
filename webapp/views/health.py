"""What machines ask first: is it well."""

from __future__ import annotations

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST

from kg.store.base import Limits, Query
from webapp import current
from webapp.metrics import render_metrics

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
def check_life() -> Response:
    """Answer 200 as long as the process answers at all: a supervisor restarts one that does not."""
    return _say("alive")


@blueprint.get("/healthz")
@blueprint.get("/readyz")
def check_readiness() -> Response:
    """Answer 200 if a release is open and its store answers; the error table says what else.

    The deadline is short: a load balancer wants to know now.
    """
    answer = current.context().store.query(Query("ASK {}", limits=Limits(deadline_s=2.0)))
    try:
        for _ in answer:
            pass
    finally:
        answer.close()
    return _say(f"ok {current.context().release.id}")


@blueprint.get("/metrics")
def show_metrics() -> Response:
    """Give the metrics of all server processes, for Prometheus."""
    return _no_store(Response(render_metrics(), content_type=CONTENT_TYPE_LATEST))


def _say(words: str) -> Response:
    return _no_store(Response(words + "\n", content_type="text/plain; charset=utf-8"))


def _no_store(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response

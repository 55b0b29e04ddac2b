"""From an error to a response: one table for the status, one place for the body."""

from __future__ import annotations

import json
import logging
import uuid
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from kg import errors
from webapp import current
from webapp.languages import N_
from webapp.negotiation import HTML, PROBLEM, negotiate
from webapp.protocol import ProtocolError
from webapp.templating import render

_log = logging.getLogger(__name__)

STATUSES: tuple[tuple[type[errors.KgError], int], ...] = (
    (errors.QuerySyntaxError, 400),
    (errors.QueryRefused, 403),
    (errors.NotAcceptable, 406),
    (errors.QueryTimeout, 504),
    (errors.QueryTooLarge, 422),
    (errors.QueryCancelled, 503),
    (errors.StoreBusy, 503),
    (errors.StoreUnavailable, 503),
    (errors.UnknownRelease, 404),
    (errors.OtherLayout, 501),
    (errors.BatchTooLarge, 413),
    (errors.ReconciliationError, 400),
    (errors.ReleaseError, 503),
    (errors.KgError, 500),
)
"""The first class that fits counts. 422 for a query too large: the request is whole and understood, and
would be refused again, so neither 413 (about the request's body) nor a 5xx (try again) is true."""

TOLD = {
    400: (
        N_("This request cannot be understood"),
        N_("Something in its address or its query is not as it should be."),
    ),
    403: (N_("This is not allowed here"), ""),
    404: (N_("There is nothing here"), N_("The address may be mistyped, or lead to what no release has.")),
    406: (N_("Not in this format"), N_("There is nothing here in a format that was asked for.")),
    422: (N_("This query is too large"), N_("Ask for less at once, or download the dataset.")),
    500: (N_("Something went wrong"), N_("It is not your fault. Try again later.")),
    503: (N_("Busy just now"), N_("Try again in a moment.")),
    504: (N_("This query takes too long"), N_("Ask for less at once, or download the dataset.")),
}
"""Statuses of pages → how they are told to a reader: a heading, and what to do. Details are in English."""

_RETRY_AFTER_S = {errors.StoreBusy: 1, errors.StoreUnavailable: 5, errors.NoRelease: 5}


def set_up(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(errors.KgError, _handle_known)
    app.register_error_handler(ProtocolError, lambda error: make_problem(error.status, error.message))
    app.register_error_handler(HTTPException, _handle_http)
    app.register_error_handler(Exception, _handle_unforeseen)


def make_problem(status: int, detail: str, **more: Any) -> Response:
    """Return problem details (RFC 9457), or a page where HTML is preferred."""
    title = HTTPStatus(status).phrase
    best = negotiate(request.headers.get("Accept"), (PROBLEM, HTML))
    more = {name: value for name, value in more.items() if value is not None}
    if best and best[0] is HTML:
        translate = current.interface().gettext
        heading, hint = (told and translate(told) for told in TOLD.get(status, (title, "")))
        page = render("error.html", status=status, title=heading, hint=hint, detail=detail, **more)
        response = Response(page, status=status, content_type=HTML.content_type)
    else:
        content = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
        response = Response(json.dumps(content), status=status, content_type=PROBLEM.media_type)
    response.headers["Cache-Control"] = "no-store"
    response.vary.add("Accept")
    return response


def find_status(error: errors.KgError) -> int:
    """Return the HTTP status of an error.

    >>> find_status(errors.StoreBusy("All are busy."))
    503
    """
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def add_retry_after(response: Response, error: errors.KgError) -> Response:
    """Say when to come back, for an error that passes."""
    retry_after_s = next((s for kind, s in _RETRY_AFTER_S.items() if isinstance(error, kind)), None)
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(retry_after_s)
    return response


def _handle_known(error: errors.KgError) -> Response:
    status = find_status(error)
    if status >= 500 and not isinstance(error, errors.QueryCancelled):
        _log.warning("%s: %s", type(error).__name__, error)
    position = {"line": getattr(error, "line", None), "column": getattr(error, "column", None)}
    # A message about a release names folders of this machine, which are no visitor's business.
    told = (errors.UnknownRelease, errors.OtherLayout)
    hidden = isinstance(error, errors.ReleaseError) and not isinstance(error, told)
    detail = "No release is ready to be served yet." if hidden else str(error)
    response = make_problem(status, detail, **({} if hidden else position))
    return add_retry_after(response, error)


def _handle_http(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return Response(error.get_response().get_data(), status, dict(error.get_headers()))
    response = make_problem(status, error.description or "")
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after", "content-range"):
            response.headers[name] = value
    return response


def _handle_unforeseen(error: Exception) -> Response:
    request_id = uuid.uuid4().hex[:12]
    _log.error("Request %s, %s %s, failed", request_id, request.method, request.path, exc_info=error)
    return make_problem(500, f"Something went wrong; it is logged as {request_id}.", request_id=request_id)

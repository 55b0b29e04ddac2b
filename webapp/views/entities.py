"""Things: 303 from ``/id/<slug>`` to a page or to data; facts and evidence at their own addresses.

Source: Cool URIs for the Semantic Web, section 4.3 (303 URIs forwarding to different documents).
"""

from __future__ import annotations

from flask import Blueprint, Response, redirect, url_for
from werkzeug.exceptions import NotFound

from kg.formats import GRAPH_FORMATS
from webapp.negotiation import HTML
from webapp.views.documents import (
    choose_format,
    list_data,
    names,
    require,
    respond,
    respond_at_own_address,
)

blueprint = Blueprint("entities", __name__)


@blueprint.get("/id/<slug>")
def redirect_to_document(slug: str) -> Response:
    """Lead from a thing to its page or its data, by ``Accept``."""
    fmt = choose_format()
    require(names().thing(slug))
    if fmt == HTML:
        target = url_for("entities.show_page", slug=slug)
    else:
        target = url_for("entities.get_data", slug=slug, extension=fmt.extension)
    response = redirect(target, 303)
    response.vary.add("Accept")
    return response  # type: ignore[return-value]


@blueprint.get("/page/<slug>")
def show_page(slug: str) -> Response:
    """Show a thing to people."""
    return respond(names().thing(slug), HTML, list_data(slug))


@blueprint.get("/data/<slug>.<extension>")
def get_data(slug: str, extension: str) -> Response:
    """Give the data of a thing; the extension decides, whatever ``Accept`` says."""
    fmt = next((f for f in GRAPH_FORMATS if f.extension == extension), None)
    if fmt is None:
        known = ", ".join(f.extension for f in GRAPH_FORMATS)
        raise NotFound(f"There is no data with the extension {extension!r}; there is {known}.")
    return respond(names().thing(slug), fmt, [])


@blueprint.get("/evidence/<name>")
def describe_evidence(name: str) -> Response:
    """Describe one evidence record."""
    return respond_at_own_address(names().under("evidence", name))


@blueprint.get("/fact/<name>")
def describe_fact(name: str) -> Response:
    """Describe the axiom of one simple relation."""
    return respond_at_own_address(names().under("fact", name))

"""The SPARQL endpoint: the protocol for programs, a form and tables for readers."""

from __future__ import annotations

import time

from flask import Blueprint, Response, g, request

from kg.errors import NotAcceptable, StoreError
from kg.formats import GRAPH_FORMATS, TSV, TURTLE, Format
from kg.store.base import Answer, Query
from webapp import current
from webapp.errors import add_retry_after, find_status
from webapp.negotiation import HTML
from webapp.protocol import (
    METHODS,
    SparqlRequest,
    choose_formats,
    find_cache_key,
    read_operation,
    to_query,
)
from webapp.queries import ask
from webapp.query_page import Outcome, show_introduction, show_outcome
from webapp.responses import add_cache_headers, match_etag, send_answer, tag_answer
from webapp.service_description import describe_service
from webapp.tables import GraphText, Table, read_graph, read_table
from webapp.views.documents import names, tag_document

blueprint = Blueprint("sparql", __name__)


@blueprint.route("/sparql", methods=["GET", "POST", "OPTIONS"], provide_automatic_options=False)
def query() -> Response:
    """Answer a query operation (SPARQL 1.1 Protocol, section 2.1)."""
    if request.method == "OPTIONS":
        return _answer_preflight()
    asked = read_operation(request.environ, current.settings())
    formats = choose_formats(asked.format_names, request.headers.get("Accept"))
    if asked.text is None or (not asked.text.strip() and formats[:1] == (HTML,)):
        return _introduce(formats)
    etag = _make_etag(asked, formats)
    if etag and (unchanged := match_etag(etag)) is not None:
        return unchanged
    if formats[:1] == (HTML,):
        response = _show_page(asked)
    else:
        answer = ask(current.context().store, _to_query(asked, formats), current.begun())
        response = send_answer(answer, current.settings().max_spool_bytes)
        g.query_note = answer.note
    return add_cache_headers(response, etag) if etag and response.status_code == 200 else response


def _answer_preflight() -> Response:
    """Answer OPTIONS, and the question of a browser whether a page of another site may ask (Fetch, CORS)."""
    methods = ", ".join(METHODS)
    headers = {
        "Allow": methods,
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": "*, Accept, Content-Type, If-None-Match",
        "Access-Control-Max-Age": "86400",
    }
    return Response(status=204, headers=headers)


def _to_query(asked: SparqlRequest, formats: tuple[Format, ...]) -> Query:
    client = current.client_address() or "?"
    return to_query(
        asked, formats, _endpoint(), current.settings(), client=client, cancellation=current.cancellation()
    )


def _endpoint() -> str:
    """Return the IRI of the endpoint: under the base IRI, whatever address the request came to."""
    return names().base + "sparql"


def _make_etag(asked: SparqlRequest, formats: tuple[Format, ...]) -> str:
    """Return the tag of an answer, or of the page that shows it; empty where it may change in a release."""
    key = find_cache_key(request.method, asked, formats)
    if not (key and formats):
        return ""
    if formats[0] is HTML:
        return "W/" + tag_document("\0".join(key), HTML)
    return tag_answer(current.context().release.id, request.script_root, key, formats[0])


def _introduce(formats: tuple[Format, ...]) -> Response:
    """Describe the service to programs, and offer a form to readers."""
    acceptable = [fmt for fmt in formats if fmt is HTML or fmt in GRAPH_FORMATS]
    if not acceptable:
        offers = ", ".join(fmt.media_type for fmt in (*GRAPH_FORMATS, HTML))
        raise NotAcceptable(f"The service description can be had as {offers}.", "Or send a query.")
    fmt = acceptable[0]
    etag = tag_document("introduction", fmt)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    if fmt is HTML:
        return add_cache_headers(show_introduction(), etag)
    body = _describe(fmt)
    return add_cache_headers(Response(body, content_type=fmt.content_type), etag)


def _describe(fmt: Format) -> bytes:
    manifest = current.context().release.manifest
    graphs = {dump.graph: dump.triples for dump in manifest.dumps if dump.graph and dump.rdf == "1.1"}
    triples = manifest.figures.get("triples", manifest.quads)
    return describe_service(manifest.base_iri, graphs, triples, current.settings(), fmt)


def _show_page(asked: SparqlRequest) -> Response:
    """Show the beginning of a result under the form; an error too, with the status that it has."""
    began_at = time.perf_counter()
    try:
        table, graph = _read_answer(ask(current.context().store, _to_query(asked, (TSV, TURTLE))))
    except StoreError as error:
        failed = show_outcome(asked, Outcome(error=error), find_status(error))
        failed.headers["Cache-Control"] = "no-store"
        failed.vary.add("Accept")
        return add_retry_after(failed, error)
    took_ms = (time.perf_counter() - began_at) * 1000
    response = show_outcome(asked, Outcome(table, graph))
    # In a header, for the page has to be the same each time: its entity tag says that it is.
    response.headers["Server-Timing"] = f"query;dur={took_ms:.1f}"
    return response


def _read_answer(answer: Answer) -> tuple[Table | None, GraphText | None]:
    try:
        return (read_table(answer), None) if answer.format == TSV else (None, read_graph(answer))
    finally:
        answer.close()

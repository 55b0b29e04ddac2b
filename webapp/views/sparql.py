"""The SPARQL endpoint: the protocol for programs, a form and tables for readers."""

from __future__ import annotations

import re

from flask import Blueprint, Response, render_template, request, url_for
from pyoxigraph import NamedNode

from kg.description import Description, Index
from kg.errors import NotAcceptable, StoreError
from kg.formats import GRAPH_FORMATS, RESULT_FORMATS, TSV, TURTLE, Format, find_format
from kg.store.base import Limits, Query
from kg.vocab import COMMENT, RDFS, SH
from webapp import current
from webapp.errors import find_status
from webapp.links import english
from webapp.negotiation import HTML, negotiate
from webapp.protocol import ProtocolError, SparqlRequest, parse_request
from webapp.responses import add_cache_headers, make_etag, match_etag, send_answer
from webapp.service_description import describe_service
from webapp.tables import GraphText, Table, read_graph, read_table
from webapp.views.documents import names, reader

blueprint = Blueprint("sparql", __name__)

_METHODS = "GET, HEAD, POST, OPTIONS"
_CHANGING = re.compile(r"\b(now|rand|uuid|struuid|bnode)\s*\(", re.IGNORECASE)
EXAMPLE = """SELECT ?thing ?name WHERE {
  ?thing <http://www.w3.org/2004/02/skos/core#prefLabel> ?name
} LIMIT 25"""


@blueprint.route("/sparql", methods=["GET", "POST", "OPTIONS"], provide_automatic_options=False)
def query() -> Response:
    """Answer a query operation (SPARQL 1.1 Protocol, section 2.1)."""
    if request.method == "OPTIONS":
        return _answer_preflight()
    asked = parse_request(
        request.method, request.query_string, request.headers.get("Content-Type", ""), request.get_data()
    )
    formats = _choose_formats(asked)
    if asked.text is None or (not asked.text.strip() and formats[:1] == (HTML,)):
        return _introduce(formats)
    etag = _make_etag(asked, formats)
    if etag and (unchanged := match_etag(etag)) is not None:
        return unchanged
    response = _show_page(asked) if formats[:1] == (HTML,) else _send_answer(asked, formats)
    return add_cache_headers(response, etag) if etag and response.status_code == 200 else response


def _answer_preflight() -> Response:
    headers = {
        "Allow": _METHODS,
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": "Accept, Content-Type, If-None-Match",
        "Access-Control-Max-Age": "86400",
    }
    return Response(status=204, headers=headers)


def _choose_formats(asked: SparqlRequest) -> tuple[Format, ...]:
    """Return all acceptable formats, the best first; a named one beats the Accept header."""
    known = (*RESULT_FORMATS, *GRAPH_FORMATS, HTML)
    if not asked.format_name:
        return negotiate(request.headers.get("Accept"), known)
    found = tuple(
        dict.fromkeys(
            fmt
            for group in (RESULT_FORMATS, GRAPH_FORMATS, (HTML,))
            if (fmt := find_format(asked.format_name, group)) is not None
        )
    )
    if not found:
        offers = ", ".join(fmt.name for fmt in known)
        raise ProtocolError(406, f"There is no format {asked.format_name!r}; there are {offers}.")
    return found


def _to_query(asked: SparqlRequest, formats: tuple[Format, ...]) -> Query:
    settings = current.settings()
    deadline_s = min(asked.timeout_s or settings.query_timeout_s, settings.query_timeout_s)
    return Query(
        asked.text or "",
        asked.dataset,
        tuple(fmt for fmt in formats if fmt in RESULT_FORMATS),
        tuple(fmt for fmt in formats if fmt in GRAPH_FORMATS),
        Limits(deadline_s, settings.max_result_bytes),
    )


def _send_answer(asked: SparqlRequest, formats: tuple[Format, ...]) -> Response:
    return send_answer(current.context().store.query(_to_query(asked, formats)))


def _make_etag(asked: SparqlRequest, formats: tuple[Format, ...]) -> str:
    """Return the tag of an answer, known before it is; empty where the same query may answer otherwise."""
    if request.method == "POST" or _CHANGING.search(asked.text or ""):
        return ""
    dataset = (*asked.dataset.default_graphs, "", *asked.dataset.named_graphs)
    wanted = ",".join(fmt.name for fmt in formats)
    return make_etag(current.context().release.id, asked.text or "", wanted, *dataset)


def _introduce(formats: tuple[Format, ...]) -> Response:
    """Describe the service to programs, and offer a form to readers."""
    context = current.context()
    acceptable = [fmt for fmt in formats if fmt is HTML or fmt in GRAPH_FORMATS]
    if not acceptable:
        raise NotAcceptable("The service description can be had as RDF or HTML.", "Or send a query.")
    fmt = acceptable[0]
    etag = make_etag(context.release.id, "introduction", fmt.name)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    if fmt is HTML:
        page = render_template("sparql.html", text=EXAMPLE, examples=_list_examples())
        return add_cache_headers(Response(page, content_type=HTML.content_type), etag)
    endpoint = context.release.manifest.base_iri.rstrip("/") + url_for("sparql.query")
    body = describe_service(endpoint, context.release.manifest.quads, current.settings(), fmt)
    return add_cache_headers(Response(body, content_type=fmt.content_type), etag)


def _list_examples() -> list[dict[str, str]]:
    """Return the example queries of the release, by title."""
    index = Index(Description(iri=names().ontology, own=reader().list_examples()), names())
    examples = [
        {
            "title": english(index.values(query, RDFS("label"))),
            "description": english(index.values(query, COMMENT)),
            "text": index.text(query, SH("select")),
        }
        for query in map(NamedNode, index.subjects)
    ]
    return sorted(examples, key=lambda example: example["title"])


def _show_page(asked: SparqlRequest) -> Response:
    """Show the beginning of a result under the form; an error too, with the status that it has."""
    context = current.context()
    try:
        answer = context.store.query(_to_query(asked, (TSV, TURTLE)))
    except StoreError as error:
        page = render_template("sparql.html", text=asked.text, error=error)
        return Response(page, status=find_status(error), content_type=HTML.content_type)
    try:
        shown: dict[str, Table | GraphText]
        if answer.format == TSV:
            shown = {"table": read_table(answer, context.release.manifest.base_iri)}
        else:
            shown = {"graph": read_graph(answer)}
    finally:
        answer.close()
    page = render_template("sparql.html", text=asked.text, **shown)
    return Response(page, content_type=HTML.content_type)

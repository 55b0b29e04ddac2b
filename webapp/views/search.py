"""Search: results with why each matched, suggestions while someone types, and what browsers ask for."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, request, url_for
from werkzeug.exceptions import BadRequest

from kg.formats import Format
from kg.search.index import MAX_RESULTS, Found
from kg.vocab import expand, shorten
from webapp import current
from webapp.links import Shown
from webapp.negotiation import HTML
from webapp.pages.results import Result, ResultMaker, quote_to_json, result_to_json
from webapp.responses import add_cache_headers, make_etag, match_etag
from webapp.templating import render
from webapp.views.documents import choose_format, linker, names, tag_document

blueprint = Blueprint("search", __name__)

JSON = Format("json", "application/json", "json")
SUGGESTIONS = Format("opensearch", "application/x-suggestions+json", "json")

OPENSEARCH_DESCRIPTION = "application/opensearchdescription+xml"

RESULTS_SHOWN = 20
QUOTES_BESIDE = 5
"""Quotes under the first page of names; all of them have a page of their own."""

SUGGESTIONS_SHOWN = 10
MAX_SUGGESTIONS = 50
NAMES_LOOKED_AT = 200
"""Names that a suggestion is chosen from; more would cost time and not be seen."""


@blueprint.get("/search")
def show_results() -> Response:
    """Show what has the words that were asked for: things by name, or with ``in=quotes`` by quote."""
    fmt = choose_format((HTML, JSON))
    etag = tag_answer(fmt)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    text = request.args.get("q", "")
    answer = _find(text, read_number("page", 1, MAX_RESULTS // RESULTS_SHOWN))
    if fmt == JSON:
        return add_cache_headers(send_json(_to_json(answer)), etag)
    body = render("search.html", **answer, filters=_list_filters(text))
    return add_cache_headers(Response(body, content_type=HTML.content_type), etag)


def _find(text: str, page: int) -> dict[str, Any]:
    index, maker = current.context().search, result_maker()
    skip, in_quotes = (page - 1) * RESULTS_SHOWN, request.args.get("in") == "quotes"
    things = Found((), 0) if in_quotes else index.find_names(text, read_types(), RESULTS_SHOWN, skip)
    beside = QUOTES_BESIDE if page == 1 else 0
    quotes = index.find_quotes(text, RESULTS_SHOWN, skip) if in_quotes else index.find_quotes(text, beside)
    listed = quotes if in_quotes else things
    return {
        "query": text,
        "total": listed.total,
        "more": listed.more,
        "partial": listed.partial,
        "page": page,
        "first": skip + 1,
        "pages": -(-listed.total // RESULTS_SHOWN),
        "results": [maker.make_result(hit) for hit in things.hits],
        "quotes_total": quotes.total,
        "quotes": [maker.make_quote(hit) for hit in quotes.hits],
    }


def _to_json(answer: dict[str, Any]) -> dict[str, Any]:
    results = [result_to_json(result) for result in answer["results"]]
    return {**answer, "results": results, "quotes": [quote_to_json(quote) for quote in answer["quotes"]]}


def _list_filters(text: str) -> list[dict[str, Any]]:
    """Return links that narrow the results to one type, with how many there are."""
    index, maker = current.context().search, result_maker()
    counts = index.count_types(text)
    classes = index.find_things(iri for iri, _ in counts)
    return [
        {
            "name": maker.show(classes[iri]) if iri in classes else Shown(shorten(iri, names())),
            "count": count,
            "href": url_for("search.show_results", q=text, type=shorten(iri, names())),
            "chosen": iri in read_types(),
        }
        for iri, count in counts
    ]


@blueprint.get("/search/suggest")
def suggest() -> Response:
    """Complete what is being typed to names of things, the best first.

    As JSON, or in the format of OpenSearch Suggestions 1.1 that browsers know.
    """
    fmt = choose_format((JSON, SUGGESTIONS))
    text, limit = request.args.get("q", ""), read_number("limit", SUGGESTIONS_SHOWN, MAX_SUGGESTIONS)
    etag = tag_answer(fmt)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    found = current.context().search.find_names(text, read_types(), limit, look_at=NAMES_LOOKED_AT)
    maker = result_maker()
    results = [maker.make_result(hit) for hit in found.hits]
    body: Any
    if fmt == SUGGESTIONS:
        body = _to_opensearch(text, results)
    else:
        more = url_for("search.show_results", q=text)
        body = {"query": text, "suggestions": [result_to_json(r) for r in results], "href": more}
    return add_cache_headers(send_json(body, fmt), etag)


@blueprint.get("/opensearch.xml")
def describe_search() -> Response:
    """Tell browsers how to search here (OpenSearch 1.1, draft 6, "OpenSearch description document")."""
    body = render(
        "opensearch.xml",
        results=url_for("search.show_results", _external=True),
        suggestions=url_for("search.suggest", _external=True),
    )
    etag = make_etag(body)  # it names the address at which this site is reached
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    return add_cache_headers(Response(body, content_type=OPENSEARCH_DESCRIPTION), etag)


def tag_answer(fmt: Format) -> str:
    """Return the entity tag of an answer that depends on all parameters and on the reader's language."""
    return tag_document(f"{current.interface().language.code} {request.full_path}", fmt)


def result_maker() -> ResultMaker:
    """Return what shows things in the reader's language."""
    return ResultMaker(current.context().search, linker())


def read_types() -> tuple[str, ...]:
    """Return the IRIs of the classes that ``type=`` names, prefixed or whole."""
    return tuple(expand(name, names()) for name in request.args.getlist("type") if name)


def read_number(name: str, default: int, maximum: int) -> int:
    """Return a parameter that is a whole number from 1.

    Raises
    ------
    BadRequest: it is another thing; beyond the maximum it is the maximum.
    """
    given = request.args.get(name, "")
    if not given:
        return default
    if not given.isascii() or not given.isdigit() or len(given) > 9 or int(given) < 1:
        raise BadRequest(f"{name}={given[:20]!r} is not a whole number from 1 to {maximum}.")
    return min(int(given), maximum)


def send_json(body: Any, fmt: Format = JSON) -> Response:
    """Return a value as JSON, as it is and not in ASCII."""
    return Response(json.dumps(body, ensure_ascii=False), content_type=fmt.media_type)


def _to_opensearch(text: str, results: list[Result]) -> list[Any]:
    descriptions = [", ".join(kind.label for kind in result.types) for result in results]
    root = request.host_url.rstrip("/")
    return [text, [r.text for r in results], descriptions, [root + r.name.href for r in results]]

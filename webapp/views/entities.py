"""Things: 303 from ``/id/<slug>`` to a page or to data; facts and evidence at their own addresses.

Source: Cool URIs for the Semantic Web, section 4.3 (303 URIs forwarding to different documents).
"""

from __future__ import annotations

import re

from flask import Blueprint, Response, redirect, request, url_for
from pyoxigraph import NamedNode, Triple
from werkzeug.exceptions import BadRequest, NotFound

from kg.description import Description
from kg.description_index import Index
from kg.formats import DOCUMENT_FORMATS
from kg.vocab import AXIOM, TYPE, named
from webapp import current
from webapp.negotiation import HTML
from webapp.responses import add_cache_headers, match_etag
from webapp.templating import render
from webapp.views.documents import (
    Download,
    choose_format,
    linker,
    list_data,
    list_formats,
    names,
    reader,
    require,
    respond,
    respond_at_own_address,
    tag_document,
)
from webapp.views.graphs import respond_graph

blueprint = Blueprint("entities", __name__)

ENTITIES_SHOWN = 1000
"""Shared entities on the page that lists them; the data has all."""


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
    for link in (_link_page(slug), *list_data(slug)):
        response.headers.add("Link", f'<{link.href}>; rel="describedby"; type="{link.media_type}"')
    return response  # type: ignore[return-value]


@blueprint.get("/page/<slug>")
def show_page(slug: str) -> Response:
    """Show a thing to people."""
    return respond(names().thing(slug), HTML, list_data(slug))


@blueprint.get("/page/<slug>/links")
def list_links(slug: str) -> Response:
    """List what points at a thing by one relation, a page at a time; ``after`` is the last IRI seen."""
    relation, after = _read_relation(), request.args.get("after", "")
    etag = tag_document(f"links {slug} {relation.value} {after}", HTML)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    iri = names().thing(slug)
    found = reader().list_incoming(iri, relation, after, current.settings().incoming_links)
    if not found.known:
        raise NotFound(f"Nothing points at {iri.value} by {relation.value}.")
    labels = (*found.labels, *reader().read_labels([iri, relation]))
    index = Index(Description(iri=iri, own=(*found.triples, *labels)), names())
    page = render(
        "links.html",
        thing=linker().show(iri, index),
        relation=linker().show(relation, index),
        things=[linker().show(named(triple.subject), index) for triple in found.triples],
        known=found.known,
        cut=found.cut,
        next_href=_link_next(slug, relation, named(found.triples[-1].subject)) if found.more else "",
        first_href=url_for("entities.list_links", slug=slug, relation=relation.value) if after else "",
    )
    return add_cache_headers(Response(page, content_type=HTML.content_type), etag)


def _read_relation() -> NamedNode:
    given = request.args.get("relation", "")
    try:
        if re.search(r'[<>"{}|\\^`\s]', given):
            raise ValueError
        return NamedNode(given)
    except ValueError:
        raise BadRequest(f"relation={given!r} is not an IRI. Give the IRI of a relation.") from None


def _link_next(slug: str, relation: NamedNode, last: NamedNode) -> str:
    return url_for("entities.list_links", slug=slug, relation=relation.value, after=last.value)


@blueprint.get("/data/<slug>.<extension>")
def get_data(slug: str, extension: str) -> Response:
    """Give the data of a thing; the extension decides, whatever ``Accept`` says."""
    fmt = next((f for f in DOCUMENT_FORMATS if f.extension == extension), None)
    if fmt is None:
        known = ", ".join(f.extension for f in DOCUMENT_FORMATS)
        raise NotFound(f"There is no data with the extension {extension!r}; there is {known}.")
    others = [link for link in (_link_page(slug), *list_data(slug)) if link.media_type != fmt.media_type]
    return respond(names().thing(slug), fmt, others)


def _link_page(slug: str) -> Download:
    return Download(url_for("entities.show_page", slug=slug), HTML.media_type, "HTML")


@blueprint.get("/entities")
def show_entities() -> Response:
    """List the shared entities to people, or give their named graph as data."""
    return respond_graph(names().entities, _render_list)


def _render_list(triples: list[Triple]) -> str:
    things = [named(t.subject) for t in triples if t.predicate == TYPE and t.object != AXIOM]
    declared = [thing for thing in dict.fromkeys(things) if thing.value.startswith(names().thing("").value)]
    shown = declared[:ENTITIES_SHOWN]
    index = Index(Description(iri=names().entities, own=reader().read_labels(shown)), names())
    links = sorted((linker().show(thing, index) for thing in shown), key=lambda link: link.label.casefold())
    return render(
        "entities.html",
        iri=names().entities.value,
        things=links,
        total=len(declared),
        downloads=list_formats(request.path),
    )


@blueprint.get("/evidence/<name>")
def describe_evidence(name: str) -> Response:
    """Describe one evidence record."""
    return respond_at_own_address(names().under("evidence", name))


@blueprint.get("/fact/<name>")
def describe_fact(name: str) -> Response:
    """Describe the axiom of one simple relation."""
    return respond_at_own_address(names().under("fact", name))

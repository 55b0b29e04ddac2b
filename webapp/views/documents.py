"""Descriptions as documents: the same triples as data, and a page made from them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

from flask import Response, render_template, request, url_for
from pyoxigraph import NamedNode, Triple, serialize
from werkzeug.exceptions import NotFound

from kg.description import Description, Reader
from kg.errors import NotAcceptable
from kg.formats import GRAPH_FORMATS, N_TRIPLES, Format, find_format, to_rdf_format
from kg.store.base import Limits
from kg.vocab import Names
from webapp import current
from webapp.links import Linker
from webapp.negotiation import HTML, negotiate
from webapp.pages import PageMaker
from webapp.responses import add_cache_headers, make_etag, match_etag

OFFERS = (HTML, *GRAPH_FORMATS)
"""Formats of a document; a client that takes anything gets the page."""

TITLES = {"turtle": "Turtle", "ntriples": "N-Triples", "jsonld": "JSON-LD", "rdfxml": "RDF/XML"}


@dataclass(frozen=True, slots=True)
class Download:
    """A link to the same document in another format."""

    href: str
    media_type: str
    title: str


def names() -> Names:
    """Return the names of the release of this request."""
    return Names(current.context().release.manifest.base_iri)


def linker() -> Linker:
    """Return what makes links on this site, wherever it is mounted."""
    return Linker(names(), request.script_root + "/")


def reader() -> Reader:
    """Return what describes things of the release of this request."""
    settings = current.settings()
    limits = Limits(settings.query_timeout_s, settings.max_result_bytes)
    return Reader(current.context().store, names(), limits)


def read_text(slug: str) -> str:
    """Return the captured text of an article, or nothing where it is not published."""
    release = current.context().release
    article = next((a for a in release.manifest.articles if a.slug == slug), None)
    if article is None or not article.full_text:
        return ""
    return release.text_path(slug).read_bytes().decode()


def serialize_triples(triples: Iterable[Triple], fmt: Format) -> bytes:
    """Serialise triples in the order given, with the prefixes of the release."""
    out = io.BytesIO()
    prefixes = None if fmt == N_TRIPLES else names().prefixes
    serialize(triples, out, format=to_rdf_format(fmt), prefixes=prefixes)
    return out.getvalue()


def tag_document(key: str, fmt: Format) -> str:
    """Return the entity tag of a document: release, address, format, and where the site is mounted."""
    return make_etag(current.context().release.id, key, fmt.name, request.script_root)


def choose_format(offers: tuple[Format, ...] = OFFERS) -> Format:
    """Return the wanted format: ``format=`` beats ``Accept``.

    Raises
    ------
    NotAcceptable: none of the formats that there are is wanted.
    """
    named = request.args.get("format")
    chosen = [find_format(named, offers)] if named else negotiate(request.headers.get("Accept"), offers)
    for fmt in chosen:
        if fmt is not None:
            return fmt
    raise NotAcceptable(f"This can be had as {', '.join(offer.media_type for offer in offers)}.")


def read_description(iri: NamedNode) -> Description:
    """Return the description of an IRI.

    Raises
    ------
    NotFound: nothing is said about it.
    """
    require(iri)
    return reader().describe(iri, current.settings().incoming_links)


def require(iri: NamedNode) -> None:
    """Go on only if something is said about an IRI.

    Raises
    ------
    NotFound: nothing is.
    """
    if not reader().knows(iri):
        raise NotFound(f"Nothing is known about {iri.value} in release {current.context().release.id}.")


def respond(iri: NamedNode, fmt: Format, downloads: list[Download]) -> Response:
    """Answer with the description of an IRI in a format."""
    etag = tag_document(iri.value, fmt)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    description = read_description(iri)
    if fmt == HTML:
        body: str | bytes = render_page(description, downloads)
    else:
        body = serialize_triples(description.triples, fmt)
    response = Response(body, content_type=fmt.content_type)
    for link in downloads:
        response.headers.add("Link", f'<{link.href}>; rel="alternate"; type="{link.media_type}"')
    return add_cache_headers(response, etag)


def render_page(description: Description, downloads: list[Download]) -> str:
    """Return the page of a description."""
    manifest = current.context().release.manifest
    articles = {article.slug: article for article in manifest.articles}
    maker = PageMaker(names(), linker(), articles, read_text)
    return render_template("entity.html", page=maker.make(description), downloads=downloads)


def respond_at_own_address(iri: NamedNode) -> Response:
    """Answer for an information resource, whose IRI is the address of its document."""
    return respond(iri, choose_format(), list_formats(request.path))


def list_formats(path: str) -> list[Download]:
    """Return links to a document in all data formats, by ``format=``."""
    root = request.script_root
    return [Download(f"{root}{path}?format={f.name}", f.media_type, TITLES[f.name]) for f in GRAPH_FORMATS]


def list_data(slug: str) -> list[Download]:
    """Return links to the data of a thing, by extension."""
    return [
        Download(url_for("entities.get_data", slug=slug, extension=f.extension), f.media_type, TITLES[f.name])
        for f in GRAPH_FORMATS
    ]

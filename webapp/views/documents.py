"""Descriptions as documents: the same triples as data, and a page made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flask import Response, request, url_for
from pyoxigraph import NamedNode
from werkzeug.exceptions import NotFound
from werkzeug.urls import iri_to_uri

from kg.description import Description, Reader, query_incoming
from kg.description_index import Index
from kg.errors import NotAcceptable
from kg.formats import DOCUMENT_FORMATS, JSON, QUAD_FORMATS, Format, find_format
from kg.release.layout import load_context
from kg.serialization import Statements, serialize_lines, serialize_statements
from kg.store.base import Limits
from kg.vocab import Names
from webapp import current
from webapp.addresses import make_address
from webapp.digests import digest_program
from webapp.links import Linker
from webapp.negotiation import HTML, negotiate
from webapp.pages.entity import EntityMaker
from webapp.pages.evidence import EvidenceMaker
from webapp.pages.structured_data import describe_thing
from webapp.responses import add_cache_headers, make_etag, match_etag
from webapp.templating import render

PLAIN_JSON = Format("json", "application/json", "json", JSON.aliases)
"""JSON of our own, for programs that do not want RDF."""

OFFERS = (HTML, *DOCUMENT_FORMATS)
"""Formats of a document; a client that takes anything gets the page."""

TITLES = {
    "turtle": "Turtle",
    "ntriples": "N-Triples",
    "jsonld": "JSON-LD",
    "rdfxml": "RDF/XML",
    "trig": "TriG",
    "nquads": "N-Quads",
}


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
    return Linker(names(), request.script_root + "/", current.interface().language.fallback)


def evidence_maker() -> EvidenceMaker:
    """Return what shows evidence of the release of this request."""
    context = current.context()
    return EvidenceMaker(
        names(),
        linker(),
        current.interface(),
        context.release.manifest,
        current.settings().title,
        context.articles,
        context.read_text,
    )


def reader() -> Reader:
    """Return what describes things of the release of this request."""
    settings = current.settings()
    limits = Limits(settings.query_timeout_s, settings.max_result_bytes)
    context = current.context()
    return Reader(context.store, names(), limits, context.links, context.lookups)


def write(
    statements: Statements, fmt: Format, more_prefixes: Mapping[str, str] = MappingProxyType({})
) -> bytes:
    """Serialise statements in the order given, with the prefixes and the context of the release."""
    context = load_context(current.context().release.context_path)
    return serialize_statements(statements, fmt, {**names().prefixes, **more_prefixes}, context)


def write_description(description: Description, fmt: Format) -> bytes:
    """Serialise a description; formats of quads say which graph each triple is in."""
    if fmt in QUAD_FORMATS:
        return write(reader().find_graphs(description.triples), fmt)
    context = load_context(current.context().release.context_path)
    return serialize_lines(description.lines, fmt, names().prefixes, context)


def tag_document(key: str, fmt: Format) -> str:
    """Return the entity tag of a document: release, address, format, and where the site is mounted.

    Of a page also its language, and the program that made it.
    """
    made = (current.interface().language.code, digest_program()) if fmt == HTML else ()
    return make_etag(current.context().release.id, key, fmt.name, request.script_root, *made)


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
    NotFound: nothing is said about it, or with it.
    """
    description = reader().describe(iri, current.settings().incoming_links)
    if not (description.own or description.incoming):
        raise _make_not_found(iri)
    return description


def require(iri: NamedNode) -> None:
    """Go on only if something is said about an IRI, or with it.

    Raises
    ------
    NotFound: nothing is.
    """
    if not reader().knows(iri):
        raise _make_not_found(iri)


def _make_not_found(iri: NamedNode) -> NotFound:
    return NotFound(f"Nothing is known about {iri.value} in release {current.context().release.id}.")


def respond(iri: NamedNode, fmt: Format, downloads: list[Download]) -> Response:
    """Answer with the description of an IRI in a format."""
    etag = tag_document(iri.value, fmt)
    if (unchanged := match_etag(etag)) is not None:
        return add_links(unchanged, iri, downloads)
    description = read_description(iri)
    if fmt == HTML:
        body: str | bytes = render_page(description, downloads)
    else:
        body = write_description(description, fmt)
    response = add_links(Response(body, content_type=fmt.content_type), iri, downloads)
    if description.more_incoming:
        rest = url_for("sparql.query", query=query_incoming(iri))
        response.headers.add("Link", f'<{rest}>; rel="related"; title="all links to it"')
    return add_cache_headers(response, etag)


def add_links(response: Response, iri: NamedNode, downloads: list[Download]) -> Response:
    """Say what a document describes, where else it can be had, and on which terms (RFC 8288, RFC 6892)."""
    links = [f'<{link.href}>; rel="alternate"; type="{link.media_type}"' for link in downloads]
    links.append(f'<{iri_to_uri(iri.value)}>; rel="describes"')
    links.append(f'<{make_address("dataset.describe_dataset")}>; rel="describedby"')
    licence = current.context().release.manifest.licence
    links += [f'<{licence}>; rel="license"'] if licence else []
    for link in links:
        response.headers.add("Link", link)
    return response


def render_page(description: Description, downloads: list[Download]) -> str:
    """Return the page of a description."""
    maker = EntityMaker(names(), linker(), current.interface(), evidence_maker())
    index = Index(description, names())
    more = {"slug": find_slug(description.iri), "incoming_query": query_incoming(description.iri)}
    return render(
        "entity.html",
        page=maker.make(index),
        structured_data=describe_thing(index),
        downloads=downloads,
        **more,
    )


def find_slug(iri: NamedNode) -> str:
    """Return the slug of a thing; nothing for what is none, such as an evidence record."""
    thing = names().thing("").value
    return iri.value.removeprefix(thing) if iri.value.startswith(thing) else ""


def respond_at_own_address(iri: NamedNode) -> Response:
    """Answer for an information resource, whose IRI is the address of its document."""
    return respond(iri, choose_format(), list_formats(request.path))


def list_formats(path: str) -> list[Download]:
    """Return links to a document in all data formats, by ``format=``."""
    root = request.script_root
    return [Download(f"{root}{path}?format={f.name}", f.media_type, TITLES[f.name]) for f in DOCUMENT_FORMATS]


def list_data(slug: str) -> list[Download]:
    """Return links to the data of a thing, by extension."""
    stem = url_for("entities.get_data", slug=slug, extension="_").removesuffix("_")
    return [Download(stem + f.extension, f.media_type, TITLES[f.name]) for f in DOCUMENT_FORMATS]

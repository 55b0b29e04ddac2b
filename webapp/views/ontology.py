"""The vocabulary: a page for people, its graph for programs, its shapes, its context and its versions."""

from __future__ import annotations

from flask import Blueprint, Response, request
from pyoxigraph import NamedNode, RdfFormat, Triple, parse, serialize
from werkzeug.exceptions import NotFound

from kg.description import Description
from kg.description_index import Index
from kg.formats import JSON_LD, N_TRIPLES, RDF_XML, TURTLE, to_rdf_format
from kg.ontology import read_ontology
from webapp import current
from webapp.pages.vocabulary import VocabularyPageMaker, read_usages
from webapp.responses import add_cache_headers, make_etag, match_etag
from webapp.templating import render
from webapp.views.documents import (
    add_links,
    choose_format,
    linker,
    list_formats,
    names,
    reader,
    respond_at_own_address,
    tag_document,
)
from webapp.views.graphs import read_graph, respond_graph

blueprint = Blueprint("ontology", __name__)

SHAPES_FORMATS = (TURTLE, N_TRIPLES, RDF_XML)
"""Formats of the shapes; they have blank nodes, and JSON-LD would need names for them."""


@blueprint.get("/ontology")
def show_ontology() -> Response:
    """Show the vocabulary to people, or give it as data."""
    return respond_graph(names().ontology, _render)


@blueprint.get("/ontology/<version>")
def show_version(version: str) -> Response:
    """Show the vocabulary at the IRI of its current version (OWL 2, section 3.1)."""
    ontology = read_ontology(read_graph(names().ontology), (), names())
    if ontology.version_iri != NamedNode(f"{names().ontology.value}/{version}"):
        known = ontology.version_iri.value if ontology.version_iri else "none"
        raise NotFound(f"There is no version {version!r} of the vocabulary here; the current one is {known}.")
    return show_ontology()


@blueprint.get("/ontology/context.jsonld")
def get_context() -> Response:
    """Give the JSON-LD context that documents are compacted with; they embed it, so nobody has to ask."""
    release = current.context().release
    etag = make_etag(release.id, "context")
    response = match_etag(etag)
    if response is None:
        response = Response(release.context_path.read_bytes(), content_type=JSON_LD.content_type)
    return add_cache_headers(response, etag)


@blueprint.get("/ontology/shapes")
def get_shapes() -> Response:
    """Give the SHACL shapes; as Turtle, with their comments."""
    fmt = choose_format(SHAPES_FORMATS)
    iri = NamedNode(f"{names().ontology.value}/shapes")
    etag = tag_document(iri.value, fmt)
    response = match_etag(etag)
    if response is None:
        content = _read_file("shapes.ttl")
        if fmt != TURTLE:
            triples = (quad.triple for quad in parse(content, format=RdfFormat.TURTLE))
            content = serialize(triples, format=to_rdf_format(fmt)) or b""
        response = Response(content, content_type=fmt.content_type)
    others = [
        link
        for link in list_formats(request.path)
        if link.media_type in {f.media_type for f in SHAPES_FORMATS}
    ]
    return add_links(add_cache_headers(response, etag), iri, others)


@blueprint.get("/ontology/query/<name>")
def describe_query(name: str) -> Response:
    """Describe one example query."""
    return respond_at_own_address(names().query(name))


def _render(triples: list[Triple]) -> str:
    shapes = [quad.triple for quad in parse(_read_file("shapes.ttl"), format=RdfFormat.TURTLE)]
    described = [quad.triple for quad in parse(_read_file("void.ttl"), format=RdfFormat.TURTLE)]
    usages = read_usages(described)
    labels = reader().read_labels(dict.fromkeys(usage.example for usage in usages.values()))
    index = Index(Description(iri=names().ontology, own=labels), names())
    maker = VocabularyPageMaker(
        read_ontology(triples, shapes, names()),
        names(),
        linker(),
        usages,
        lambda thing: linker().show(thing, index),
        current.interface().gettext,
    )
    return render(
        "ontology.html", page=maker.make(), anchor=maker.anchor, downloads=list_formats("/ontology")
    )


def _read_file(name: str) -> bytes:
    return (current.context().release.path / name).read_bytes()

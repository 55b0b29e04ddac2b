"""The vocabulary and the shared entities: their named graphs as documents, and a page of all terms."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import IO, cast

from flask import Blueprint, Response, render_template
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse
from werkzeug.exceptions import NotFound

from kg.description import Description, Index
from kg.formats import GRAPH_FORMATS
from kg.vocab import COMMENT, OWL, SKOS, TYPE, named
from webapp import current
from webapp.links import Shown, pick_label, shorten
from webapp.negotiation import HTML
from webapp.responses import add_cache_headers, match_etag
from webapp.views.documents import (
    choose_format,
    list_formats,
    names,
    respond_at_own_address,
    serialize_triples,
    tag_document,
)

blueprint = Blueprint("ontology", __name__)

KINDS = (
    ("Classes", OWL("Class")),
    ("Relations", OWL("ObjectProperty")),
    ("Data properties", OWL("DatatypeProperty")),
    ("Annotations", OWL("AnnotationProperty")),
    ("Concept schemes", SKOS("ConceptScheme")),
    ("Concepts", SKOS("Concept")),
)


@dataclass(frozen=True, slots=True)
class Term:
    """A term as the page shows it; ``anchor`` is the fragment of an own term."""

    anchor: str
    name: str
    label: str
    other_names: tuple[Shown, ...]
    definitions: tuple[Shown, ...]


@blueprint.get("/ontology")
def show_ontology() -> Response:
    """Show the vocabulary to people, or give it as data."""
    return _respond_graph(names().ontology, with_page=True)


@blueprint.get("/entities")
def get_entities() -> Response:
    """Give the named graph of the shared entities."""
    return _respond_graph(names().entities, with_page=False)


@blueprint.get("/ontology/query/<name>")
def describe_query(name: str) -> Response:
    """Describe one example query."""
    return respond_at_own_address(names().query(name))


def _respond_graph(graph: NamedNode, with_page: bool) -> Response:
    fmt = choose_format((HTML, *GRAPH_FORMATS) if with_page else GRAPH_FORMATS)
    etag = tag_document(graph.value, fmt)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    triples = _read_dump(graph)
    body = _render(triples) if fmt == HTML else serialize_triples(triples, fmt)
    return add_cache_headers(Response(body, content_type=fmt.content_type), etag)


def _read_dump(graph: NamedNode) -> list[Triple]:
    # Both graphs are small and read whole, so their dump does, and no query has to be run.
    release = current.context().release
    dump = next((d for d in release.manifest.dumps if d.graph == graph.value), None)
    if dump is None:
        raise NotFound(f"This release has no graph {graph.value}.")
    with gzip.open(release.dumps_path / dump.name) as file:
        return [quad.triple for quad in parse(cast(IO[bytes], file), format=RdfFormat.TURTLE)]


def _render(triples: list[Triple]) -> bytes:
    index = Index(Description(iri=names().ontology, own=tuple(triples)), names())
    groups = []
    for title, kind in KINDS:
        found = {
            named(triple.subject) for triple in triples if triple.predicate == TYPE and triple.object == kind
        }
        terms = sorted((_show(term, index) for term in found), key=lambda t: (not t.anchor, t.name))
        if terms:
            groups.append({"title": title, "terms": terms})
    return render_template("ontology.html", groups=groups, downloads=list_formats("/ontology")).encode()


def _show(term: NamedNode, index: Index) -> Term:
    own = names().term("").value
    labels = index.labels(term)
    chosen = pick_label(labels)
    return Term(
        anchor=term.value.removeprefix(own) if term.value.startswith(own) else "",
        name=shorten(term.value, names()),
        label=chosen.value if chosen else "",
        other_names=tuple(Shown(x.value, x.language or "") for x in labels if x != chosen),
        definitions=tuple(
            Shown(x.value, x.language or "")
            for x in (*index.values(term, SKOS("definition")), *index.values(term, COMMENT))
            if isinstance(x, Literal)
        ),
    )

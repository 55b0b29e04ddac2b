"""The vocabulary: its named graph as a document, and a page of all terms."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, render_template
from pyoxigraph import Literal, NamedNode, Triple

from kg.description import Description, Index
from kg.formats import JSON_LD
from kg.vocab import COMMENT, OWL, SKOS, TYPE, named, shorten
from webapp import current
from webapp.languages import N_
from webapp.links import Shown, pick_label
from webapp.responses import add_cache_headers, make_etag, match_etag
from webapp.views.documents import list_formats, names, respond_at_own_address
from webapp.views.graphs import respond_graph

blueprint = Blueprint("ontology", __name__)

KINDS = (
    (N_("Classes"), OWL("Class")),
    (N_("Relations"), OWL("ObjectProperty")),
    (N_("Data properties"), OWL("DatatypeProperty")),
    (N_("Annotations"), OWL("AnnotationProperty")),
    (N_("Concept schemes"), SKOS("ConceptScheme")),
    (N_("Concepts"), SKOS("Concept")),
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
    return respond_graph(names().ontology, _render)


@blueprint.get("/ontology/context.jsonld")
def get_context() -> Response:
    """Give the JSON-LD context that documents are compacted with; they embed it, so nobody has to ask."""
    release = current.context().release
    etag = make_etag(release.id, "context")
    response = match_etag(etag)
    if response is None:
        response = Response(release.context_path.read_bytes(), content_type=JSON_LD.content_type)
    return add_cache_headers(response, etag)


@blueprint.get("/ontology/query/<name>")
def describe_query(name: str) -> Response:
    """Describe one example query."""
    return respond_at_own_address(names().query(name))


def _render(triples: list[Triple]) -> str:
    index = Index(Description(iri=names().ontology, own=tuple(triples)), names())
    groups = []
    for title, kind in KINDS:
        found = {
            named(triple.subject) for triple in triples if triple.predicate == TYPE and triple.object == kind
        }
        terms = sorted((_show(term, index) for term in found), key=lambda t: (not t.anchor, t.name))
        if terms:
            groups.append({"title": current.interface().gettext(title), "terms": terms})
    return render_template("ontology.html", groups=groups, downloads=list_formats("/ontology"))


def _show(term: NamedNode, index: Index) -> Term:
    own = names().term("").value
    labels = index.labels(term)
    chosen = pick_label(labels, current.interface().language.fallback)
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

"""What an editor of queries completes: prefixes, classes and properties of the release, as JSON."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from pyoxigraph import NamedNode

from kg.description import Description
from kg.description_index import Index
from kg.vocab import OWL, TYPE, named, shorten
from webapp import current
from webapp.responses import add_cache_headers, make_etag, match_etag
from webapp.views.documents import linker, names, reader

blueprint = Blueprint("terms", __name__)

MAX_TERMS = 5000

_CLASSES = (OWL("Class"),)
_PROPERTIES = (OWL("ObjectProperty"), OWL("DatatypeProperty"), OWL("AnnotationProperty"))


@blueprint.get("/sparql/terms")
def list_terms() -> Response:
    """List what the vocabulary declares; it declares every term that the data uses."""
    etag = make_etag(current.context().release.id, "terms", current.interface().language.code)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    response = jsonify(prefixes=names().prefixes, classes=_list(_CLASSES), properties=_list(_PROPERTIES))
    return add_cache_headers(response, etag)


def _list(kinds: tuple[NamedNode, ...]) -> list[dict[str, str]]:
    found = reader().list_instances(kinds, MAX_TERMS)
    index = Index(Description(iri=names().ontology, own=found), names())
    terms = dict.fromkeys(named(triple.subject) for triple in found if triple.predicate == TYPE)
    listed = [
        {"iri": term.value, "name": shorten(term.value, names()), "label": linker().show(term, index).label}
        for term in terms
    ]
    return sorted(listed, key=lambda term: term["name"])

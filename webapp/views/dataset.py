"""What the dataset is: VoID and DCAT, made with the release, in every format."""

from __future__ import annotations

from flask import Blueprint, Response
from pyoxigraph import NamedNode, RdfFormat, parse

from kg.formats import DOCUMENT_FORMATS, TURTLE
from kg.release.void import ADDRESS, PREFIXES
from webapp import current
from webapp.responses import add_cache_headers, match_etag
from webapp.views.documents import add_links, choose_format, list_formats, names, tag_document, write

blueprint = Blueprint("dataset", __name__)


@blueprint.get("/.well-known/void")
def describe_dataset() -> Response:
    """Describe the dataset (VoID, section 5.2: well-known URI)."""
    iri = NamedNode(names().base + ADDRESS)
    fmt = choose_format(DOCUMENT_FORMATS)
    etag = tag_document(iri.value, fmt)
    response = match_etag(etag)
    if response is None:
        content = (current.context().release.path / "void.ttl").read_bytes()
        if fmt != TURTLE:
            content = write([q.triple for q in parse(content, format=RdfFormat.TURTLE)], fmt, PREFIXES)
        response = Response(content, content_type=fmt.content_type)
    return add_links(add_cache_headers(response, etag), iri, list_formats("/" + ADDRESS))

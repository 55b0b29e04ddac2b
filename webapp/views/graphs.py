"""Named graphs as documents: read whole from their dump, so that no query has to be run."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import IO, cast

from flask import Response, request
from pyoxigraph import NamedNode, Quad, RdfFormat, Triple, parse
from werkzeug.exceptions import NotFound

from kg.formats import QUAD_FORMATS, TURTLE, Format
from webapp import current
from webapp.negotiation import HTML
from webapp.responses import add_cache_headers, match_etag
from webapp.views.documents import add_links, choose_format, list_formats, tag_document, write

Render = Callable[[list[Triple]], str]
"""Makes the page of a graph."""


def respond_graph(graph: NamedNode, render: Render) -> Response:
    """Answer with a named graph that is small enough to be read whole."""
    fmt = choose_format()
    etag = tag_document(graph.value, fmt)
    response = match_etag(etag)
    if response is None:
        response = Response(_write(graph, fmt, render), content_type=fmt.content_type)
    return add_links(add_cache_headers(response, etag), graph, list_formats(request.path))


def read_graph(graph: NamedNode) -> list[Triple]:
    """Return the triples of a named graph, sorted.

    Raises
    ------
    NotFound: the release has no such graph.
    """
    release = current.context().release
    dump = release.manifest.find_dump(TURTLE.name, graph.value)
    if dump is None:
        raise NotFound(f"This release has no graph {graph.value}.")
    with gzip.open(release.dumps_path / dump.name) as file:
        return [quad.triple for quad in parse(cast(IO[bytes], file), format=RdfFormat.TURTLE)]


def _write(graph: NamedNode, fmt: Format, render: Render) -> str | bytes:
    triples = read_graph(graph)
    if fmt == HTML:
        return render(triples)
    if fmt in QUAD_FORMATS:
        return write([Quad(t.subject, t.predicate, t.object, graph) for t in triples], fmt)
    return write(triples, fmt)

"""RDF and SPARQL result formats: name, media type and file extension in one place.

Sources: SPARQL 1.1 Query Results JSON, XML, CSV and TSV; RDF 1.1 Turtle, N-Triples, TriG, N-Quads,
RDF/XML; JSON-LD 1.1 (each section "Internet Media Type").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyoxigraph as ox


@dataclass(frozen=True, slots=True, eq=False)  # one object for each, so that to compare them costs nothing
class Format:
    """A serialisation: ``name`` as ``format=`` takes it, ``media_type`` as ``Accept`` names it.

    ``aliases`` are further names and media types that clients use for it: what SPARQLWrapper sends, and
    what Fuseki, Virtuoso and rdflib take.
    """

    name: str
    media_type: str
    extension: str
    aliases: tuple[str, ...] = ()

    @property
    def content_type(self) -> str:
        """The value of the ``Content-Type`` header.

        >>> CSV.content_type
        'text/csv; charset=utf-8'
        """
        return f"{self.media_type}; charset=utf-8" if self.media_type.startswith("text/") else self.media_type

    def __reduce__(self) -> tuple[Callable[..., Format], tuple[object, ...]]:
        """Let another process get its own object for the format, and no copy, which would equal none.

        >>> import pickle
        >>> pickle.loads(pickle.dumps(TURTLE)) is TURTLE
        True
        """
        return _restore, (self.name, self.media_type, self.extension, self.aliases)


def _restore(name: str, media_type: str, extension: str, aliases: tuple[str, ...]) -> Format:
    known = (fmt for fmt in (*RESULT_FORMATS, *DOCUMENT_FORMATS) if fmt.media_type == media_type)
    return next((fmt for fmt in known if fmt.name == name), Format(name, media_type, extension, aliases))


JSON = Format("json", "application/sparql-results+json", "srj", ("application/json",))
XML = Format("xml", "application/sparql-results+xml", "srx", ("application/xml", "text/xml"))
CSV = Format("csv", "text/csv", "csv")
TSV = Format("tsv", "text/tab-separated-values", "tsv", ("text",))

_N3 = ("n3", "text/n3", "text/rdf+n3", "application/n3")
TURTLE = Format("turtle", "text/turtle", "ttl", ("application/turtle", "application/x-turtle", *_N3))
N_TRIPLES = Format("ntriples", "application/n-triples", "nt", ("n-triples", "text/plain", "text"))
JSON_LD = Format(
    "jsonld",
    "application/ld+json",
    "jsonld",
    ("json-ld", "application/x-json+ld", "json", "application/json"),
)
RDF_XML = Format(
    "rdfxml", "application/rdf+xml", "rdf", ("rdf", "rdf+xml", "xml", "application/xml", "text/xml")
)
TRIG = Format("trig", "application/trig", "trig")
N_QUADS = Format("nquads", "application/n-quads", "nq", ("nq", "n-quads"))

RESULT_FORMATS: tuple[Format, ...] = (JSON, XML, CSV, TSV)
"""Formats of SELECT and ASK answers, the preferred one first."""

GRAPH_FORMATS: tuple[Format, ...] = (TURTLE, N_TRIPLES, JSON_LD, RDF_XML)
"""Formats of CONSTRUCT and DESCRIBE answers, the preferred one first."""

QUAD_FORMATS: tuple[Format, ...] = (TRIG, N_QUADS)
"""Formats that say which named graph a triple is in."""

DOCUMENT_FORMATS: tuple[Format, ...] = (*GRAPH_FORMATS, *QUAD_FORMATS)
"""Formats of documents about things, the preferred one first."""

_OX_RDF = {
    TURTLE: ox.RdfFormat.TURTLE,
    N_TRIPLES: ox.RdfFormat.N_TRIPLES,
    JSON_LD: ox.RdfFormat.JSON_LD,
    RDF_XML: ox.RdfFormat.RDF_XML,
    TRIG: ox.RdfFormat.TRIG,
    N_QUADS: ox.RdfFormat.N_QUADS,
}
_OX_RESULTS = {
    JSON: ox.QueryResultsFormat.JSON,
    XML: ox.QueryResultsFormat.XML,
    CSV: ox.QueryResultsFormat.CSV,
    TSV: ox.QueryResultsFormat.TSV,
}


def to_rdf_format(fmt: Format) -> ox.RdfFormat:
    """Return pyoxigraph's counterpart of an RDF format."""
    return _OX_RDF[fmt]


def to_results_format(fmt: Format) -> ox.QueryResultsFormat:
    """Return pyoxigraph's counterpart of a SPARQL result format."""
    return _OX_RESULTS[fmt]


def find_format(name: str, among: tuple[Format, ...]) -> Format | None:
    """Return the format that a name, media type or extension means, or None.

    >>> find_format("ttl", GRAPH_FORMATS).name
    'turtle'
    """
    key = name.strip().lower()
    for fmt in among:
        if key in (fmt.name, fmt.media_type, fmt.extension):
            return fmt
    return next((fmt for fmt in among if key in fmt.aliases), None)

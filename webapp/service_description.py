"""What the endpoint says of itself (SPARQL 1.1 Service Description)."""

from __future__ import annotations

import pyoxigraph as ox

from kg.formats import GRAPH_FORMATS, RESULT_FORMATS, Format, to_rdf_format
from kg.settings import Settings

_SD = "http://www.w3.org/ns/sparql-service-description#"
_VOID = "http://rdfs.org/ns/void#"
_FORMATS = "http://www.w3.org/ns/formats/"
_RDF_TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
_COMMENT = ox.NamedNode("http://www.w3.org/2000/01/rdf-schema#comment")

_FORMAT_NAMES = {
    "json": "SPARQL_Results_JSON",
    "xml": "SPARQL_Results_XML",
    "csv": "SPARQL_Results_CSV",
    "tsv": "SPARQL_Results_TSV",
    "turtle": "Turtle",
    "ntriples": "N-Triples",
    "jsonld": "JSON-LD",
    "rdfxml": "RDF_XML",
}


def describe_service(endpoint: str, quads: int, settings: Settings, fmt: Format) -> bytes:
    """Return the description in an RDF format; all its nodes have IRIs under that of the endpoint.

    >>> from kg.formats import N_TRIPLES
    >>> b"UnionDefaultGraph" in describe_service("http://h/sparql", 3, Settings(), N_TRIPLES)
    True
    """
    service, dataset, graph = (ox.NamedNode(endpoint + part) for part in ("", "#dataset", "#default-graph"))
    triples = [
        ox.Triple(service, _RDF_TYPE, _sd("Service")),
        ox.Triple(service, _sd("endpoint"), service),
        ox.Triple(service, _sd("supportedLanguage"), _sd("SPARQL11Query")),
        ox.Triple(service, _sd("feature"), _sd("UnionDefaultGraph")),
        ox.Triple(service, _COMMENT, ox.Literal(_explain_limits(settings), language="en")),
        ox.Triple(service, _sd("defaultDataset"), dataset),
        ox.Triple(dataset, _RDF_TYPE, _sd("Dataset")),
        ox.Triple(dataset, _sd("defaultGraph"), graph),
        ox.Triple(graph, _RDF_TYPE, _sd("Graph")),
        ox.Triple(graph, ox.NamedNode(_VOID + "triples"), ox.Literal(quads)),
    ]
    triples += [
        ox.Triple(service, _sd("resultFormat"), ox.NamedNode(_FORMATS + _FORMAT_NAMES[offer.name]))
        for offer in (*RESULT_FORMATS, *GRAPH_FORMATS)
    ]
    body = ox.serialize(triples, format=to_rdf_format(fmt), prefixes={"sd": _SD, "void": _VOID})
    assert body is not None
    return body


def _explain_limits(settings: Settings) -> str:
    return (
        f"A query runs for at most {settings.query_timeout_s:g} seconds (less with timeout=), is at most "
        f"{settings.max_query_bytes} bytes long and gives at most {settings.max_result_bytes} bytes and "
        f"{settings.max_result_rows} rows. "
        "SERVICE and updates are refused. Without FROM, a query sees the union of all graphs."
    )


def _sd(name: str) -> ox.NamedNode:
    return ox.NamedNode(_SD + name)

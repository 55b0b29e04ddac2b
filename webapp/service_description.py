"""What the endpoint says of itself (SPARQL 1.1 Service Description)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyoxigraph as ox

from kg.formats import GRAPH_FORMATS, RESULT_FORMATS, Format, to_rdf_format
from kg.settings import Settings
from kg.vocab import COMMENT, RDFS, TYPE, Namespace

SD = Namespace("http://www.w3.org/ns/sparql-service-description#")
VOID = Namespace("http://rdfs.org/ns/void#")
FORMATS = Namespace("http://www.w3.org/ns/formats/")

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


def describe_service(
    base: str, graphs: Mapping[str, int], triples: int, settings: Settings, fmt: Format
) -> bytes:
    """Return the description in an RDF format.

    It holds what is true of this service and no more: updates, other input formats and extension functions
    are not claimed, since there are none. The dataset is the one that VoID describes, and all other nodes
    have IRIs under that of the endpoint.

    Parameters
    ----------
    base: the base IRI.
    graphs: name of each graph and how many triples it has.
    triples: how many triples their union has.

    >>> from kg.formats import N_TRIPLES
    >>> b"UnionDefaultGraph" in describe_service("http://h/", {"http://h/g": 2}, 2, Settings(), N_TRIPLES)
    True
    """
    service = ox.NamedNode(base + "sparql")
    described = sorted(
        _describe(service, base, graphs, triples, settings),
        key=lambda t: (t.subject != service, str(t.subject), t.predicate != TYPE, str(t)),
    )
    prefixes = {"sd": SD.iri, "void": VOID.iri, "rdfs": RDFS.iri, "formats": FORMATS.iri}
    body = ox.serialize(described, format=to_rdf_format(fmt), prefixes=prefixes)
    assert body is not None
    return body


def _describe(
    service: ox.NamedNode, base: str, graphs: Mapping[str, int], triples: int, settings: Settings
) -> Iterator[ox.Triple]:
    default = ox.NamedNode(service.value + "#default-graph")
    dataset = ox.NamedNode(base + ".well-known/void#dataset")
    yield ox.Triple(service, TYPE, SD("Service"))
    yield ox.Triple(service, SD("endpoint"), service)
    for language in ("SPARQL10Query", "SPARQL11Query"):
        yield ox.Triple(service, SD("supportedLanguage"), SD(language))
    yield ox.Triple(service, SD("feature"), SD("UnionDefaultGraph"))
    if settings.service_prefixes:
        yield ox.Triple(service, SD("feature"), SD("BasicFederatedQuery"))
    for offer in (*RESULT_FORMATS, *GRAPH_FORMATS):
        yield ox.Triple(service, SD("resultFormat"), FORMATS(_FORMAT_NAMES[offer.name]))
    yield ox.Triple(service, COMMENT, ox.Literal(_explain_limits(settings), language="en"))
    yield ox.Triple(service, SD("defaultDataset"), dataset)
    yield ox.Triple(dataset, TYPE, SD("Dataset"))
    yield ox.Triple(dataset, VOID("sparqlEndpoint"), service)
    yield ox.Triple(dataset, SD("defaultGraph"), default)
    yield from _describe_graph(default, triples)
    for name, size in graphs.items():
        named, graph = (
            ox.NamedNode(f"{service.value}#{kind}-{name.removeprefix(base)}") for kind in ("name", "graph")
        )
        yield ox.Triple(dataset, SD("namedGraph"), named)
        yield ox.Triple(named, TYPE, SD("NamedGraph"))
        yield ox.Triple(named, SD("name"), ox.NamedNode(name))
        yield ox.Triple(named, SD("graph"), graph)
        yield from _describe_graph(graph, size)


def _describe_graph(graph: ox.NamedNode, triples: int) -> Iterator[ox.Triple]:
    yield ox.Triple(graph, TYPE, SD("Graph"))
    yield ox.Triple(graph, VOID("triples"), ox.Literal(triples))


def _explain_limits(settings: Settings) -> str:
    return (
        f"A query runs for at most {settings.query_timeout_s:g} seconds (less with timeout=), is at most "
        f"{settings.max_query_bytes} bytes long by POST and {settings.max_url_bytes} in a URL, and gives at "
        f"most {settings.max_result_bytes} bytes and {settings.max_result_rows} rows; beyond, it is refused "
        "or cut off, never ended as if it were whole. Updates are refused, and SERVICE beyond what is "
        "configured. FROM and default-graph-uri name graphs of this service, and nothing is fetched. "
        "Without a dataset, a query sees the union of all graphs."
    )

"""The W3C suite for service descriptions; its manifest names three tests in words."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from rdflib import RDF, Graph, Literal, Namespace, URIRef

from tests.conformance.w3c import FOLDER, MF, read_rdf

SD = Namespace("http://www.w3.org/ns/sparql-service-description#")
ENDPOINT = URIRef("http://h/sparql")
FORMATS = {
    "text/turtle": "turtle",
    "application/n-triples": "nt",
    "application/ld+json": "json-ld",
    "application/rdf+xml": "xml",
}


@pytest.mark.parametrize("accept", FORMATS)
def test_returns_rdf(w3c_client: FlaskClient, accept: str) -> None:
    response = w3c_client.get("/sparql", headers={"Accept": accept})
    assert (response.status_code, response.mimetype) == (200, accept)
    assert len(Graph().parse(data=response.data, format=FORMATS[accept]))


def test_returns_rdf_to_whoever_takes_anything(w3c_client: FlaskClient) -> None:
    assert w3c_client.get("/sparql").mimetype in FORMATS


def test_has_endpoint_triple(w3c_client: FlaskClient) -> None:
    assert (None, SD.endpoint, ENDPOINT) in read_description(w3c_client)


def test_conforms_to_schema(w3c_client: FlaskClient) -> None:
    """Each property of the vocabulary that is used has subjects and values of the kinds that it is for."""
    graph = read_description(w3c_client)
    kinds = {SD.endpoint: (SD.Service, None), SD.defaultDataset: (SD.Service, SD.Dataset)}
    kinds |= {SD.defaultGraph: (SD.Dataset, SD.Graph), SD.namedGraph: (SD.Dataset, SD.NamedGraph)}
    kinds |= {SD.graph: (SD.NamedGraph, SD.Graph), SD.name: (SD.NamedGraph, None)}
    kinds |= {SD.feature: (SD.Service, None), SD.resultFormat: (SD.Service, None)}
    kinds |= {SD.supportedLanguage: (SD.Service, None)}
    for subject, predicate, value in graph:
        if not str(predicate).startswith(str(SD)):
            continue
        domain, range_ = kinds[predicate]  # type: ignore[index]
        assert (subject, RDF.type, domain) in graph
        assert not isinstance(value, Literal)
        assert range_ is None or (value, RDF.type, range_) in graph
    features = {
        SD.DereferencesURIs,
        SD.UnionDefaultGraph,
        SD.RequiresDataset,
        SD.EmptyGraphs,
        SD.BasicFederatedQuery,
    }
    assert set(graph.objects(None, SD.feature)) <= features
    assert set(graph.objects(None, SD.supportedLanguage)) <= {
        SD.SPARQL10Query,
        SD.SPARQL11Query,
        SD.SPARQL11Update,
    }


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the W3C test files are absent")
def test_these_are_the_tests_of_the_manifest() -> None:
    manifest = read_rdf(FOLDER / "service-description" / "manifest.ttl")
    named = {
        str(entry).rpartition("#")[2] for entry in manifest.subjects(RDF.type, MF.ServiceDescriptionTest)
    }
    assert named == {"has-endpoint-triple", "returns-rdf", "conforms-to-schema"}


def read_description(client: FlaskClient) -> Graph:
    """Return the description as a graph."""
    return Graph().parse(data=client.get("/sparql", headers={"Accept": "text/turtle"}).data, format="turtle")

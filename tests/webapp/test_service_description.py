"""What the service description says is what queries see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from rdflib import RDF, Graph, Namespace, URIRef

from kg.formats import N_TRIPLES
from kg.release.layout import Release
from kg.settings import Settings
from tests.conftest import BASE
from tests.webapp.conftest import BufferingClient
from webapp.app import create_app
from webapp.service_description import describe_service

SD = Namespace("http://www.w3.org/ns/sparql-service-description#")
VOID = Namespace("http://rdfs.org/ns/void#")
SERVICE = URIRef(BASE + "sparql")


@pytest.fixture(scope="module")
def client(mini_var: Path, mini_release: Release) -> Iterator[FlaskClient]:
    app = create_app(Settings(var=str(mini_var), query_workers=1))
    app.test_client_class = BufferingClient
    yield app.test_client()
    app.extensions["kg_contexts"].close()


@pytest.fixture(scope="module")
def description(client: FlaskClient) -> Graph:
    response = client.get("/sparql", headers={"Accept": "text/turtle"})
    return Graph().parse(data=response.data, format="turtle")


def ask(client: FlaskClient, query: str) -> list[dict[str, dict[str, str]]]:
    answer = client.get("/sparql", query_string={"query": query, "format": "json"})
    return answer.get_json(force=True)["results"]["bindings"]  # type: ignore[no-any-return]


def test_graphs_and_their_counts(client: FlaskClient, description: Graph) -> None:
    rows = ask(client, "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g")
    seen = {row["g"]["value"]: int(row["n"]["value"]) for row in rows}
    dataset = description.value(SERVICE, SD.defaultDataset)
    told = {
        str(description.value(node, SD.name)): int(
            description.value(description.value(node, SD.graph), VOID.triples)  # type: ignore[arg-type]
        )
        for node in description.objects(dataset, SD.namedGraph)
    }
    assert told == seen
    assert len(seen) >= 3


def test_the_default_graph_is_the_union(client: FlaskClient, description: Graph) -> None:
    (row,) = ask(client, "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")
    dataset = description.value(SERVICE, SD.defaultDataset)
    told = description.value(description.value(dataset, SD.defaultGraph), VOID.triples)
    assert int(told) == int(row["n"]["value"])  # type: ignore[arg-type]
    assert set(description.objects(SERVICE, SD.feature)) == {SD.UnionDefaultGraph}
    assert (dataset, VOID.sparqlEndpoint, SERVICE) in description
    assert (SERVICE, SD.endpoint, SERVICE) in description


def test_formats_can_be_had(client: FlaskClient, description: Graph) -> None:
    types = {
        "SPARQL_Results_JSON": "application/sparql-results+json",
        "SPARQL_Results_XML": "application/sparql-results+xml",
        "SPARQL_Results_CSV": "text/csv",
        "SPARQL_Results_TSV": "text/tab-separated-values",
        "Turtle": "text/turtle",
        "N-Triples": "application/n-triples",
        "JSON-LD": "application/ld+json",
        "RDF_XML": "application/rdf+xml",
    }
    told = {str(iri).rpartition("/")[2] for iri in description.objects(SERVICE, SD.resultFormat)}
    assert told == types.keys()
    for name, media_type in types.items():
        query = "ASK {}" if "results" in media_type or name.endswith("SV") else "CONSTRUCT {} {}"
        answer = client.get("/sparql", query_string={"query": query}, headers={"Accept": media_type})
        assert (answer.status_code, answer.mimetype) == (200, media_type)


def test_nothing_is_claimed_that_there_is_not(description: Graph) -> None:
    for predicate in (SD.inputFormat, SD.extensionFunction, SD.extensionAggregate, SD.languageExtension):
        assert not list(description.triples((None, predicate, None)))
    assert SD.SPARQL11Update not in set(description.objects())
    assert len(set(description.subjects(RDF.type, SD.Service))) == 1


def test_federation_is_claimed_where_it_is_allowed() -> None:
    settings = Settings(service_prefixes="https://query.example.org/")
    assert b"BasicFederatedQuery" in describe_service(BASE, {}, 0, settings, N_TRIPLES)

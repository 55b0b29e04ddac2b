"""The description of the dataset is true to the figure, and in every format."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
import rdflib
from flask.testing import FlaskClient
from rdflib import DCAT, DCTERMS, RDF, VOID, Namespace, URIRef

from tests.conftest import BASE

SD = Namespace("http://www.w3.org/ns/sparql-service-description#")
SPDX = Namespace("http://spdx.org/rdf/terms#")
DATASET = URIRef(f"{BASE}.well-known/void#dataset")


@pytest.fixture(scope="module")
def described(article_client: FlaskClient) -> rdflib.Graph:
    answer = article_client.get("/.well-known/void")
    assert answer.mimetype == "text/turtle"
    return rdflib.Graph().parse(data=answer.data, format="turtle")


def count(client: FlaskClient, what: str, pattern: str) -> int:
    query = f"SELECT (COUNT({what}) AS ?n) WHERE {{ {pattern} }}"
    return int(client.get("/sparql", query_string={"query": query, "format": "csv"}).text.split()[1])


def list_figures(graph: rdflib.Graph) -> Iterator[tuple[str, int, str, str]]:
    """Yield (what the description calls it, its figure, what to count, where)."""

    def figure(subject: rdflib.term.Node, name: str) -> int:
        return int(str(graph.value(subject, VOID[name])))

    everything = "?s ?p ?o"
    yield "triples", figure(DATASET, "triples"), "*", everything
    yield "subjects", figure(DATASET, "distinctSubjects"), "DISTINCT ?s", everything
    yield "objects", figure(DATASET, "distinctObjects"), "DISTINCT ?o", everything
    yield "properties", figure(DATASET, "properties"), "DISTINCT ?p", everything
    yield "classes", figure(DATASET, "classes"), "DISTINCT ?o", "?s a ?o"
    entities = f"?s ?p ?o FILTER(STRSTARTS(STR(?s), '{graph.value(DATASET, VOID.uriSpace)}'))"
    yield "entities", figure(DATASET, "entities"), "DISTINCT ?s", entities
    for part in graph.objects(DATASET, VOID.classPartition):
        kind = graph.value(part, VOID["class"])
        yield f"class {kind}", figure(part, "entities"), "DISTINCT ?s", f"?s a <{kind}>"
    for part in graph.objects(DATASET, VOID.propertyPartition):
        pattern = f"?s <{graph.value(part, VOID.property)}> ?o"
        yield f"triples of {pattern}", figure(part, "triples"), "*", pattern
        yield f"subjects of {pattern}", figure(part, "distinctSubjects"), "DISTINCT ?s", pattern
        yield f"objects of {pattern}", figure(part, "distinctObjects"), "DISTINCT ?o", pattern
    for part in graph.objects(DATASET, SD.namedGraph):
        content, name = graph.value(part, SD.graph), graph.value(part, SD.name)
        assert content is not None
        yield f"graph {name}", figure(content, "triples"), "*", f"GRAPH <{name}> {{ ?s ?p ?o }}"
    for part in graph.subjects(RDF.type, VOID.Linkset):
        target = graph.value(part, VOID.objectsTarget)
        space = graph.value(target, VOID.uriSpace)
        pattern = f"?s <{graph.value(part, VOID.linkPredicate)}> ?o FILTER(STRSTARTS(STR(?o), '{space}'))"
        yield f"links to {space}", figure(part, "triples"), "*", pattern


def test_every_figure_is_what_a_query_counts(article_client: FlaskClient, described: rdflib.Graph) -> None:
    figures = list(list_figures(described))
    assert len(figures) > 200
    wrong = [
        (name, told, found)
        for name, told, what, where in figures
        if told != (found := count(article_client, what, where))
    ]
    assert wrong == []


def test_all_classes_and_properties_have_a_partition(
    article_client: FlaskClient, described: rdflib.Graph
) -> None:
    assert len(set(described.objects(DATASET, VOID.classPartition))) == count(
        article_client, "DISTINCT ?o", "?s a ?o"
    )
    assert len(set(described.objects(DATASET, VOID.propertyPartition))) == count(
        article_client, "DISTINCT ?p", "?s ?p ?o"
    )
    vocabularies = {str(vocabulary) for vocabulary in described.objects(DATASET, VOID.vocabulary)}
    assert vocabularies >= {f"{BASE}ontology", "http://www.w3.org/ns/org#", "https://schema.org/"}


def test_distributions_are_the_dumps(article_client: FlaskClient, described: rdflib.Graph) -> None:
    files = list(described.objects(DATASET, DCAT.distribution))
    listed = article_client.get("/dumps/").get_json()["dumps"]
    assert len(files) == len(listed)
    for file in files:
        address = str(described.value(file, DCAT.downloadURL))
        content = article_client.get(address.removeprefix(BASE.rstrip("/"))).data
        checksum = described.value(file, SPDX.checksum)
        assert int(str(described.value(file, DCAT.byteSize))) == len(content)
        assert str(described.value(checksum, SPDX.checksumValue)) == hashlib.sha256(content).hexdigest()
        assert described.value(file, DCAT.mediaType)
        assert described.value(file, DCTERMS.license)
    assert set(described.objects(DATASET, VOID.dataDump)) <= {
        described.value(file, DCAT.downloadURL) for file in files
    }


def test_what_is_named_can_be_had(article_client: FlaskClient, described: rdflib.Graph) -> None:
    named = [VOID.exampleResource, VOID.rootResource, VOID.sparqlEndpoint, DCAT.landingPage]
    for address in (value for predicate in named for value in described.objects(DATASET, predicate)):
        path = str(address).removeprefix(BASE.rstrip("/"))
        assert article_client.get(path, follow_redirects=True).status_code == 200, address
    service = described.value(None, RDF.type, DCAT.DataService)
    assert described.value(service, DCAT.servesDataset) == DATASET


def test_every_format_says_the_same(article_client: FlaskClient, described: rdflib.Graph) -> None:
    formats = {
        "application/n-triples": "nt",
        "application/rdf+xml": "xml",
        "application/ld+json": "json-ld",
        "application/trig": "trig",
    }
    for media_type, name in formats.items():
        answer = article_client.get("/.well-known/void", headers={"Accept": media_type})
        assert answer.mimetype == media_type
        assert len(rdflib.Dataset().parse(data=answer.data, format=name)) == len(described), media_type
    assert article_client.get("/.well-known/void", headers={"Accept": "image/png"}).status_code == 406

"""SPARQLWrapper, the client that most Python users have, in each of its ways to ask a running server."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
import SPARQLWrapper as sw
from rdflib import Graph

from kg.release.layout import Release
from tests.conftest import BASE
from tests.webapp.running import run_server

SELECT = "SELECT ?o { <id/ada-lind> <http://www.w3.org/2004/02/skos/core#prefLabel> ?o }"
QUERIES = {
    "SELECT": SELECT,
    "ASK": "ASK { ?s ?p ?o }",
    "CONSTRUCT": "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o } LIMIT 3",
    "DESCRIBE": "DESCRIBE <id/ada-lind>",
}
TABLES = {
    sw.XML: "application/sparql-results+xml",
    sw.JSON: "application/sparql-results+json",
    sw.CSV: "text/csv",
    sw.TSV: "text/tab-separated-values",
}
GRAPHS = {
    sw.XML: "application/rdf+xml",
    sw.JSON: "application/ld+json",
    sw.JSONLD: "application/ld+json",
    sw.TURTLE: "text/turtle",
    sw.N3: "text/turtle",
    sw.RDF: "application/rdf+xml",
    sw.RDFXML: "application/rdf+xml",
}
FORMATS = sorted({*TABLES, *GRAPHS})
WAYS = [(sw.GET, sw.URLENCODED), (sw.POST, sw.URLENCODED), (sw.POST, sw.POSTDIRECTLY)]


@pytest.fixture(scope="module")
def endpoint(mini_var: Path, mini_release: Release) -> Iterator[str]:
    with run_server(mini_var, base_iri=BASE) as port:
        yield f"http://127.0.0.1:{port}/sparql"


def make_client(endpoint: str, query: str, fmt: str) -> sw.SPARQLWrapper:
    client = sw.SPARQLWrapper(endpoint)
    client.setQuery(query)
    client.setReturnFormat(fmt)
    return client


@pytest.mark.parametrize(("method", "encoding"), WAYS, ids=["get", "post", "direct"])
@pytest.mark.parametrize("form", QUERIES)
@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("by_header", [False, True], ids=["parameter", "header"])
def test_formats(endpoint: str, method: str, encoding: str, form: str, fmt: str, by_header: bool) -> None:
    client = make_client(endpoint, QUERIES[form], fmt)
    client.setMethod(method)
    client.setRequestMethod(encoding)
    client.setOnlyConneg(by_header)
    expected = (TABLES if form in ("SELECT", "ASK") else GRAPHS).get(fmt)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # it says that it sends Accept: */*
        sends_anything = client._getAcceptHeader() == "*/*"
        if by_header and sends_anything:
            expected = "application/sparql-results+json" if form in ("SELECT", "ASK") else "text/turtle"
        if expected is None:
            with pytest.raises(HTTPError) as caught:
                client.query()
            assert caught.value.code == 406
            caught.value.close()
            return
        response: Any = client.query().response
    with response:
        assert response.headers.get_content_type() == expected
        assert response.read()


def test_what_it_makes_of_answers(endpoint: str) -> None:
    rows: Any = make_client(endpoint, SELECT, sw.JSON).queryAndConvert()
    assert {row["o"]["value"] for row in rows["results"]["bindings"]} >= {"Ada Lind"}
    document: Any = make_client(endpoint, SELECT, sw.XML).queryAndConvert()
    assert "Ada Lind" in document.toxml()
    assert b"Ada Lind" in make_client(endpoint, SELECT, sw.CSV).queryAndConvert()
    assert make_client(endpoint, "ASK {}", sw.JSON).queryAndConvert() == {"head": {}, "boolean": True}
    for fmt in (sw.XML, sw.RDFXML, sw.JSONLD):
        graph: Any = make_client(endpoint, QUERIES["DESCRIBE"], fmt).queryAndConvert()
        assert isinstance(graph, Graph)
        assert len(graph) > 20


def test_its_datasets_and_errors(endpoint: str) -> None:
    client = make_client(endpoint, "ASK { ?s a <http://www.w3.org/2002/07/owl#Axiom> }", sw.JSON)
    client.addDefaultGraph("urn:nothing")
    assert client.queryAndConvert()["boolean"] is False  # type: ignore[index, call-overload]
    with pytest.raises(sw.SPARQLExceptions.QueryBadFormed, match="does not parse"):
        make_client(endpoint, "SELECT ?s WHERE", sw.JSON).query()
    update = make_client(endpoint, "CLEAR ALL", sw.JSON)
    update.setMethod(sw.POST)
    with pytest.raises(HTTPError) as caught:
        update.query()
    assert caught.value.code == 403
    caught.value.close()

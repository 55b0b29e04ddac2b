"""The W3C protocol suite: the requests of its manifest, byte by byte, against a running server."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox
import pytest
from rdflib import RDFS, BNode, Graph, Namespace
from rdflib.collection import Collection
from rdflib.term import Node

from tests.conformance.w3c import ABSENT, FOLDER, MF, read_rdf, to_path
from tests.webapp.conftest import make_release
from tests.webapp.running import run_server

HT = Namespace("http://www.w3.org/2011/http#")
CNT = Namespace("http://www.w3.org/2011/content#")
UT = Namespace("http://www.w3.org/2009/sparql/tests/test-update#")

TYPES = {
    "boolean": {"application/sparql-results+json", "application/sparql-results+xml"},
    "tabular": {
        "application/sparql-results+json",
        "application/sparql-results+xml",
        "text/csv",
        "text/tab-separated-values",
    },
    "RDF": {"application/rdf+xml", "text/turtle", "application/n-triples", "application/ld+json"},
}


@dataclass(frozen=True)
class Exchange:
    """A request and what is expected of its response; ``statuses`` holds their first digits."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    statuses: set[str]
    format: str
    boolean: bool | None


def read_exchanges() -> Iterator[tuple[str, list[Exchange]]]:
    """Yield the tests of the manifest by name."""
    path = FOLDER / "protocol" / "manifest.ttl"
    if path.is_file():
        manifest = read_rdf(path)
        for entry in Collection(manifest, next(manifest.objects(None, MF.entries))):
            requests = Collection(manifest, manifest.value(manifest.value(entry, MF.action), HT.requests))
            yield str(entry).rpartition("#")[2], [to_exchange(manifest, request) for request in requests]


def to_exchange(manifest: Graph, request: Node) -> Exchange:
    """Read a request and its expected response."""
    headers = manifest.value(request, HT.headers) or BNode()
    body, response = manifest.value(request, HT.body), manifest.value(request, HT.resp)
    boolean = manifest.value(response, MF.expectedBoolean)
    statuses = map(str, manifest.objects(response, MF.expectedStatus))
    return Exchange(
        method=str(manifest.value(request, HT.methodName)),
        path=str(manifest.value(request, HT.absolutePath)),
        headers={
            str(manifest.value(header, HT.fieldName)): str(manifest.value(header, HT.fieldValue))
            for header in Collection(manifest, headers)
        },
        body=str(manifest.value(body, CNT.chars)).encode(str(manifest.value(body, CNT.characterEncoding)))
        if body
        else b"",
        statuses={status.partition("StatusCode")[2][0] for status in statuses},
        format=str(manifest.value(response, MF.expectedFormat) or ""),
        boolean=None if boolean is None else str(boolean) == "true",
    )


TESTS = dict(read_exchanges())
QUERIES = sorted(name for name in TESTS if not name.startswith("update_"))
UPDATES = sorted(name for name in TESTS if name.startswith("update_"))
"""Tests of what an update does; here each is refused, which is what is tested instead."""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server over the graphs that the manifest names."""
    var: Path = tmp_path_factory.mktemp("protocol")
    manifest = read_rdf(FOLDER / "protocol" / "manifest.ttl")
    labels = {
        (str(manifest.value(node, UT.graph)), str(manifest.value(node, RDFS.label)))
        for node in manifest.objects(None, UT.graphData)
    }
    quads = [
        ox.Quad(quad.subject, quad.predicate, quad.object, ox.NamedNode(label))
        for iri, label in labels
        for quad in ox.parse(path=to_path(iri))
    ]
    make_release(var, "r1", (ox.serialize(quads, format=ox.RdfFormat.N_QUADS) or b"").decode())
    with run_server(var) as number:
        yield number


def send(port: int, exchange: Exchange) -> tuple[int, str, bytes]:
    """Send a request as it stands; return status, media type and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(exchange.method, exchange.path, exchange.body or None, exchange.headers)
        with connection.getresponse() as response:
            return response.status, response.headers.get_content_type(), response.read()
    finally:
        connection.close()


def parametrize(names: list[str]) -> pytest.MarkDecorator:
    """Return a mark for these tests, or for one that is skipped where the files are absent."""
    return pytest.mark.parametrize("name", names or [pytest.param("", marks=ABSENT)])


@parametrize(QUERIES)
def test_queries(port: int, name: str) -> None:
    for exchange in TESTS[name]:
        status, media_type, body = send(port, exchange)
        assert str(status)[0] in exchange.statuses, body
        if status >= 400:
            assert media_type == "application/problem+json"
            assert json.loads(body)["detail"]
        if exchange.format:
            assert media_type in TYPES[exchange.format]
        if exchange.boolean is not None:
            assert json.loads(body)["boolean"] is exchange.boolean


@parametrize(UPDATES)
def test_updates_are_refused(port: int, name: str) -> None:
    exchange = TESTS[name][0]
    status, _, body = send(port, exchange)
    assert status == 403
    assert "data changes by a new release" in json.loads(body)["detail"]

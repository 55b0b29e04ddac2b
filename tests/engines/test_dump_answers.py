"""The dumps, loaded into other people's engines, answer the example queries as our endpoint does."""

from __future__ import annotations

import gzip
import json
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from SPARQLWrapper import JSON, POST, SPARQLWrapper

from kg.check.findings import check_sources
from kg.release.layout import Release
from kg.release.making.build import build_release
from kg.settings import Settings
from kg.sources import read_sources
from tests.conftest import BASE
from tests.engines import Engine
from tests.webapp.conftest import BufferingClient
from webapp.app import create_app

SOURCES = read_sources(Path(__file__).parent.parent.parent, BASE)

NO_QUADS = {"virtuoso": "its graph store takes one graph at a time, so it gets the Turtle dump of each"}
"""Engines that the whole dataset cannot be sent to as N-Quads, with the reason."""

OTHER_TERM_TYPES = {
    "virtuoso": {"typed-literal": "literal"}  # as a note of 2007 on SPARQL results in JSON had it
}
"""Names that an engine has for the type of a term, and what the recommendation of 2013 calls it."""

Row = frozenset[tuple[str, tuple[tuple[str, str], ...]]]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return build_release(SOURCES, check_sources(SOURCES), tmp_path_factory.mktemp("var"))


@pytest.fixture(scope="module")
def site(release: Release) -> Iterator[FlaskClient]:
    app = create_app(Settings(var=str(release.path.parent.parent), base_iri=BASE))
    app.test_client_class = BufferingClient
    yield app.test_client()
    app.extensions["kg_contexts"].close()


@pytest.fixture(scope="module")
def loaded(engine: Engine, release: Release) -> Iterator[Engine]:
    """An engine that holds the dataset, from the dumps as a reader unpacks them."""
    graphs = find_graphs(release)
    if engine.profile in NO_QUADS:
        for graph in graphs:
            send(engine, "PUT", graph, "text/turtle", unpack(release, "turtle", graph))
    else:
        send(engine, "POST", "", "application/n-quads", unpack(release, "nquads"))
    yield engine
    for graph in graphs:
        send(engine, "DELETE", graph)


def find_graphs(release: Release) -> list[str]:
    return sorted({dump.graph for dump in release.manifest.dumps if dump.graph})


def unpack(release: Release, fmt: str, graph: str = "") -> bytes:
    dump = release.manifest.find_dump(fmt, graph)
    assert dump
    return gzip.decompress((release.dumps_path / dump.name).read_bytes())


def send(engine: Engine, method: str, graph: str, media_type: str = "", body: bytes | None = None) -> None:
    url = engine.graphs_url + (f"?{urllib.parse.urlencode({'graph': graph})}" if graph else "")
    headers = {"Content-Type": media_type} if body else {}
    request = urllib.request.Request(url, body, headers, method=method)
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, url, engine.user, engine.password)
    opener = urllib.request.build_opener(urllib.request.HTTPDigestAuthHandler(passwords))
    with opener.open(request, timeout=60) as response:
        assert response.status in (200, 201, 204)


def ask(engine: Engine, graphs: list[str], text: str) -> Any:
    client = SPARQLWrapper(engine.query_url, returnFormat=JSON)
    client.setMethod(POST)
    # Each engine has a default graph of its own kind; the protocol has one way to name the dataset.
    for graph in graphs:
        client.addParameter("default-graph-uri", graph)
        client.addParameter("named-graph-uri", graph)
    client.setQuery(text)
    return client.queryAndConvert()


def read_rows(answer: Any, term_types: dict[str, str]) -> Counter[Row]:
    """Count the rows; two are the same if all terms are, with their types, datatypes and language tags."""
    rows: Counter[Row] = Counter()
    for binding in answer["results"]["bindings"]:
        for term in binding.values():
            term["type"] = term_types.get(term["type"], term["type"])
        rows[frozenset((name, tuple(sorted(term.items()))) for name, term in binding.items())] += 1
    return rows


@pytest.mark.engines
@pytest.mark.parametrize("name", [example.name for example in SOURCES.examples])
def test_an_engine_answers_from_the_dumps_as_we_do(
    site: FlaskClient, release: Release, loaded: Engine, name: str
) -> None:
    text = next(example.text for example in SOURCES.examples if example.name == name)
    ours = json.loads(site.get("/sparql", query_string={"query": text, "format": "json"}).data)
    expected = read_rows(ours, {})
    assert expected
    theirs = ask(loaded, find_graphs(release), text)
    assert read_rows(theirs, OTHER_TERM_TYPES.get(loaded.profile, {})) == expected

"""DESCRIBE over HTTP gives what the documents about things hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from kg.release.layout import Release
from kg.settings import Settings
from tests.conftest import BASE
from tests.webapp.conftest import BufferingClient
from webapp.app import create_app

THINGS = f"SELECT DISTINCT ?s {{ ?s ?p ?o FILTER(REGEX(STR(?s), '^{BASE}(id|fact|evidence)/[^#]*$')) }}"


@pytest.fixture(scope="module")
def client(mini_var: Path, mini_release: Release) -> Iterator[FlaskClient]:
    app = create_app(Settings(var=str(mini_var), query_workers=1))
    app.test_client_class = BufferingClient
    yield app.test_client()
    app.extensions["kg_contexts"].close()


def ask(client: FlaskClient, query: str, format_: str) -> list[str]:
    """Return the lines of an answer."""
    response = client.get("/sparql", query_string={"query": query, "format": format_})
    assert response.status_code == 200, response.text
    return response.text.splitlines()


def test_every_thing_is_described_as_in_its_document(client: FlaskClient) -> None:
    things = ask(client, THINGS, "csv")[1:]
    assert len(things) > 20
    for iri in things:
        path = "/" + iri.removeprefix(BASE)
        document = f"/data/{path[4:]}.nt" if path.startswith("/id/") else f"{path}?format=nt"
        described = ask(client, f"DESCRIBE <{iri}>", "nt")
        assert sorted(described) == sorted(client.get(document).text.splitlines()), iri


def test_relative_names_are_those_of_this_site(client: FlaskClient) -> None:
    assert ask(client, "DESCRIBE <id/ada-lind>", "nt") == ask(client, f"DESCRIBE <{BASE}id/ada-lind>", "nt")


def test_describe_has_the_formats_and_the_limits_of_a_query(client: FlaskClient) -> None:
    everything = "DESCRIBE ?s { ?s ?p ?o }"
    for format_ in ("turtle", "ntriples", "jsonld", "rdfxml"):
        assert ask(client, everything, format_)
    assert client.get("/sparql", query_string={"query": everything, "format": "csv"}).status_code == 406
    assert client.get("/sparql", query_string={"query": "DESCRIBE ?s {\n ?s ?p }"}).get_json()["line"] == 2
    slow = {"query": "DESCRIBE ?s { ?s ?p ?o . ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }", "timeout": "0.3"}
    assert client.get("/sparql", query_string=slow).status_code == 504

"""The SPARQL page without scripts: names for IRIs, errors with their place, downloads, escaped content."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from kg.release.layout import Release
from kg.settings import Settings
from tests.webapp.conftest import BufferingClient
from webapp.app import create_app

HTML = {"Accept": "text/html"}
HELD = "PREFIX org: <http://www.w3.org/ns/org#> SELECT ?holder WHERE { ?holder org:holds ?post }"


@pytest.fixture(scope="module")
def client(mini_var: Path, mini_release: Release) -> Iterator[FlaskClient]:
    app = create_app(Settings(var=str(mini_var), query_workers=1))
    app.test_client_class = BufferingClient
    yield app.test_client()
    app.extensions["kg_contexts"].close()


def ask(client: FlaskClient, query: str) -> str:
    return client.get("/sparql", query_string={"query": query}, headers=HTML).get_data(as_text=True)


def test_things_are_named_and_link_to_their_pages(client: FlaskClient) -> None:
    assert re.search(
        r'<a href="/page/ada-lind">[^<]+</a> <code class="short">id:ada-lind</code>', ask(client, HELD)
    )


def test_markup_in_an_answer_is_text(client: FlaskClient) -> None:
    page = ask(client, "SELECT ('<img src=x onerror=alert(1)>' AS ?a) (IRI('javascript:alert(1)') AS ?b) {}")
    assert "<img src=x" not in page and "&lt;img src=x" in page
    assert 'href="javascript:' not in page


def test_an_error_says_where(client: FlaskClient) -> None:
    page = ask(client, "SELECT *\nWHERE { ?s ?p ?o } LIMIT x")
    assert 'data-line="2"' in page and re.search(r'data-column="2\d"', page)
    assert "WHERE { ?s ?p ?o } LIMIT x\n" in page


def test_every_download_is_there(client: FlaskClient) -> None:
    for query in (HELD, "CONSTRUCT WHERE { ?s ?p ?o }"):
        links = re.findall(r'<a href="([^"]+)" type="([^"]+)"', ask(client, query))
        assert len(links) == 4
        for href, media_type in links:
            answer = client.get(unescape(href))
            assert (answer.status_code, answer.mimetype) == (200, media_type)


def test_a_long_query_has_no_links_that_would_fail(client: FlaskClient) -> None:
    query = HELD + "#" * 9000
    page = client.post("/sparql", data={"query": query}, headers=HTML).get_data(as_text=True)
    assert "/page/ada-lind" in page and 'class="downloads"' not in page


def test_downloads_keep_the_dataset(client: FlaskClient) -> None:
    pairs = [("query", "SELECT * { ?s ?p ?o }"), ("default-graph-uri", "http://nowhere/")]
    page = client.get("/sparql", query_string=pairs, headers=HTML).get_data(as_text=True)
    assert "0 rows" in page and "default-graph-uri=http://nowhere/" in page


def test_the_first_query_works(client: FlaskClient) -> None:
    page = client.get("/sparql", headers=HTML).get_data(as_text=True)
    query = unescape(re.search(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)[1])  # type: ignore[index]
    assert "/page/ada-lind" in ask(client, query)


def test_the_terms_of_the_vocabulary_are_listed(client: FlaskClient) -> None:
    answer = client.get("/sparql/terms")
    terms = answer.get_json()
    assert {"kg:Claim", "org:Membership"} <= {term["name"] for term in terms["classes"]}
    assert {"iri", "name", "label"} == set(terms["properties"][0])
    assert terms["prefixes"]["skos"] == "http://www.w3.org/2004/02/skos/core#"
    again = client.get("/sparql/terms", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304

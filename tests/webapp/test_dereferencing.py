"""Every IRI of the first article's release is an address that answers, to people and to programs."""

from __future__ import annotations

import html

import pyoxigraph as ox
import pytest
from flask.testing import FlaskClient

from tests.conftest import BASE


def list_iris(client: FlaskClient) -> set[str]:
    """Return the IRIs of the release that are minted under the base."""
    query = {"query": "SELECT * WHERE { GRAPH ?g { ?s ?p ?o } }", "format": "json"}
    rows = ox.parse_query_results(client.get("/sparql", query_string=query).data, ox.QueryResultsFormat.JSON)
    assert isinstance(rows, ox.QuerySolutions)
    found = {term.value for row in rows for term in row if isinstance(term, ox.NamedNode)}
    return {iri for iri in found if iri.startswith(BASE)}


@pytest.mark.slow
def test_every_iri_answers_in_html_and_turtle(article_client: FlaskClient) -> None:
    client = article_client
    iris = list_iris(client)
    documents: dict[str, set[str]] = {}
    for iri in iris:
        documents.setdefault(iri.partition("#")[0], set()).add(iri)
    kinds = {document.removeprefix(BASE).split("/")[0] for document in documents}
    assert kinds == {"id", "fact", "evidence", "article", "entities", "ontology"}
    assert len(documents) > 500
    for document, members in documents.items():
        path = document.removeprefix(BASE.rstrip("/"))
        page = client.get(path, headers={"Accept": "text/html"}, follow_redirects=True)
        assert (page.status_code, page.mimetype) == (200, "text/html"), document
        assert document in html.unescape(page.text), document
        data = client.get(path, headers={"Accept": "text/turtle"}, follow_redirects=True)
        assert (data.status_code, data.mimetype) == (200, "text/turtle"), document
        said = {str(term) for quad in ox.parse(data.data, ox.RdfFormat.TURTLE) for term in quad.triple}
        missing = {iri for iri in members - {f"{BASE}entities"} if f"<{iri}>" not in said}
        assert not missing, (document, missing)

"""Entity, article and vocabulary documents of the tiny dataset: negotiation, evidence, golden pages."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import rdflib
from flask.testing import FlaskClient

from kg.release.layout import Release
from kg.settings import Settings
from tests.conftest import BASE
from tests.webapp.conftest import BufferingClient
from webapp.app import create_app
from webapp.assets import Assets

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.fixture(scope="module")
def client(mini_var: Path, mini_release: Release) -> Iterator[FlaskClient]:
    app = create_app(Settings(var=str(mini_var), query_workers=1))
    app.test_client_class = BufferingClient
    yield app.test_client()
    app.extensions["kg_contexts"].close()


@pytest.mark.parametrize(
    ("accept", "location"),
    [
        ("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "/page/ada-lind"),
        ("*/*", "/page/ada-lind"),
        ("text/turtle", "/data/ada-lind.ttl"),
        ("application/rdf+xml;q=0.4, application/ld+json", "/data/ada-lind.jsonld"),
        ("text/html;q=0.2, application/n-triples", "/data/ada-lind.nt"),
    ],
)
def test_a_thing_leads_to_a_document(client: FlaskClient, accept: str, location: str) -> None:
    answer = client.get("/id/ada-lind", headers={"Accept": accept})
    assert (answer.status_code, answer.location) == (303, location)
    assert "Accept" in answer.vary


def test_what_cannot_be_had_is_told(client: FlaskClient) -> None:
    assert client.get("/id/ada-lind", headers={"Accept": "image/png"}).status_code == 406
    for path in ("/id/nobody", "/page/nobody", "/data/nobody.ttl", "/data/ada-lind.png", "/article/nothing"):
        answer = client.get(path, headers={"Accept": "text/turtle"})
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json"), path
    page = client.get("/id/nobody", headers={"Accept": "text/html"})
    assert (page.status_code, page.mimetype) == (404, "text/html")


@pytest.mark.parametrize(
    ("extension", "name"), [("ttl", "turtle"), ("nt", "nt"), ("jsonld", "json-ld"), ("rdf", "xml")]
)
def test_all_formats_hold_the_same_triples(client: FlaskClient, extension: str, name: str) -> None:
    wanted = rdflib.Graph().parse(data=client.get("/data/ada-lind.nt").data, format="nt")
    found = rdflib.Graph().parse(data=client.get(f"/data/ada-lind.{extension}").data, format=name)
    assert set(found) == set(wanted)
    assert len(found) > 100


def test_a_description_brings_its_evidence(client: FlaskClient) -> None:
    graph = rdflib.Graph().parse(data=client.get("/data/ada-lind.ttl").data, format="turtle")
    quotes = set(graph.objects(None, rdflib.URIRef("http://www.w3.org/ns/oa#exact")))
    assert {str(quote) for quote in quotes} >= {"former mayor", "will plant 1,000 trees", "Ada Lind"}


def test_the_sentence_stands_behind_each_fact(client: FlaskClient) -> None:
    page = client.get("/page/ada-lind").get_data(as_text=True)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page))
    assert (
        "Ada Lind, secretary of the River Council’s Water Office and former mayor, opened the Forum." in text
    )
    assert "<mark>former mayor</mark>" in page
    assert "How it was read:" in page
    assert "Plans and claims" in page


def test_unchanged_documents_are_not_sent_again(client: FlaskClient) -> None:
    for path in ("/", "/page/ada-lind", "/data/ada-lind.ttl", "/article/river-forum", "/ontology", "/dumps/"):
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (first.status_code, again.status_code, again.data) == (200, 304, b""), path


def test_every_iri_of_the_data_leads_somewhere(client: FlaskClient, mini_release: Release) -> None:
    graph = rdflib.Graph().parse(data=client.get("/sparql", query_string={
        "query": "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }", "format": "nt"
    }).data, format="nt")  # fmt: skip
    iris = {str(term) for triple in graph for term in triple if str(term).startswith(BASE)}
    paths = {iri.removeprefix(BASE.rstrip("/")).partition("#")[0] for iri in iris}
    assert len(paths) > 30
    for path in sorted(paths):
        answer = client.get(path, headers={"Accept": "text/turtle, text/plain;q=0.5"}, follow_redirects=True)
        assert answer.status_code == 200, path


def test_links_stay_on_the_site_wherever_it_is_mounted(client: FlaskClient) -> None:
    page = client.get("/page/ada-lind", environ_overrides={"SCRIPT_NAME": "/kg"}).get_data(as_text=True)
    local = re.findall(r'(?:href|src)="(/[^"]*)"', page)
    assert local
    assert all(link.startswith("/kg/") for link in local), local
    assert f"<code>{BASE}id/ada-lind</code>" in page


def test_text_that_may_not_be_served_stays_away(client: FlaskClient, mini_release: Release) -> None:
    assert client.get("/article/river-forum/text").data == mini_release.text_path("river-forum").read_bytes()


@pytest.mark.parametrize(
    ("path", "name"),
    [("/", "start"), ("/page/ada-lind", "entity"), ("/article/river-forum", "article")],
)
def test_pages_match_their_golden_files(client: FlaskClient, path: str, name: str) -> None:
    client.application.extensions["kg_assets"] = Assets(Path("nowhere"))  # the same built or not
    page = client.get(path, headers={"Accept": "text/html"}).get_data(as_text=True)
    golden = GOLDEN / f"{name}.html"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(page, encoding="utf-8")
    assert page == golden.read_text(encoding="utf-8"), (
        "UPDATE_GOLDEN=1 writes it anew, if the change is meant"
    )


def test_markup_in_data_is_shown_and_not_run(sources_copy: Path, tmp_path: Path) -> None:
    from kg.check.findings import check_sources
    from kg.release.build import build_release
    from kg.sources import read_sources

    facts = sources_copy / "data/articles/river-forum/facts.ttl"
    attack = "<script>alert(1)</script>"
    grounds = '{| kg:quote "the City" |} .\n'
    label = f'id:city skos:altLabel "{attack}"@en {grounds}'
    facts.write_text(facts.read_text() + label + f"id:city skos:exactMatch <javascript:alert(1)> {grounds}")
    sources = read_sources(sources_copy, BASE)
    build_release(sources, check_sources(sources), tmp_path / "var")
    app = create_app(Settings(var=str(tmp_path / "var"), query_workers=1))
    try:
        page = app.test_client().get("/page/city").get_data(as_text=True)
    finally:
        app.extensions["kg_contexts"].close()
    assert attack not in page
    assert "&lt;script&gt;" in page
    assert 'href="javascript:' not in page

"""The start page leads on: to a fact with its sentence, to things of each kind, to questions that run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from kg.release.layout import Release
from kg.settings import Settings
from tests.webapp.conftest import BufferingClient, MakeRelease
from webapp.app import create_app


@pytest.fixture
def client(mini_var: Path, mini_release: Release) -> Iterator[FlaskClient]:
    app = create_app(Settings(var=str(mini_var), query_workers=1))
    app.test_client_class = BufferingClient
    yield app.test_client()
    app.extensions["kg_contexts"].close()


def test_a_fact_is_shown_with_its_sentence(client: FlaskClient) -> None:
    page = client.get("/").get_data(as_text=True)
    example = page.split('aria-labelledby="example"')[1].split("</section>")[0]
    assert "took part in the" in re.sub(r"<[^>]*>", "", example)
    assert '<details class="evidence" open>' in example
    assert "opened the Forum</mark>" in example


def test_what_the_start_page_links_to_is_there(client: FlaskClient) -> None:
    page = client.get("/").get_data(as_text=True)
    links = {unescape(link) for link in re.findall(r'href="(/[^"#]*)', page)}
    assert {"/page/ada-lind", "/page/water-office", "/article/river-forum"} <= links
    for link in links:
        assert client.get(link, headers={"Accept": "text/html"}).status_code == 200, link


def test_an_empty_release_has_a_start_page(tmp_path: Path, publish: MakeRelease) -> None:
    publish("0123456789abcdef")
    app = create_app(Settings(var=str(tmp_path), query_workers=1))
    app.test_client_class = BufferingClient
    try:
        assert app.test_client().get("/").status_code == 200
    finally:
        app.extensions["kg_contexts"].close()


def test_ways_in_lead_to_all_of_a_kind(client: FlaskClient) -> None:
    ways = (
        client.get("/").get_data(as_text=True).split('aria-labelledby="ways"')[1].split("</section>\n\n")[0]
    )
    heads = re.findall(r'<h3 id="kind-\d+"><a href="([^"]*)">[^<]*</a> <span class="soft">(\d+)<', ways)
    assert len(heads) > 3
    for href, total in heads:
        answer = client.get(unescape(href), headers={"Accept": "application/json"})
        assert answer.status_code == 200 and answer.get_json()["total"] == int(total), href


def test_the_type_of_a_thing_leads_to_its_like(client: FlaskClient) -> None:
    page = client.get("/page/ada-lind").get_data(as_text=True)
    link = re.search(r'<p class="kind"><a href="(/browse\?type=[^"]*)"', page)
    assert link is not None
    found = client.get(unescape(link[1]), headers={"Accept": "application/json"}).get_json()
    assert "/page/ada-lind" in {thing["href"] for thing in found["results"]}


def test_navigation_marks_where_the_reader_is(client: FlaskClient) -> None:
    for address in ("/browse", "/timeline", "/map", "/sparql", "/ontology", "/releases/", "/dumps/"):
        page = client.get(address, headers={"Accept": "text/html"}).get_data(as_text=True)
        sections = page.split('<nav class="sections"')[1].split("</nav>")[0]
        assert re.findall(r'href="([^"]*)" aria-current="page"', sections) == [address]

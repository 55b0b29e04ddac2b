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

"""The page of an article: all cited spans marked, overlapping ones too; the rest set apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from itertools import pairwise
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from kg.check.findings import check_sources
from kg.release.layout import Release
from kg.release.making.build import build_release
from kg.settings import Settings
from kg.sources import read_sources
from tests.conftest import BASE
from tests.webapp.conftest import BufferingClient
from webapp.app import create_app
from webapp.pages.article import split_pieces


@pytest.fixture(scope="module")
def page(mini_var: Path, mini_release: Release) -> Iterator[str]:
    app = create_app(Settings(var=str(mini_var), query_workers=1))
    app.test_client_class = BufferingClient
    yield app.test_client().get("/article/river-forum").get_data(as_text=True)
    app.extensions["kg_contexts"].close()


def test_pieces_are_the_text_and_know_their_records() -> None:
    text = "one two three four five"
    spans = [("a", 0, 13), ("b", 4, 18), ("c", 8, 13), ("d", 8, 13), ("e", 20, 99)]
    pieces = split_pieces(text, 0, len(text), spans)
    assert "".join(piece.text for piece in pieces) == text
    assert [piece.records for piece in pieces if piece.text == "three"] == [("a", "b", "c", "d")]
    assert [anchor for piece in pieces for anchor in piece.anchors] == ["a", "b", "c", "d", "e"]
    assert all(left.records != right.records for left, right in pairwise(pieces))


def test_the_text_stays_whole(page: str) -> None:
    body = re.search(r'<p class="quote" lang="[^"]*">.*?</p>', page, re.DOTALL)
    assert body
    words = unescape(re.sub(r"<[^>]*>", "", re.sub(r'<a class="number".*?</a>', "", body[0])))
    assert (
        "Ada Lind, secretary of the River Council’s Water Office and former mayor, opened the Forum." in words
    )


def test_words_and_facts_lead_to_each_other(page: str) -> None:
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert {target for target in targets if target.startswith("q-")}
    assert {target for target in targets if target.startswith("f-")}
    assert targets <= set(ids)


def test_what_is_no_article_is_set_apart(page: str) -> None:
    article, rest = page.split('<section class="not-article"')
    assert "Leave a Reply" in rest
    assert "Leave a Reply" not in article


def test_without_the_full_text_only_quotes_are_shown(sources_copy: Path, tmp_path: Path) -> None:
    path = sources_copy / "data/articles/river-forum/article.ttl"
    path.write_text(path.read_text().replace("kg:fullText true", "kg:fullText false"))
    sources = read_sources(sources_copy, BASE)
    build_release(sources, check_sources(sources), tmp_path / "var")
    app = create_app(Settings(var=str(tmp_path / "var"), query_workers=1))
    app.test_client_class = BufferingClient
    try:
        client: FlaskClient = app.test_client()
        page = client.get("/article/river-forum").get_data(as_text=True)
        entity = client.get("/page/ada-lind").get_data(as_text=True)
    finally:
        app.extensions["kg_contexts"].close()
    assert "former mayor" in page
    assert "She “will" not in page and "Leave a Reply" not in page
    assert "<mark>former mayor</mark>" in entity

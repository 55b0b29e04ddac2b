"""The page of a thing, as its reader sees it: what is told as what, and the sentence behind each fact."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kg.release.layout import Release
from kg.settings import Settings
from tests.webapp.conftest import BufferingClient, MakeRelease
from webapp.app import create_app


@pytest.fixture(scope="module")
def app(mini_var: Path, mini_release: Release) -> Iterator[Flask]:
    app = create_app(Settings(var=str(mini_var), query_workers=1))
    app.test_client_class = BufferingClient
    yield app
    app.extensions["kg_contexts"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def read_section(page: str, name: str) -> str:
    found = re.search(rf'<section[^>]*aria-labelledby="{name}">.*?</section>', page, re.DOTALL)
    assert found, f"no section {name}"
    return found[0]


def read_text(markup: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", "", markup))).strip()


def test_current_and_former_posts_stand_apart(client: FlaskClient) -> None:
    posts = read_section(client.get("/page/ada-lind").get_data(as_text=True), "posts")
    current, former = posts.split('<ol class="timeline former">')
    assert "secretary" in current and "City" not in read_text(current.split("</ol>")[0])
    assert '<a href="/page/city">City</a>' in former
    assert "as of the article, 6 May 2020" in read_text(current)


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        (
            "en",
            (
                "As of 6 May 2020, Ada Lind serves as secretary.",
                "Ada Lind formerly served as City.",
                "Ada Lind took part in the opening of the River Forum.",
            ),
        ),
        ("zh", ("截至2020年5月6日，阿达·林德担任secretary。", "阿达·林德参加了opening of the River Forum。")),
        ("ja", ("2020年5月6日時点で、Ada Lindはsecretaryを務めている。",)),
    ],
)
def test_the_summary_says_what_the_facts_say(
    client: FlaskClient, language: str, sentences: tuple[str, ...]
) -> None:
    page = client.get(f"/page/ada-lind?lang={language}").get_data(as_text=True)
    summary = re.search(r'<p class="lead">.*?</p>', page, re.DOTALL)
    assert summary
    for sentence in sentences:
        if "formerly" not in sentence:  # the former membership of the tiny dataset names no post
            assert sentence in read_text(summary[0])
    assert "1,000 trees" not in summary[0], "a plan is no fact"


def test_plans_are_shown_apart(client: FlaskClient) -> None:
    page = client.get("/page/ada-lind").get_data(as_text=True)
    claims = read_section(page, "claims")
    assert "“will plant 1,000 trees”" in read_text(claims)
    assert 'class="tag plan"' in claims
    assert "will plant" not in page.replace(claims, "")


def test_each_fact_opens_its_sentence_and_leads_to_it(client: FlaskClient) -> None:
    page = client.get("/page/ada-lind").get_data(as_text=True)
    places = set(re.findall(r'href="/article/river-forum#(q-[0-9a-f]+)"', page))
    article = client.get("/article/river-forum").get_data(as_text=True)
    assert places and all(f'id="{place}"' in article for place in places)
    assert 'href="https://example.org/river-forum#:~:text=former%20mayor"' in page


def test_a_record_shows_its_own_words(client: FlaskClient) -> None:
    page = client.get("/page/ada-lind").get_data(as_text=True)
    records = set(re.findall(r'href="(/evidence/[0-9a-f]+)"', page))
    shown = [client.get(link, headers={"Accept": "text/html"}).get_data(as_text=True) for link in records]
    assert all("<h1>Evidence record</h1>" in text for text in shown)
    assert any("<mark>former mayor</mark>" in text for text in shown)


def test_names_of_other_languages_say_so(client: FlaskClient) -> None:
    english = client.get("/page/ada-lind").get_data(as_text=True)
    assert '<span lang="zh">阿达·林德</span> <small>Chinese</small>' in english
    chinese = client.get("/page/ada-lind?lang=zh").get_data(as_text=True)
    assert "<h1>阿达·林德</h1>" in chinese
    assert '<span lang="en">Ada Lind</span> <small>英语</small>' in chinese


def test_a_page_of_many_links_stays_bounded(tmp_path: Path, publish: MakeRelease) -> None:
    links = "".join(
        f"<http://h/id/n{n}> <http://h/p> <http://h/id/hub> <http://h/g1> .\n" for n in range(5000)
    )
    publish("0123456789abcdef", links)
    app = create_app(Settings(var=str(tmp_path), query_workers=1, incoming_links=20))
    app.test_client_class = BufferingClient
    client = app.test_client()
    try:
        page = client.get("/page/hub").get_data(as_text=True)
        link = re.search(r'href="(/page/hub/links[^"]*)"', page)
        assert link
        found, following = [], unescape(link[1])
        for _ in range(3):
            links = client.get(following).get_data(as_text=True)
            found += re.findall(r'href="/page/(n\d+)"', links)
            following = unescape(re.findall(r'rel="next" href="([^"]*)"', links)[0])
        last = client.get("/page/hub/links?relation=http://h/p&after=http://h/id/n999").get_data(as_text=True)
        bad = [client.get(f"/page/hub/links?relation={r}").status_code for r in ("", "a b", "http://h/no")]
    finally:
        app.extensions["kg_contexts"].close()
    assert found == sorted(f"n{n}" for n in range(5000))[:60]
    assert 'rel="next"' not in last and "First page" in last
    assert bad == [400, 400, 404]
    assert len(set(re.findall(r'href="/page/n\d+"', page))) == 20
    assert "There are more than are shown here." in page

"""What crawlers may fetch, all pages in sitemaps, and a feed of releases."""

from __future__ import annotations

import urllib.robotparser
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from kg.check.findings import check_sources
from kg.release.layout import Release
from kg.release.making import site
from kg.release.making.build import build_release
from kg.settings import Settings
from kg.sources import read_sources
from tests.conftest import BASE
from tests.webapp.conftest import BufferingClient
from tests.webapp.test_documents import serve
from webapp.app import create_app

SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def client(mini_var: Path, mini_release: Release) -> Iterator[FlaskClient]:
    app = create_app(Settings(var=str(mini_var), query_workers=1))
    app.test_client_class = BufferingClient
    yield app.test_client()
    app.extensions["kg_contexts"].close()


def list_locations(client: FlaskClient, address: str) -> list[str]:
    answer = client.get(address.removeprefix("http://localhost"))
    assert (answer.status_code, answer.mimetype) == (200, "application/xml")
    return [str(location.text) for location in ElementTree.fromstring(answer.data).iter(f"{SITEMAP}loc")]


def test_robots_keep_away_from_queries_only(client: FlaskClient) -> None:
    answer = client.get("/robots.txt")
    rules = urllib.robotparser.RobotFileParser()
    rules.parse(answer.text.splitlines())
    for path in ("/", "/page/ada-lind", "/data/ada-lind.ttl", "/article/river-forum", "/ontology"):
        assert rules.can_fetch("any", f"http://localhost{path}"), path
    for path in ("/sparql", "/sparql?query=ASK%7B%7D", "/search?q=a"):
        assert not rules.can_fetch("any", f"http://localhost{path}"), path
    assert rules.site_maps() == ["http://localhost/sitemap.xml"]


def test_sitemaps_name_every_page_and_each_answers(client: FlaskClient) -> None:
    pages = [
        page for sitemap in list_locations(client, "/sitemap.xml") for page in list_locations(client, sitemap)
    ]
    assert len(pages) == len(set(pages))
    assert {
        "http://localhost/",
        "http://localhost/page/ada-lind",
        "http://localhost/article/river-forum",
    } <= set(pages)
    query = f"SELECT DISTINCT ?s WHERE {{ ?s ?p ?o FILTER(STRSTARTS(STR(?s), '{BASE}id/')) }}"
    things = client.get("/sparql", query_string={"query": query, "format": "csv"}).text.split()[1:]
    assert {thing.replace(f"{BASE}id/", "http://localhost/page/") for thing in things} <= set(pages)
    for page in pages:
        answer = client.get(page.removeprefix("http://localhost"), headers={"Accept": "text/html"})
        assert (answer.status_code, answer.mimetype) == (200, "text/html"), page
    assert client.get("/sitemap-99.xml").status_code == 404


def test_sitemaps_are_cut_at_their_bound(
    sources_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "PAGES_AT_ONCE", 5)
    with serve(sources_copy, tmp_path / "var") as client:
        sitemaps = list_locations(client, "/sitemap.xml")
        sizes = [len(list_locations(client, sitemap)) for sitemap in sitemaps]
    assert len(sizes) > 2
    assert set(sizes[:-1]) == {5}


def test_sitemaps_stay_at_the_address_that_was_asked(client: FlaskClient) -> None:
    answer = client.get("/sitemap-1.xml", base_url="https://mirror.example/kg")
    found = [str(e.text) for e in ElementTree.fromstring(answer.data).iter(f"{SITEMAP}loc")]
    assert all(location.startswith("https://mirror.example/kg/") for location in found)
    robots = client.get("/robots.txt", base_url="https://mirror.example/kg").text
    assert "Sitemap: https://mirror.example/kg/sitemap.xml" in robots
    assert "Disallow: /kg/sparql" in robots


def test_the_feed_tells_of_each_release(sources_copy: Path, tmp_path: Path) -> None:
    with serve(sources_copy, tmp_path / "var") as client:
        first = client.get("/feed.atom")
        (entry,) = ElementTree.fromstring(first.data).iter(f"{ATOM}entry")
        facts = sources_copy / "data/articles/river-forum/facts.ttl"
        facts.write_text(facts.read_text() + 'id:city skos:altLabel "Town"@en {| kg:quote "the City" |} .\n')
        sources = read_sources(sources_copy, BASE)
        release = build_release(sources, check_sources(sources), tmp_path / "var")
        second = client.get("/feed.atom", headers={"If-None-Match": first.headers["ETag"]})
        for link in ElementTree.fromstring(second.data).iter(f"{ATOM}link"):
            assert client.get(link.attrib["href"].removeprefix("http://localhost")).status_code == 200
    assert first.mimetype == "application/atom+xml"
    feed = ElementTree.fromstring(second.data)
    entries = list(feed.iter(f"{ATOM}entry"))
    assert len(entries) == 2
    assert entries[0].findtext(f"{ATOM}id") == f"{BASE}releases/{release.id}"
    assert entries[1].findtext(f"{ATOM}id") == entry.findtext(f"{ATOM}id")
    for element in (feed, *entries):
        for name in ("id", "title", "updated"):
            assert element.findtext(f"{ATOM}{name}"), name
    assert feed.findtext(f"{ATOM}updated") == entries[0].findtext(f"{ATOM}updated")

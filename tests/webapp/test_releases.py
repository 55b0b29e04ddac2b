"""Old releases at their permanent addresses, and the way to them through time (RFC 7089)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import rdflib
from flask import Flask

from kg.release.catalogue import list_releases, remove_old, roll_back
from kg.release.history import record_switch
from kg.release.layout import history_path
from kg.settings import Settings
from tests.conftest import BASE
from tests.webapp.conftest import BufferingClient
from webapp.app import create_app

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, 12, tzinfo=UTC)
COUNCIL = "page/river-council"


@pytest.fixture
def site(three: tuple[Path, list[str]]) -> Iterator[Flask]:
    """Three releases, published on three days; each has another name for the council."""
    var, ids = three
    history_path(var).unlink()
    for number, release_id in enumerate(ids):
        record_switch(var, release_id, START + number * DAY)
    app = create_app(Settings(var=str(var), base_iri=BASE, query_workers=1, old_releases=1))
    app.test_client_class = BufferingClient
    yield app
    app.extensions["kg_contexts"].close()


@pytest.fixture
def ids(three: tuple[Path, list[str]]) -> list[str]:
    return three[1]


def read_links(response: object) -> dict[str, str]:
    """Return relation types → target of all Link headers."""
    found = {}
    for value in response.headers.getlist("Link"):  # type: ignore[attr-defined]
        match = re.match(r'<([^>]*)>; rel="([^"]*)"', value)
        assert match, value
        found[match[2]] = match[1]
    return found


def test_each_release_answers_at_its_own_addresses(site: Flask, ids: list[str]) -> None:
    client = site.test_client()
    for number, release_id in enumerate(ids):
        root = f"/releases/{release_id}"
        page = client.get(f"{root}/{COUNCIL}", headers={"Accept": "text/html"})
        assert f"Name {number}" in page.text
        assert f"Name {(number + 1) % 3}" not in page.text
        data = client.get(f"{root}/data/river-council.ttl")
        graph = rdflib.Graph().parse(data=data.data, format="turtle")
        names = {str(name) for name in graph.objects(predicate=rdflib.SKOS.altLabel)}
        assert f"Name {number}" in names
        query = {"query": f'ASK {{ ?s ?p "Name {number}"@en }}', "format": "json"}
        assert client.get(f"{root}/sparql", query_string=query).get_json()["boolean"] is True
        by_name = client.get("/sparql", query_string={**query, "release": release_id})
        assert by_name.get_json()["boolean"] is True
        assert client.get(f"{root}/article/river-forum/text").status_code == 200
        listed = client.get(f"{root}/dumps/").get_json()
        assert listed["release"] == release_id
        dump = client.get(listed["dumps"][0]["href"])
        assert hashlib.sha256(dump.data).hexdigest() == listed["dumps"][0]["sha256"]
        assert "immutable" in dump.headers["Cache-Control"]


def test_pages_of_a_release_link_within_it_and_to_the_current_one(site: Flask, ids: list[str]) -> None:
    root = f"/kg/releases/{ids[0]}"
    response = site.test_client().get(
        f"/releases/{ids[0]}/{COUNCIL}", headers={"Accept": "text/html"}, base_url="http://h/kg"
    )
    links = re.findall(r'(?:href|src|action)="(/[^"]*)"', response.text)
    outside = {link for link in links if not link.startswith(root)}
    assert outside == {f"/kg/{COUNCIL}", "/kg/releases/"}, "the current page, and the list"
    assert f"This page shows release {ids[0]}" in response.text
    led = site.test_client().get(f"/releases/{ids[0]}/id/river-council", headers={"Accept": "text/turtle"})
    assert led.headers["Location"] == f"/releases/{ids[0]}/data/river-council.ttl"
    assert "This page shows release" not in site.test_client().get(f"/{COUNCIL}").text


def test_mementos_say_when_they_are_from_and_lead_to_the_others(site: Flask, ids: list[str]) -> None:
    client = site.test_client()
    memento = client.get(f"/releases/{ids[1]}/{COUNCIL}")
    assert memento.headers["Memento-Datetime"] == format_datetime(START + DAY, usegmt=True)
    links = read_links(memento)
    assert links["original"] == f"/{COUNCIL}"
    assert links["timegate"] == f"/timegate/{COUNCIL}"
    assert links["timemap"] == f"/timemap/{COUNCIL}"
    assert links["first prev memento"] == f"/releases/{ids[0]}/{COUNCIL}"
    assert links["last next memento"] == f"/releases/{ids[2]}/{COUNCIL}"
    assert links["memento"] == f"/releases/{ids[1]}/{COUNCIL}"
    original = client.get(f"/{COUNCIL}")
    assert "Memento-Datetime" not in original.headers
    assert {"timegate", "timemap", "first memento", "last memento"} <= read_links(original).keys()


def test_a_timemap_lists_the_releases_that_hold_a_document(site: Flask, ids: list[str]) -> None:
    client = site.test_client()
    answer = client.get(f"/timemap/{COUNCIL}")
    assert answer.mimetype == "application/link-format"
    entries = [entry for entry in answer.text.strip().split(",\n") if 'memento"' in entry]
    assert [re.match(r"<([^>]*)>", entry)[1] for entry in entries] == [
        f"/releases/{release_id}/{COUNCIL}" for release_id in ids
    ]
    assert f'datetime="{format_datetime(START, usegmt=True)}"' in entries[0]
    only = re.findall(r"fact/[0-9a-f]+", client.get(f"/releases/{ids[1]}/data/river-council.nt").text)
    facts = {fact for fact in only if fact not in client.get("/data/river-council.nt").text}
    assert len(facts) == 1, "the fact of the name that only this release has"
    single = client.get(f"/timemap/{facts.pop()}").text
    assert single.count('memento"') == 1
    assert f"/releases/{ids[1]}/" in single
    assert client.get("/timemap/page/nobody").status_code == 404


@pytest.mark.parametrize(
    ("asked", "number"),
    [(START - DAY, 0), (START, 0), (START + DAY / 2, 0), (START + DAY, 1), (START + 9 * DAY, 2), (None, 2)],
)
def test_a_timegate_leads_to_what_was_current_then(
    site: Flask, ids: list[str], asked: datetime | None, number: int
) -> None:
    headers = {"Accept-Datetime": format_datetime(asked, usegmt=True)} if asked else {}
    answer = site.test_client().get(f"/timegate/{COUNCIL}?lang=ja", headers=headers)
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/releases/{ids[number]}/{COUNCIL}?lang=ja"
    assert "accept-datetime" in answer.headers["Vary"].lower()
    assert read_links(answer)["original"] == f"/{COUNCIL}?lang=ja"


def test_a_rollback_changes_what_was_current_and_not_when_a_release_is_from(
    site: Flask, ids: list[str], three: tuple[Path, list[str]]
) -> None:
    before = list_releases(three[0])
    roll_back(three[0], ids[0])
    client = site.test_client()
    now = client.get(f"/timegate/{COUNCIL}")
    assert now.headers["Location"] == f"/releases/{ids[0]}/{COUNCIL}"
    then = {"Accept-Datetime": format_datetime(START + 2 * DAY, usegmt=True)}
    assert client.get(f"/timegate/{COUNCIL}", headers=then).headers["Location"].split("/")[2] == ids[2]
    assert [entry.published for entry in list_releases(three[0])] == [entry.published for entry in before]
    assert "Name 2" in client.get(f"/releases/{ids[2]}/{COUNCIL}").text


def test_what_is_malformed_or_unknown_is_told(site: Flask, ids: list[str]) -> None:
    client = site.test_client()
    assert client.get(f"/timegate/{COUNCIL}", headers={"Accept-Datetime": "yesterday"}).status_code == 400
    for path in (f"/releases/{'f' * 16}/{COUNCIL}", f"/releases/{'f' * 16}", "/releases/..%2F/page/x"):
        assert client.get(path).status_code == 404, path
    assert client.get(f"/releases/{ids[0]}/page/nobody").status_code == 404
    both = {"query": "ASK {}", "release": ids[1]}
    assert client.get(f"/releases/{ids[0]}/sparql", query_string=both).status_code == 400
    assert client.get("/sparql", query_string={"query": "ASK {}", "release": "../x"}).status_code == 404


def test_a_release_of_another_layout_says_so(
    site: Flask, ids: list[str], three: tuple[Path, list[str]]
) -> None:
    path = three[0] / "releases" / ids[0] / "manifest.json"
    path.write_text(re.sub(r'"layout": \d+', '"layout": 0', path.read_text()))
    for address in (f"/releases/{ids[0]}/{COUNCIL}", f"/releases/{ids[0]}"):
        answer = site.test_client().get(address)
        assert answer.status_code == 501
        assert "layout 0" in answer.get_json()["detail"]


def test_old_releases_are_open_in_bounded_number_and_never_removed_meanwhile(
    site: Flask, ids: list[str], three: tuple[Path, list[str]]
) -> None:
    client, contexts = site.test_client(), site.extensions["kg_contexts"]
    assert client.get(f"/releases/{ids[0]}/{COUNCIL}").status_code == 200
    assert contexts._archive.count() == 1
    assert remove_old(three[0], keep=1, dry_run=True)[0].reason == "in use by a server"
    held = contexts.acquire(ids[0])
    assert client.get(f"/releases/{ids[1]}/{COUNCIL}").status_code == 503
    held.release_user()
    assert client.get(f"/releases/{ids[1]}/{COUNCIL}").status_code == 200
    assert contexts._archive.count() == 1
    assert [verdict.removed for verdict in remove_old(three[0], keep=1)] == [True, False, False]
    assert client.get(f"/releases/{ids[0]}/{COUNCIL}").status_code == 404


def test_the_list_and_the_page_of_a_release(site: Flask, ids: list[str]) -> None:
    client = site.test_client()
    listed = client.get("/releases/").get_json()["releases"]
    assert [entry["id"] for entry in listed] == ids[::-1]
    assert [entry["current"] for entry in listed] == [True, False, False]
    assert all(
        release_id in client.get("/releases/", headers={"Accept": "text/html"}).text for release_id in ids
    )
    shown = client.get(f"/releases/{ids[0]}").get_json()
    assert shown["published"] == "2026-01-01T12:00:00Z"
    packed = client.get(f"/releases/{ids[0]}/dumps/article-kg.nq", headers={"Accept-Encoding": "identity"})
    assert hashlib.sha256(packed.data).hexdigest() == shown["canonical_hash"]["value"]
    page = client.get(f"/releases/{ids[0]}", headers={"Accept": "text/html"}).text
    assert shown["canonical_hash"]["value"] in page
    assert client.get(f"/releases/{ids[0]}/").get_json() == shown


def test_what_changed_is_told_and_given_as_rdf(site: Flask, ids: list[str]) -> None:
    client = site.test_client()
    changes = client.get(f"/releases/{ids[2]}").get_json()["changes"]
    assert changes["before"] == ids[1]
    assert changes["figures"]["facts_added"] == 1
    told = "River Council: other name “Name 2” (en) added"
    assert told in [fact["text"] for fact in changes["facts"]]
    assert told in client.get(f"/releases/{ids[2]}", headers={"Accept": "text/html"}).text
    added = client.get(f"/releases/{ids[2]}.added.nq?since={ids[0]}")
    assert added.mimetype == "application/n-quads"
    assert len(added.text.splitlines()) == changes["figures"]["quads_added"]
    patch = client.get(f"/releases/{ids[2]}.rdfp")
    assert patch.mimetype == "application/rdf-patch"
    assert patch.text.startswith("H id ")
    assert patch.text.endswith("TC .\n")
    assert client.get(f"/releases/{ids[0]}.rdfp").status_code == 404
    assert client.get(f"/releases/{ids[1]}.removed.nq?since=nosuch").status_code == 404

"""Browse over HTTP: addresses that can be shared, facets with counts, without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from kg.release.layout import Release
from kg.settings import Settings
from tests.webapp.conftest import BufferingClient
from webapp.app import create_app


@pytest.fixture(scope="module")
def client(mini_release: Release) -> Iterator[FlaskClient]:
    app = create_app(Settings(var=str(mini_release.path.parent.parent), query_workers=1))
    app.test_client_class = BufferingClient
    yield app.test_client()
    app.extensions["kg_contexts"].close()


def get(client: FlaskClient, query: str = "") -> Any:
    answer = client.get(f"/browse?{query}", headers={"Accept": "application/json"}, follow_redirects=True)
    assert answer.status_code == 200
    return answer.get_json()


def test_everything_with_counts(client: FlaskClient) -> None:
    answer = get(client)
    assert answer["total"] == len(answer["results"])
    types = {value["value"]: value["count"] for value in answer["facets"]["type"]}
    assert types["org:Organization"] == 3
    assert {"body", "tenure", "modality", "status", "event"} <= {
        f for f, values in answer["facets"].items() if values
    }


def test_each_value_leads_to_as_many_things_as_it_says(client: FlaskClient) -> None:
    for start in ("", "type=org:Membership", "tenure=kg:former"):
        for values in get(client, start)["facets"].values():
            for value in values:
                if not value["chosen"]:
                    followed = get(client, value["href"].partition("?")[2])
                    mine = [
                        v
                        for f in followed["facets"].values()
                        for v in f
                        if v["chosen"] and v["value"] == value["value"]
                    ]
                    assert [v["count"] for v in mine] == [value["count"]]


def test_one_state_has_one_address(client: FlaskClient) -> None:
    ways = (
        "tenure=kg:former&type=schema:Person",
        "type=&type=https://schema.org/Person&tenure=kg:former&body=",
        "type=schema%3APerson&tenure=kg%3Aformer&sort=links&utm_source=x",
    )
    for way in ways:
        answer = client.get(f"/browse?{way}")
        assert (answer.status_code, answer.location) == (302, "/browse?type=schema:Person&tenure=kg:former")
    assert client.get("/browse?type=schema:Person&tenure=kg:former").status_code == 200


def test_the_page_works_by_links_alone(client: FlaskClient) -> None:
    page = client.get("/browse", headers={"Accept": "text/html"}).text
    href = unescape(re.findall(r'<a href="(/browse\?type=schema:Person)"', page)[0])
    page = client.get(href, headers={"Accept": "text/html"}).text
    assert "Ada Lind" in page and "1 thing<" in page
    assert re.search(r'<a href="/browse" rel="nofollow" aria-current="true">', page)
    for query in re.findall(r'href="(/browse[^"]*)"', page):
        assert (
            client.get(unescape(query), headers={"Accept": "text/html"}, follow_redirects=True).status_code
            == 200
        )


def test_pages_go_on_by_key(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = get(client, "sort=name")["results"]
    monkeypatch.setattr("webapp.views.browse.THINGS_SHOWN", 2)
    found, query = [], "sort=name&format=json"
    while query:
        answer = get(client, query)
        found += answer["results"]
        query = answer["next"].partition("?")[2]
    assert found == whole


def test_an_address_of_another_release_still_answers(client: FlaskClient) -> None:
    answer = get(client, "body=id:gone&after=id:gone")
    assert answer["total"] == 0
    assert [value["value"] for value in answer["facets"]["body"] if value["chosen"]] == ["id:gone"]
    page = client.get('/browse?body="><script>alert(1)</script>', follow_redirects=True).text
    assert "<script>alert" not in page


@pytest.mark.parametrize("query", ["sort=random", "&".join(f"body=id:b{n}" for n in range(21))])
def test_what_makes_no_sense_is_told(client: FlaskClient, query: str) -> None:
    assert client.get(f"/browse?{query}").status_code == 400


def test_an_unchanged_page_is_not_sent_again(client: FlaskClient) -> None:
    tag = client.get("/browse?type=schema:Person").headers["ETag"]
    for path, status in (
        ("type=schema:Person", 304),
        ("type=schema:Event", 200),
        ("type=schema:Person&lang=ja", 200),
    ):
        assert client.get(f"/browse?{path}", headers={"If-None-Match": tag}).status_code == status

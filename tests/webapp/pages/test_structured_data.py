"""What pages tell search engines: there, true to the data, and never more than data."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from kg.settings import Settings
from tests.conftest import BASE
from tests.webapp.test_documents import serve
from webapp.app import create_app


class Blocks(HTMLParser):
    """Gathers the data blocks of a page, as a browser's parser delimits them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script" and ("type", "application/ld+json") in attrs
        if self._inside:
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1] += data


def read_block(client: FlaskClient, path: str) -> dict[str, Any]:
    page = client.get(path, headers={"Accept": "text/html"}).text
    (block,) = Blocks(page).found
    content: dict[str, Any] = json.loads(block)
    assert content["@context"] == "https://schema.org"
    return content


def test_the_start_page_is_a_dataset(article_client: FlaskClient) -> None:
    data = read_block(article_client, "/")
    assert (data["@type"], data["@id"]) == ("Dataset", f"{BASE}.well-known/void#dataset")
    files = {dump["contentUrl"]: dump["sha256"] for dump in data["distribution"]}
    listed = article_client.get("/dumps/").get_json()["dumps"]
    assert files == {BASE.rstrip("/") + d["href"]: d["sha256"] for d in listed if not d["graph"]}
    assert 50 <= len(data["description"]) <= 5000
    assert data["isBasedOn"][0]["@type"] == "NewsArticle"


@pytest.mark.parametrize(
    ("slug", "types"),
    [
        ("wang-yi", "Person"),
        ("cjic", ["Organization", "Place"]),
        ("beijing-tokyo-forum-17", "Event"),
        ("beijing-tokyo-forum", "EventSeries"),
        ("china", ["Place", "Organization"]),
    ],
)
def test_things_have_their_types(article_client: FlaskClient, slug: str, types: str | list[str]) -> None:
    data = read_block(article_client, f"/page/{slug}")
    assert set(types if isinstance(types, list) else [types]) == set(
        data["@type"] if isinstance(data["@type"], list) else [data["@type"]]
    )
    assert data["@id"] == f"{BASE}id/{slug}"
    assert data["name"]


def test_a_former_post_is_not_a_present_one(article_client: FlaskClient) -> None:
    minister = read_block(article_client, "/page/wang-yi")
    assert any("Foreign Minister" in title for title in minister["jobTitle"])
    former = read_block(article_client, "/page/lou-jiwei")
    assert "minister" not in json.dumps(former.get("jobTitle", "")).lower()


def test_a_claim_is_told_to_nobody(article_client: FlaskClient) -> None:
    query = f"SELECT ?c WHERE {{ ?c a <{BASE}ontology#Claim> }}"
    found = article_client.get("/sparql", query_string={"query": query, "format": "csv"}).text.split()[1:]
    assert len(found) > 5
    for claim in found:
        page = article_client.get(claim.replace(f"{BASE}id/", "/page/"), headers={"Accept": "text/html"})
        assert Blocks(page.text).found == []


@pytest.fixture
def attacked(sources_copy: Path, tmp_path: Path) -> Iterator[FlaskClient]:
    facts = sources_copy / "data/articles/river-forum/facts.ttl"
    attack = r"</script><script>document.title='run'</script><!--<script>"
    facts.write_text(
        facts.read_text() + f'id:city skos:altLabel "{attack}"@en {{| kg:quote "the City" |}} .\n'
    )
    with serve(sources_copy, tmp_path / "var") as client:
        yield client


def test_data_cannot_end_its_block(attacked: FlaskClient) -> None:
    data = read_block(attacked, "/page/city")
    assert "</script><script>document.title='run'</script><!--<script>" in data["alternateName"]
    page = attacked.get("/page/city").text
    assert page.count("<script") == page.count("</script>")


def test_the_policy_lets_data_be_and_browsers_do_not_complain(attacked: FlaskClient, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed")
    app = create_app(Settings(var=str(tmp_path / "var"), query_workers=1))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        command = [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--v=0",
        ]
        command += [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
        run = subprocess.run(
            [*command, f"http://127.0.0.1:{server.server_port}/page/city"],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
    finally:
        server.shutdown()
        thread.join()
        app.extensions["kg_contexts"].close()
    assert "Content Security Policy" not in run.stderr
    title = re.search("<title>(.*?)</title>", run.stdout)
    assert title
    assert title[1] != "run"
    assert json.loads(Blocks(run.stdout).found[0])["@id"] == f"{BASE}id/city"

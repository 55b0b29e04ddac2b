"""Search over HTTP: results, suggestions, formats, and parameters that make no sense."""

from __future__ import annotations

from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.webapp.conftest import MakeRelease

LABEL = "<http://www.w3.org/2004/02/skos/core#prefLabel>"
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
PERSON = "<https://schema.org/Person>"
DATA = f"""
<http://h/id/wang-yi> {TYPE} {PERSON} <http://h/entities> .
<http://h/id/wang-yi> {LABEL} "Wang Yi"@en <http://h/entities> .
<http://h/id/wang-yi> {LABEL} "王毅"@zh <http://h/entities> .
<http://h/id/lab> {LABEL} "Wang <b>Lab</b> & Co"@en <http://h/entities> .
<http://h/id/wang-yi> <http://h/ontology#evidence> <http://h/evidence/1> <http://h/article/a> .
<http://h/evidence/1> <http://h/ontology#quotedText> "Minister Wang Yi spoke" <http://h/article/a> .
<http://h/evidence/1> <http://h/ontology#sentence> <http://h/article/a/sentence/7> <http://h/article/a> .
"""


@pytest.fixture
def client(empty_app: Flask, publish: MakeRelease) -> FlaskClient:
    publish("r1", DATA)
    return empty_app.test_client()


def get(client: FlaskClient, path: str, accept: str = "application/json", **query: object) -> object:
    answer = client.get(f"{path}?{urlencode(query, doseq=True)}", headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    return answer.get_json(force=True)


def test_suggestions_complete_names(client: FlaskClient) -> None:
    answer = get(client, "/search/suggest", q="王")
    assert answer == {
        "query": "王",
        "href": "/search?q=%E7%8E%8B",
        "suggestions": [
            {
                "iri": "http://h/id/wang-yi",
                "href": "/page/wang-yi",
                "name": {"text": "Wang Yi", "lang": "en"},
                "types": [{"text": "schema:Person", "lang": ""}],
                "match": {
                    "kind": "preferred",
                    "text": "王毅",
                    "lang": "zh",
                    "pieces": [{"text": "王", "marked": True}, {"text": "毅", "marked": False}],
                },
            }
        ],
    }


def test_suggestions_for_browsers(client: FlaskClient) -> None:
    expected = ["wang y", ["Wang Yi"], ["schema:Person"], ["http://localhost/page/wang-yi"]]
    assert get(client, "/search/suggest", q="wang y", format="opensearch") == expected
    assert get(client, "/search/suggest", "application/x-suggestions+json", q="wang y") == expected


def test_suggestions_are_bounded_and_cached(client: FlaskClient) -> None:
    assert len(get(client, "/search/suggest", q="wang", limit=1)["suggestions"]) == 1  # type: ignore[index]
    answer = client.get("/search/suggest?q=wang")
    again = client.get("/search/suggest?q=wang", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    other = client.get("/search/suggest?q=yi", headers={"If-None-Match": answer.headers["ETag"]})
    assert other.status_code == 200


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "limit=%C2%B2", "limit=9999999999"])
def test_a_limit_that_is_none_is_refused(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/search/suggest?q=a&{query}")
    assert answer.status_code == 400
    assert "limit" in answer.get_json(force=True)["detail"]


def test_results_say_why_and_are_escaped(client: FlaskClient) -> None:
    page = client.get("/search?q=wang", headers={"Accept": "text/html"}).text
    assert '<a href="/page/wang-yi" lang="en"><mark>Wang</mark> Yi</a>' in page
    assert "<mark>Wang</mark> &lt;b&gt;Lab&lt;/b&gt; &amp; Co" in page
    assert 'href="/article/a#s7"' in page
    assert "Minister <mark>Wang</mark> Yi spoke" in page
    page = client.get('/search?q="><script>', headers={"Accept": "text/html"}).text
    assert "<script>alert" not in page
    assert "&#34;&gt;&lt;script&gt;" in page


def test_a_result_by_another_name_says_which(client: FlaskClient) -> None:
    page = client.get("/search?q=王", headers={"Accept": "text/html"}).text
    assert '<a href="/page/wang-yi">Wang Yi</a>' in page
    assert 'Name (Chinese): <span lang="zh"><mark>王</mark>毅</span>' in page


def test_results_narrow_down_by_type_and_to_quotes(client: FlaskClient) -> None:
    answer = get(client, "/search", q="wang", type="schema:Person")
    assert [result["iri"] for result in answer["results"]] == ["http://h/id/wang-yi"]  # type: ignore[index]
    assert answer == get(client, "/search", q="wang", type="https://schema.org/Person")
    answer = get(client, "/search", **{"q": "minister", "in": "quotes"})
    assert answer["results"] == []  # type: ignore[index]
    assert [quote["href"] for quote in answer["quotes"]] == ["/article/a#s7"]  # type: ignore[index]


@pytest.mark.parametrize("text", ["", '"', "NEAR(", "*", "\0", "-", "x" * 5_000, "\ud83d"])
@pytest.mark.parametrize("path", ["/search", "/search/suggest"])
def test_any_text_has_an_answer(client: FlaskClient, path: str, text: str) -> None:
    query = urlencode({"q": text.encode("utf-8", "surrogatepass")})
    for accept in ("text/html, */*;q=0.1", "application/json"):
        assert client.get(f"{path}?{query}", headers={"Accept": accept}).status_code == 200


def test_what_is_not_found_is_told(client: FlaskClient) -> None:
    assert "Nothing was found" in client.get("/search?q=zzz", headers={"Accept": "text/html"}).text
    assert client.get("/search?q=zzz&page=9", headers={"Accept": "text/html"}).status_code == 200
    assert client.get("/search?q=a", headers={"Accept": "image/png"}).status_code == 406


def test_browsers_are_told_how_to_search(client: FlaskClient) -> None:
    answer = client.get("/opensearch.xml", base_url="https://kg.example/")
    assert answer.content_type == "application/opensearchdescription+xml"
    root = ElementTree.fromstring(answer.data)
    space = "{http://a9.com/-/spec/opensearch/1.1/}"
    assert 0 < len(root.findtext(f"{space}ShortName", "")) <= 16
    urls = {url.get("rel", url.get("type")): url.get("template") for url in root.iter(f"{space}Url")}
    assert urls["self"] == "https://kg.example/opensearch.xml"
    for kind in ("text/html", "application/json", "suggestions"):
        template = str(urls[kind])
        assert template.startswith("https://kg.example/search")
        assert client.get(template.replace("{searchTerms}", "wang")).status_code == 200
    assert 'rel="search"' in client.get("/search", headers={"Accept": "text/html"}).text

"""The endpoint over HTTP."""

from __future__ import annotations

import time

import pytest
from flask import Flask
from flask.testing import FlaskClient

ALL = "SELECT ?s ?o { ?s ?p ?o } ORDER BY ?s"
VALUES = "{" + " ".join(map(str, range(100))) + "}"
LARGE = f"SELECT * {{ VALUES ?a {VALUES} VALUES ?b {VALUES} VALUES ?c {VALUES} }}"


@pytest.mark.parametrize(
    "request_",
    [
        {"query_string": {"query": ALL}},
        {"method": "POST", "data": {"query": ALL}},
        {"method": "POST", "data": ALL, "content_type": "application/sparql-query; charset=UTF-8"},
    ],
)
def test_the_three_ways_to_ask(client: FlaskClient, request_: dict[str, object]) -> None:
    response = client.open("/sparql", **request_)
    assert response.status_code == 200
    assert response.mimetype == "application/sparql-results+json"
    assert len(response.get_json(force=True)["results"]["bindings"]) == 2
    assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("accept", "extra", "expected"),
    [
        ("text/csv", {}, "text/csv"),
        ("text/csv;q=0.1, application/sparql-results+xml", {}, "application/sparql-results+xml"),
        ("text/csv", {"format": "tsv"}, "text/tab-separated-values"),
        ("*/*", {"output": "xml"}, "application/sparql-results+xml"),
        ("application/json", {}, "application/sparql-results+json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", {}, "text/html"),
        ("garbage", {}, "application/sparql-results+json"),
    ],
)
def test_formats(client: FlaskClient, accept: str, extra: dict[str, str], expected: str) -> None:
    response = client.get("/sparql", query_string={"query": ALL, **extra}, headers={"Accept": accept})
    assert (response.status_code, response.mimetype) == (200, expected)
    assert "Accept" in response.headers["Vary"]


def test_datasets(client: FlaskClient) -> None:
    pairs = [("query", ALL), ("default-graph-uri", "http://h/g1"), ("format", "csv")]
    assert client.get("/sparql", query_string=pairs).text == "s,o\r\nhttp://h/id/a,A\r\n"


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (400, {"query_string": {"query": "SELECT"}}),
        (400, {"query_string": [("query", ALL), ("query", ALL)]}),
        (400, {"query_string": "query=%FF"}),
        (400, {"query_string": {"query": ALL, "timeout": "soon"}}),
        (400, {"method": "POST", "data": {"other": "x"}}),
        (400, {"method": "POST", "data": b"\xff", "content_type": "application/sparql-query"}),
        (403, {"method": "POST", "data": {"update": "DROP ALL"}}),
        (403, {"method": "POST", "data": "DROP ALL", "content_type": "application/sparql-update"}),
        (403, {"query_string": {"query": "SELECT * { SERVICE <http://h/> {} }"}}),
        (405, {"method": "DELETE"}),
        (406, {"query_string": {"query": ALL}, "headers": {"Accept": "text/turtle"}}),
        (406, {"query_string": {"query": ALL, "format": "none"}}),
        (413, {"method": "POST", "data": b"#" * 200_000, "content_type": "application/sparql-query"}),
        (415, {"method": "POST", "data": ALL, "content_type": "text/plain"}),
        (422, {"query_string": {"query": "ASK {" + "{" * 20_000 + "}" * 20_000 + "}"}}),
        (504, {"query_string": {"query": f"SELECT (COUNT(*) AS ?n) {LARGE[9:]}", "timeout": "0.05"}}),
    ],
)
def test_errors_are_problems(client: FlaskClient, status: int, request_: dict[str, object]) -> None:
    response = client.open("/sparql", **request_)
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    assert response.get_json()["status"] == status
    assert client.get("/sparql", query_string={"query": "ASK {}"}).status_code == 200


def test_a_syntax_error_has_its_place(client: FlaskClient) -> None:
    problem = client.get("/sparql", query_string={"query": "SELECT ?s {\n ?s ?p }"}).get_json()
    assert (problem["line"], problem["column"]) == (2, 9)


def test_head_options_and_description(client: FlaskClient) -> None:
    assert client.head("/sparql", query_string={"query": ALL}).data == b""
    options = client.options("/sparql")
    assert options.status_code == 204
    assert "POST" in options.headers["Access-Control-Allow-Methods"]
    assert b"UnionDefaultGraph" in client.get("/sparql", headers={"Accept": "text/turtle"}).data
    assert b"<textarea" in client.get("/sparql", headers={"Accept": "text/html"}).data


def test_caching(client: FlaskClient) -> None:
    first = client.get("/sparql", query_string={"query": ALL})
    headers = {"If-None-Match": first.headers["ETag"]}
    again = client.get("/sparql", query_string={"query": ALL}, headers=headers)
    assert (again.status_code, again.data) == (304, b"")
    assert "ETag" not in client.get("/sparql", query_string={"query": "SELECT (NOW() AS ?n) {}"}).headers


def test_a_page_shows_a_table_and_says_that_it_is_cut(client: FlaskClient) -> None:
    page = client.get("/sparql", query_string={"query": LARGE}, headers={"Accept": "text/html"}).text
    assert "The first 1,000 rows" in page
    page = client.get("/sparql", query_string={"query": ALL}, headers={"Accept": "text/html"}).text
    assert '<a href="http://h/id/a">' in page


def test_no_release_yet_then_one_then_the_next(empty_app: Flask, publish) -> None:  # type: ignore[no-untyped-def]
    client = empty_app.test_client()
    waiting = client.get("/healthz")
    assert waiting.status_code == 503
    assert int(waiting.headers["Retry-After"]) > 0
    publish("r1")
    assert client.get("/healthz").text == "ok r1\n"
    asked = {"query": LARGE + " LIMIT 99999", "format": "csv"}
    open_one = client.get("/sparql", query_string=asked, buffered=False)
    publish("r2", '<http://h/id/z> <http://h/p> "Z" <http://h/g1> .\n')
    assert "id/z" in client.get("/sparql", query_string={"query": ALL}).text
    body = iter(open_one.response)
    assert next(body), "what began on the old release goes on with it"
    open_one.close()


def test_workers_come_back_when_a_client_goes_away(client: FlaskClient) -> None:
    for _ in range(4):
        client.get("/sparql", query_string={"query": LARGE, "format": "csv"}, buffered=False).close()
    started = time.monotonic()
    assert client.get("/sparql", query_string={"query": "ASK {}"}).status_code == 200
    assert time.monotonic() - started < 1


def test_safety_headers(client: FlaskClient) -> None:
    headers = client.get("/robots.txt").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Referrer-Policy" in headers

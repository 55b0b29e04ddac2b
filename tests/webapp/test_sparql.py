"""The endpoint over HTTP."""

from __future__ import annotations

import time
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient

ALL = "SELECT ?s ?o { ?s ?p ?o } ORDER BY ?s"
HUGE = "SELECT * {" + " ".join(f"VALUES ?v{n} {{ 1 2 3 4 5 6 7 8 9 }}" for n in range(30)) + "}"
VALUES = "{" + " ".join(map(str, range(100))) + "}"
DIRECT = {"content_type": "application/sparql-query"}
LARGE = f"SELECT * {{ VALUES ?a {VALUES} VALUES ?b {VALUES} VALUES ?c {VALUES} }}"
ENDLESS = f"SELECT (COUNT(*) AS ?n) {{ {LARGE[9:]} VALUES ?d {VALUES} VALUES ?e {VALUES} }}"


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


A, B = "http://h/id/a", "http://h/id/b"
G1, G2 = ("default-graph-uri", "http://h/g1"), ("default-graph-uri", "http://h/g2")
N1, N2 = ("named-graph-uri", "http://h/g1"), ("named-graph-uri", "http://h/g2")
FROM_G2 = "SELECT ?s FROM <http://h/g2> { ?s ?p ?o }"
IN_GRAPHS = "SELECT ?s { GRAPH ?g { ?s ?p ?o } }"


@pytest.mark.parametrize(
    ("query", "dataset", "seen"),
    [
        ("SELECT ?s { ?s ?p ?o }", [], {A, B}),
        ("SELECT ?s { ?s ?p ?o }", [G1], {A}),
        ("SELECT ?s { ?s ?p ?o }", [G1, G2], {A, B}),
        ("SELECT ?s { ?s ?p ?o }", [N1], set()),
        ("SELECT ?s { ?s ?p ?o }", [("default-graph-uri", "http://nowhere.invalid/g")], set()),
        (IN_GRAPHS, [], {A, B}),
        (IN_GRAPHS, [N2], {B}),
        (IN_GRAPHS, [N1, N2], {A, B}),
        (IN_GRAPHS, [G1], set()),
        (IN_GRAPHS, [G1, N2], {B}),
        (FROM_G2, [], {B}),
        (FROM_G2, [G1], {A}),
        (FROM_G2, [N1], set()),
        ("SELECT ?s FROM NAMED <http://h/g2> { GRAPH ?g { ?s ?p ?o } }", [], {B}),
        ("SELECT ?s FROM NAMED <http://h/g2> { GRAPH ?g { ?s ?p ?o } }", [N1], {A}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "form", "direct"])
def test_the_dataset_of_the_request_comes_before_that_of_the_query(
    client: FlaskClient, query: str, dataset: list[tuple[str, str]], seen: set[str], method: str
) -> None:
    format_ = ("format", "json")
    if method == "GET":
        response = client.get("/sparql", query_string=[("query", query), *dataset, format_])
    elif method == "form":
        form = urlencode([("query", query), *dataset, format_])
        response = client.post("/sparql", data=form, content_type="application/x-www-form-urlencoded")
    else:
        response = client.post("/sparql", query_string=[*dataset, format_], data=query, **DIRECT)
    assert response.status_code == 200
    rows = response.get_json(force=True)["results"]["bindings"]
    assert {row["s"]["value"] for row in rows} == seen


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
        (414, {"query_string": {"query": "#" * 20_001}}),
        (415, {"method": "POST", "data": ALL, "headers": {"Content-Encoding": "gzip"}, **DIRECT}),
        (422, {"method": "POST", "data": "ASK {" + "{" * 20_000 + "}" * 20_000 + "}", **DIRECT}),
        (504, {"query_string": {"query": ENDLESS, "timeout": "0.05"}}),
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


@pytest.mark.parametrize("query", [ALL, "ASK {}", "CONSTRUCT WHERE { ?s ?p ?o }", "SELECT", None])
@pytest.mark.parametrize("accept", ["*/*", "text/html", "text/csv"])
def test_head_has_the_headers_of_get(client: FlaskClient, query: str | None, accept: str) -> None:
    asked = {"query_string": {"query": query} if query else {}, "headers": {"Accept": accept}}
    got, head = client.get("/sparql", **asked), client.head("/sparql", **asked)
    assert head.data == b""
    assert head.status_code == got.status_code
    timeless = [
        {name: value for name, value in answer.headers if name != "Server-Timing"} for answer in (got, head)
    ]
    assert timeless[0] == timeless[1]


def test_a_page_of_another_site_may_ask(client: FlaskClient) -> None:
    preflight = client.options(
        "/sparql",
        headers={"Origin": "https://other.example", "Access-Control-Request-Method": "POST"},
    )
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Content-Type" in preflight.headers["Access-Control-Allow-Headers"]
    for asked in ({"query": ALL}, {"query": "SELECT"}, {}):
        assert client.get("/sparql", query_string=asked).headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_told_which_there_are(client: FlaskClient, method: str) -> None:
    response = client.open("/sparql", method=method, query_string={"query": "ASK {}"})
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}


@pytest.mark.parametrize(
    ("query", "accept", "offered"),
    [
        (HUGE, "text/turtle", "application/sparql-results+json"),
        (HUGE, "image/png", "text/csv"),
        (f"CONSTRUCT {{ ?a ?b ?c }} WHERE {{ {HUGE} }}", "text/csv", "text/turtle"),
        ("DESCRIBE <urn:x>", "application/sparql-results+xml", "application/rdf+xml"),
        ("ASK {", "text/turtle", "application/sparql-results+xml"),
    ],
)
def test_what_cannot_be_accepted_is_refused_before_it_is_evaluated(
    client: FlaskClient, query: str, accept: str, offered: str
) -> None:
    response = client.get("/sparql", query_string={"query": query}, headers={"Accept": accept})
    assert response.status_code == 406
    assert offered in response.get_json()["detail"]


def test_an_error_is_a_page_for_readers(client: FlaskClient) -> None:
    for asked, status in (
        ({"query": "SELECT ?s {\n ?s ?p }"}, 400),
        ({"query": ALL, "timeout": "soon"}, 400),
    ):
        response = client.get("/sparql", query_string=asked, headers={"Accept": "text/html"})
        assert (response.status_code, response.mimetype) == (status, "text/html")
        assert response.headers["Cache-Control"] == "no-store"
    page = client.get(
        "/sparql", query_string={"query": "SELECT ?s {\n ?s ?p }"}, headers={"Accept": "text/html"}
    )
    assert "Line 2, column 9" in page.text


def test_description(client: FlaskClient) -> None:
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
    assert '<a href="/page/a">' in page


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

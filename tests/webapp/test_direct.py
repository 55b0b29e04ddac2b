"""The event loop's answers are those of the view, to the last header, and come only where they may."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from prometheus_client import REGISTRY
from werkzeug.datastructures import Headers

from kg.settings import Settings
from kg.store.embedded import express
from tests.webapp.both_ways import ThroughBridge
from tests.webapp.conftest import BufferingClient, MakeRelease
from webapp.app import create_app
from webapp.logs import JsonFormatter

ALL = "SELECT ?s ?o { ?s ?p ?o } ORDER BY ?s"
MANY = "SELECT * { VALUES ?a { " + "1 " * 20 + "} VALUES ?b { 2 3 } }"
HUGE = MANY.replace("{ 2 3 }", "{ " + "2 " * 400 + "}")
SLOW = "SELECT (COUNT(*) AS ?n) { " + " ".join(f"VALUES ?v{n} {{ {'1 ' * 160} }}" for n in range(3)) + " }"
DIRECT = {"content_type": "application/sparql-query"}
FORM = {"content_type": "application/x-www-form-urlencoded"}

PLAIN: dict[str, dict[str, Any]] = {
    "GET": {"query_string": {"query": ALL}},
    "form": {"method": "POST", "data": {"query": ALL}},
    "direct": {"method": "POST", "data": ALL, **DIRECT},
    "in part": {"method": "POST", "data": urlencode({"query": ALL}), "query_string": "format=csv", **FORM},
    "ASK": {"query_string": {"query": "ASK {}"}, "headers": {"Accept": "*/*"}},
    "CSV": {"query_string": {"query": ALL}, "headers": {"Accept": "text/csv;q=0.9, text/html;q=0.1"}},
    "XML": {"query_string": {"query": ALL, "output": "xml"}},
    "Turtle": {"query_string": {"query": "CONSTRUCT WHERE { ?s ?p ?o }"}},
    "JSON-LD": {"query_string": {"query": "DESCRIBE <http://h/id/a>", "format": "json"}},
    "a dataset": {"query_string": [("query", ALL), ("default-graph-uri", "http://h/g1")]},
    "the clock": {"query_string": {"query": "SELECT (STRLEN(STR(NOW())) > 5 AS ?n) {}"}},
    "zstd": {"query_string": {"query": MANY}, "headers": {"Accept-Encoding": "gzip;q=0.5, zstd"}},
    "gzip": {"query_string": {"query": MANY}, "headers": {"Accept-Encoding": "gzip"}},
    "small and coded": {"query_string": {"query": ALL}, "headers": {"Accept-Encoding": "br"}},
    "not coded": {"query_string": {"query": MANY}},
    "a deadline": {"query_string": {"query": ALL, "timeout": "2"}},
    "no rows": {"query_string": {"query": "SELECT * { <urn:x> ?p ?o }", "format": "tsv"}},
}
OTHERS: dict[str, dict[str, Any]] = {
    "HEAD": {"method": "HEAD", "query_string": {"query": ALL}},
    "OPTIONS": {"method": "OPTIONS"},
    "a page": {"query_string": {"query": ALL}, "headers": {"Accept": "text/html"}},
    "the service": {"headers": {"Accept": "text/turtle"}},
    "a syntax error": {"query_string": {"query": "SELECT"}},
    "an update": {"method": "POST", "data": {"update": "DROP ALL"}},
    "SERVICE": {"query_string": {"query": "SELECT * { SERVICE <http://h/> {} }"}},
    "two queries": {"query_string": [("query", ALL), ("query", ALL)]},
    "no such format": {"query_string": {"query": ALL}, "headers": {"Accept": "text/turtle"}},
    "no coding": {"query_string": {"query": ALL}, "headers": {"Accept-Encoding": "identity;q=0, x"}},
    "coded in any case": {"query_string": {"query": ALL}, "headers": {"Accept-Encoding": "br, *;q=0"}},
    "a release": {"query_string": {"query": ALL, "release": "r1"}},
    "no such release": {"query_string": {"query": ALL, "release": "r9"}},
    "a large answer": {"query_string": {"query": HUGE}},
    "a slow query": {"query_string": {"query": SLOW}},
    "too slow": {"query_string": {"query": SLOW, "timeout": "0.03"}},
    "blank": {"query_string": {"query": " "}},
    "unchanged": {"query_string": {"query": ALL}, "headers": {"If-None-Match": "*"}},
}  # fmt: skip


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the loop wait longer: this machine may be slow just now."""
    monkeypatch.setattr(express, "PATIENCE_S", 5.0)
    monkeypatch.setattr(express, "PATIENCE_CPU_S", 5.0)


def fold(headers: Headers) -> dict[str, str]:
    """Return headers with names in lower case, as ASGI has them, without what differs each time."""
    return {name.lower(): value for name, value in headers if name.lower() != "server-timing"}


@pytest.fixture
def bridge(app: Flask, settings: Settings) -> ThroughBridge:
    """The bridge before an application that has opened its release."""
    app.test_client().get("/readyz")
    through = ThroughBridge(app, settings)
    app.wsgi_app = through  # type: ignore[method-assign]
    return through


@pytest.mark.parametrize("name", [*PLAIN, *OTHERS])
def test_both_ways_answer_alike(
    app: Flask, settings: Settings, name: str, request: pytest.FixtureRequest
) -> None:
    if name in PLAIN:
        request.getfixturevalue("patient")
    asked = PLAIN.get(name) or OTHERS[name]
    client = app.test_client()
    expected = client.open("/sparql", **asked)
    through = ThroughBridge(app, settings)
    app.wsgi_app = through  # type: ignore[method-assign]
    response = client.open("/sparql", **asked)
    assert response.status_code == expected.status_code
    assert fold(response.headers) == fold(expected.headers)
    assert response.data == expected.data
    assert through.answered == (name in PLAIN)


def test_a_slow_query_is_begun_once(bridge: ThroughBridge, app: Flask) -> None:
    """The view goes on with what the loop has begun, and gives its worker back."""
    context = app.extensions["kg_contexts"].acquire()
    asked: list[str] = []
    query = context.store.query
    context.store.query = lambda asking: asked.append(asking.text) or query(asking)
    assert app.test_client().get("/sparql", query_string={"query": SLOW}).status_code == 200
    assert (asked, bridge.answered) == ([], 0)
    assert context.store.read_state().busy == 0
    context.release_user()
    assert not context.in_use


def test_what_no_view_takes_over_is_freed(
    bridge: ThroughBridge, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that is refused before the store is asked leaves neither worker nor release behind."""
    monkeypatch.setitem(app.before_request_funcs, None, [lambda: ("no", 403)])
    response = app.test_client().get("/sparql", query_string={"query": SLOW})
    context = app.extensions["kg_contexts"].acquire()
    context.release_user()
    assert (response.status_code, context.in_use, context.store.read_state().busy) == (403, False, 0)


@pytest.mark.usefixtures("patient")
def test_more_queries_than_workers_take_turns_in_the_loop(bridge: ThroughBridge, app: Flask) -> None:
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(app.test_client().get("/sparql", query_string={"query": ALL}).status_code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 8


@pytest.mark.usefixtures("patient")
def test_what_the_loop_answers_is_recorded(
    bridge: ThroughBridge, app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """Each query has its line of log, and its place in the metrics, as where the view answers."""
    counted = ("kg_queries_total", "kg_query_seconds_count", "kg_query_result_rows_total")

    def count() -> list[float]:
        labels = [{"outcome": "ok"}, {}, {}]
        return [
            REGISTRY.get_sample_value(name, label) or 0 for name, label in zip(counted, labels, strict=True)
        ]

    caplog.set_level("INFO", "kg.queries")
    before = count()
    for number in range(3):
        app.test_client().get("/sparql", query_string={"query": f"{ALL} # {number}"})
    assert bridge.answered == 3
    bridge.call_in_loop(bridge.shortcut.close)
    assert [now - then for now, then in zip(count(), before, strict=True)] == [3, 3, 6]
    lines = [
        json.loads(line) for record in caplog.records for line in JsonFormatter().format(record).splitlines()
    ]
    digests = [hashlib.sha256(f"{ALL} # {number}".encode()).hexdigest()[:16] for number in range(3)]
    assert [line["hash"] for line in lines] == digests
    assert {(line["message"], line["outcome"], line["rows"], line["client"]) for line in lines} == {
        ("query", "ok", 2, "127.0.0.1")
    }


@pytest.mark.usefixtures("patient")
def test_a_new_release_is_answered_at_once(bridge: ThroughBridge, app: Flask, publish: MakeRelease) -> None:
    client, request = app.test_client(), {"query_string": {"query": ALL, "format": "csv"}}
    before = client.get("/sparql", **request)
    publish("r2", '<http://h/id/c> <http://h/p> "C" <http://h/g1> .\n')
    after = [client.get("/sparql", **request) for _ in range(2)]
    assert before.data.count(b"\n") == 3
    assert [response.data for response in after] == [b"s,o\r\nhttp://h/id/c,C\r\n"] * 2
    assert len({before.headers["ETag"], *(response.headers["ETag"] for response in after)}) == 2
    assert bridge.answered == 2, "the second was answered by the view, which opened the release"


@pytest.fixture
def behind_proxy(settings: Settings, publish: MakeRelease) -> Iterator[Flask]:
    publish("r1")
    app = create_app(replace(settings, trusted_proxies="127.0.0.0/8", path_prefix="/kg"))
    app.test_client_class = BufferingClient
    yield app
    app.extensions["kg_contexts"].close()


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("path", ["/sparql", "/kg/sparql", "/other/sparql"])
@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-For": "10.0.0.9", "X-Forwarded-Prefix": "/pre"}])
def test_behind_a_proxy(behind_proxy: Flask, settings: Settings, path: str, headers: dict[str, str]) -> None:
    client, request = behind_proxy.test_client(), {"query_string": {"query": ALL}, "headers": headers}
    expected = client.get(path, **request)
    proxied = replace(settings, trusted_proxies="127.0.0.0/8", path_prefix="/kg")
    through = behind_proxy.wsgi_app = ThroughBridge(behind_proxy, proxied)  # type: ignore[method-assign]
    response = client.get(path, **request)
    assert (response.status_code, fold(response.headers)) == (expected.status_code, fold(expected.headers))
    assert through.answered == (expected.status_code == 200)

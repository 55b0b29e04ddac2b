"""What other engines get wrong in known ways, each against a running server."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from pathlib import Path
from urllib.parse import urlencode

import pytest

from kg.release.layout import Release
from tests.conftest import BASE
from tests.webapp.running import run_server

VALUES = "{" + " ".join(map(str, range(100))) + "}"
PRODUCT = f"VALUES ?a {VALUES} VALUES ?b {VALUES} VALUES ?c {VALUES} VALUES ?d {VALUES}"
ENDLESS = f"SELECT (COUNT(*) AS ?n) {{ {PRODUCT} }}"


@pytest.fixture(scope="module")
def port(mini_var: Path, mini_release: Release) -> Iterator[int]:
    with run_server(mini_var, base_iri=BASE, query_workers=2, max_result_bytes=200_000) as number:
        yield number


def ask(
    port: int, query: str, accept: str = "*/*", method: str = "GET", **parameters: str
) -> tuple[int, Message, bytes]:
    """Ask a query; return status, headers and the whole body, or fail where it is cut off."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        path = "/sparql?" + urlencode({"query": query, **parameters})
        connection.request(method, path, headers={"Accept": accept})
        with connection.getresponse() as response:
            return response.status, response.headers, response.read()
    finally:
        connection.close()


def test_a_timeout_is_no_200_with_an_error_in_it(port: int) -> None:
    status, _, body = ask(port, ENDLESS, timeout="0.3")
    assert status in (503, 504)
    assert "0.3 s" in json.loads(body)["detail"]


def test_a_result_is_not_cut_silently(port: int) -> None:
    try:
        status, _, _ = ask(port, f"SELECT * {{ {PRODUCT} }}", "text/csv")
    except (http.client.IncompleteRead, ConnectionError):
        return  # it was cut while it was sent, and the client knows
    assert status == 422


@pytest.mark.parametrize("accept", ["text/turtle", "application/rdf+xml", "application/n-triples"])
def test_describe_is_labelled_as_what_it_is(port: int, accept: str) -> None:
    status, headers, body = ask(port, "DESCRIBE <id/ada-lind>", accept)
    assert (status, headers.get_content_type()) == (200, accept)
    assert body.startswith(b"<?xml") is (accept == "application/rdf+xml")


def test_default_graph_uri_is_not_ignored(port: int) -> None:
    everything = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
    counts = {
        name: int(ask(port, everything, "text/csv", **dataset)[2].split()[1])
        for name, dataset in (
            ("all", {}),
            ("entities", {"default-graph-uri": BASE + "entities"}),
            ("none", {"default-graph-uri": "urn:none"}),
        )
    }
    assert counts["none"] == 0 < counts["entities"] < counts["all"]


def test_tsv_is_tsv(port: int) -> None:
    status, headers, body = ask(port, "SELECT ?s { ?s ?p ?o } LIMIT 1", "text/tab-separated-values")
    assert (status, headers.get_content_type()) == (200, "text/tab-separated-values")
    assert body.startswith(b"?s\n<")


def test_head_is_answered(port: int) -> None:
    for query in ("ASK {}", "SELECT * { ?s ?p ?o } LIMIT 3", "DESCRIBE <id/ada-lind>"):
        got, head = ask(port, query), ask(port, query, method="HEAD")
        assert (head[0], head[2]) == (200, b"")
        ignored = {"date", "transfer-encoding", "content-length"}
        told = [{k: v for k, v in h.items() if k.lower() not in ignored} for h in (got[1], head[1])]
        assert told[0] == told[1]


def test_a_slow_query_blocks_nobody(port: int) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, port, ENDLESS, timeout="3")
        time.sleep(0.3)
        for _ in range(5):
            assert ask(port, "ASK {}")[0] == 200
        assert not slow.done()
        assert slow.result()[0] in (503, 504)

"""The engines start, take a graph, answer, and end."""

from __future__ import annotations

import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from SPARQLWrapper import JSON, POST, SPARQLWrapper

from tests.engines import Engine, running

GRAPH = "http://h/g"


def send_graph(engine: Engine, method: str, turtle: str | None = None) -> None:
    url = f"{engine.graphs_url}?{urllib.parse.urlencode({'graph': GRAPH})}"
    headers = {"Content-Type": "text/turtle; charset=utf-8"}
    request = urllib.request.Request(url, turtle.encode() if turtle else None, headers, method=method)
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, url, engine.user, engine.password)
    opener = urllib.request.build_opener(urllib.request.HTTPDigestAuthHandler(passwords))
    with opener.open(request, timeout=20) as response:
        assert response.status in (200, 201, 204)


@pytest.mark.engines
def test_an_engine_takes_a_graph_and_answers(engine: Engine) -> None:
    send_graph(engine, "PUT", "<http://h/a> <http://h/p> '北京'@zh , 1 .")
    client = SPARQLWrapper(engine.query_url, returnFormat=JSON)
    client.setMethod(POST)
    client.setQuery(f"SELECT ?o {{ GRAPH <{GRAPH}> {{ <http://h/a> <http://h/p> ?o }} }}")
    rows = client.queryAndConvert()["results"]["bindings"]  # type: ignore[call-overload, index]
    assert {row["o"]["value"] for row in rows} == {"北京", "1"}
    send_graph(engine, "DELETE")


@pytest.mark.engines
def test_an_engine_leaves_nothing_behind(engine_name: str, tmp_path: Path) -> None:
    folder = tmp_path / engine_name
    with running(engine_name, folder) as engine:
        assert Path(f"/proc/{engine.pid}").exists()
    time.sleep(0.1)
    assert not Path(f"/proc/{engine.pid}").exists()
    assert not folder.exists()

"""What only a real server shows: no client takes a part of an answer for the whole."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

ROOT = Path(__file__).parent.parent.parent
VALUES = "{" + " ".join(map(str, range(100))) + "}"
LARGE = f"SELECT * {{ VALUES ?a {VALUES} VALUES ?b {VALUES} VALUES ?c {VALUES} }}"


@pytest.fixture
def port(tmp_path: Path, publish: Callable[[str], None]) -> Iterator[int]:
    publish("r1")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        number = int(probe.getsockname()[1])
    environment = {
        **os.environ,
        "KG_VAR": str(tmp_path),
        "KG_BASE_IRI": "http://h/",
        "KG_MAX_RESULT_BYTES": "1000000",
        "KG_QUERY_WORKERS": "1",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(number)]
    command += ["--blocking-threads", "4", "webapp.wsgi:application"]
    server = subprocess.Popen(command, env=environment, cwd=tmp_path)
    try:
        wait_until_healthy(number)
        yield number
    finally:
        server.terminate()
        server.wait(timeout=15)


def wait_until_healthy(port: int) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            if get(port, "/healthz")[0] == 200:
                return
        except OSError:
            assert time.monotonic() < until
        time.sleep(0.1)


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        with connection.getresponse() as response:
            return response.status, response.read()
    finally:
        connection.close()


def test_a_failure_in_the_middle_of_an_answer_has_its_status(port: int) -> None:
    assert b"true" in get(port, "/sparql?" + urlencode({"query": "ASK {}"}))[1]
    assert get(port, "/sparql?" + urlencode({"query": LARGE, "format": "csv"}))[0] == 422
    status, body = get(port, "/sparql?" + urlencode({"query": LARGE + " LIMIT 50000", "format": "csv"}))
    assert (status, body.count(b"\r\n")) == (200, 50_001)
    assert get(port, "/healthz")[0] == 200

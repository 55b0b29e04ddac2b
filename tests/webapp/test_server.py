"""What only a real server shows: no client takes a part of an answer for the whole."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.webapp.running import get, run_server

VALUES = "{" + " ".join(map(str, range(100))) + "}"
LARGE = f"SELECT * {{ VALUES ?a {VALUES} VALUES ?b {VALUES} VALUES ?c {VALUES} }}"


@pytest.fixture
def port(tmp_path: Path, publish: Callable[[str], None]) -> Iterator[int]:
    publish("r1")
    with run_server(tmp_path, max_result_bytes=1_000_000) as number:
        yield number


def test_a_failure_in_the_middle_of_an_answer_cuts_it_off(port: int) -> None:
    assert b"true" in get(port, "/sparql?" + urlencode({"query": "ASK {}"}))[1]
    with pytest.raises(http.client.IncompleteRead) as cut:
        get(port, "/sparql?" + urlencode({"query": LARGE, "format": "csv"}))
    assert len(cut.value.partial) < 1_000_000
    status, body = get(port, "/sparql?" + urlencode({"query": LARGE + " LIMIT 50000", "format": "csv"}))
    assert (status, body.count(b"\r\n")) == (200, 50_001)
    assert get(port, "/healthz")[0] == 200


def test_a_failure_before_the_first_byte_has_its_status(port: int) -> None:
    ordered = f"{LARGE} ORDER BY ?c"
    status, body = get(port, "/sparql?" + urlencode({"query": ordered, "format": "csv", "timeout": "0.2"}))
    assert status == 504 and b"ran longer than 0.2 s" in body

"""Requests byte by byte: what the server answers by itself, and what reaches the endpoint whole."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.webapp.conftest import make_release
from tests.webapp.running import run_server

QUERY = b"Content-Type: application/sparql-query\r\n"
CHUNKED = QUERY + b"Transfer-Encoding: chunked\r\n"
POST, GET = b"POST /sparql HTTP/1.1\r\n", b"GET /sparql?query="


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    var: Path = tmp_path_factory.mktemp("var")
    make_release(var, "r1")
    with run_server(var, max_query_bytes=10_000, max_url_bytes=2_000) as number:
        yield number


def send(port: int, head: bytes, body: bytes = b"") -> tuple[int, bytes]:
    """Send bytes; return status and body."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        start, _, headers = head.partition(b"\r\n")
        connection.sendall(start + b"\r\nHost: h\r\nConnection: close\r\n" + headers + b"\r\n" + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    top, _, content = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), content


def to_chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (POST + QUERY + b"Content-Length: 6\r\n", b"ASK {}"),
        (
            POST + b'Content-Type: application/sparql-query;charset="UTF-8"\r\nContent-Length: 6\r\n',
            b"ASK {}",
        ),
        (POST + CHUNKED, to_chunks(b"AS", b"K {", b"}")),
        (POST + CHUNKED, to_chunks(b"ASK {}", b"#" * 9_000)),
        (GET + b"ASK%7B%7D HTTP/1.1\r\n", b""),
        (GET + "ASK%7B%20?é%20?p%20?o%20%7D HTTP/1.1\r\n".encode(), b""),
        (GET + b"ASK%7B%7D HTTP/1.0\r\n", b""),
    ],
)
def test_answered(port: int, head: bytes, body: bytes) -> None:
    status, content = send(port, head, body)
    assert status == 200
    assert b'"boolean":true' in content


@pytest.mark.parametrize(
    ("status", "head", "body"),
    [
        (400, GET + b"ASK%7B%7D%00 HTTP/1.1\r\n", b""),
        (400, GET + b"ASK%7B%FF%7D HTTP/1.1\r\n", b""),
        (400, POST + QUERY + b"Content-Length: 8\r\n", b"ASK {}\x00\xff"),
        (405, b"PUT /sparql?query=ASK%7B%7D HTTP/1.1\r\nContent-Length: 0\r\n", b""),
        (411, POST + QUERY, b""),
        (413, POST + QUERY + b"Content-Length: 10001\r\n", b"ASK {}" + b"#" * 9_995),
        (413, POST + CHUNKED, to_chunks(b"ASK {}", b"#" * 6_000, b"#" * 6_000)),
        (414, GET + b"ASK%7B%7D&x=" + b"x" * 2_000 + b" HTTP/1.1\r\n", b""),
        (415, POST + b"Content-Type: text/plain\r\nContent-Length: 6\r\n", b"ASK {}"),
        (415, POST + QUERY + b"Content-Encoding: gzip\r\nContent-Length: 6\r\n", b"ASK {}"),
    ],
)
def test_refused_with_a_reason(port: int, status: int, head: bytes, body: bytes) -> None:
    answered, content = send(port, head, body)
    assert answered == status
    assert json.loads(content)["status"] == status


@pytest.mark.parametrize(
    ("status", "head"),
    [
        (400, GET + b"ASK{}\x00 HTTP/1.1\r\n"),
        (400, POST + QUERY + b"Content-Length: many\r\n"),
        (414, GET + b"ASK%7B%7D&x=" + b"x" * 70_000 + b" HTTP/1.1\r\n"),
    ],
)
def test_refused_by_the_server(port: int, status: int, head: bytes) -> None:
    assert send(port, head) == (status, b"")

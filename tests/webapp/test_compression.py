"""Content codings: which one, of what, and that a stream stays one."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator

import brotli
import pytest
import zstandard
from flask import Flask
from flask.testing import FlaskClient

from webapp.compression import CODINGS, CodedBody, choose_coding

PAGE = {"Accept": "text/html"}
BIG = {"query": "SELECT * { VALUES ?a {" + " 1" * 500 + "} VALUES ?b {" + " 2" * 500 + "} }", "format": "csv"}
DECODE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("GZip;Q=1", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip;q=1.0, br;q=0.9, zstd;q=0", "gzip"),
        ("gzip;q=0", "identity"),
        ("*", "zstd"),
        ("*;q=0.5, zstd;q=0, br;q=0", "gzip"),
        ("identity, gzip;q=0.5", "identity"),
        ("identity;q=0.5, gzip", "gzip"),
        ("identity;q=0", ""),
        ("identity;q=0, compress", ""),
        ("*;q=0", ""),
        ("*;q=0, gzip", "gzip"),
        ("*;q=0, identity", "identity"),
        ("deflate", "identity"),
        ("gzip;q=x", "gzip"),
        (",;,", "identity"),
    ],
)
def test_choice(header: str | None, coding: str) -> None:
    assert choose_coding(header) == coding


def test_small_bodies_are_coded_only_where_they_must_be() -> None:
    assert choose_coding("gzip", is_small=True) == "identity"
    assert choose_coding("gzip, identity;q=0", is_small=True) == "gzip"


class Chunks:
    """A body that tells how far it has been read and whether it was closed."""

    def __init__(self, error_after: int | None = None) -> None:
        self.read = 0
        self.closed = False
        self._error_after = error_after

    def __iter__(self) -> Iterator[bytes]:
        for number in range(3):
            if number == self._error_after:
                raise OSError("lost")
            self.read += 1
            yield b"%d" % number * 10_000

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("coding", CODINGS)
def test_a_stream_holds_nothing_back(coding: str) -> None:
    chunks = Chunks()
    body = CodedBody(chunks, coding)
    parts = iter(body)
    first = next(parts)
    assert chunks.read == 1
    assert decode_part(coding, first) == b"0" * 10_000
    assert DECODE[coding](first + b"".join(parts)) == b"".join(Chunks())
    body.close()
    assert chunks.closed


def decode_part(coding: str, part: bytes) -> bytes:
    """Decode what is there, without an end."""
    if coding == "gzip":
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(part)
    if coding == "br":
        return brotli.Decompressor().process(part)
    return zstandard.ZstdDecompressor().decompressobj().decompress(part)


@pytest.mark.parametrize("coding", CODINGS)
def test_a_failure_goes_through_and_leaves_no_whole(coding: str) -> None:
    parts, sent = iter(CodedBody(Chunks(error_after=2), coding)), b""
    with pytest.raises(OSError, match="lost"):
        for part in parts:
            sent += part
    assert decode_part(coding, sent) == b"0" * 10_000 + b"1" * 10_000
    if coding == "gzip":
        with pytest.raises(EOFError):
            gzip.decompress(sent)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize(
    ("path", "query", "headers"),
    [("/sparql", BIG, {}), ("/sparql", {}, PAGE), ("/sparql", {}, {}), ("/static/site.css", {}, {})],
)
def test_answers_and_pages(
    client: FlaskClient, coding: str, path: str, query: dict[str, str], headers: dict[str, str]
) -> None:
    plain = client.get(path, query_string=query, headers=headers)
    asked = {"query_string": query, "headers": {**headers, "Accept-Encoding": coding}}
    coded, head = client.get(path, **asked), client.head(path, **asked)
    assert coded.headers["Content-Encoding"] == coding
    assert DECODE[coding](coded.data) == plain.data
    assert len(coded.data) < len(plain.data) / 1.5
    assert "Accept-Encoding" in coded.headers["Vary"]
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert dict(head.headers) == dict(coded.headers)
    assert coded.headers.get("Content-Length", str(len(coded.data))) == str(len(coded.data))
    assert coded.headers["ETag"].startswith("W/")
    again = {**headers, "Accept-Encoding": coding, "If-None-Match": coded.headers["ETag"]}
    for method in ("GET", "HEAD"):
        unchanged = client.open(path, method=method, query_string=query, headers=again)
        assert (unchanged.status_code, unchanged.data) == (304, b"")
        assert unchanged.headers["ETag"] == coded.headers["ETag"]
        assert "Accept-Encoding" in unchanged.headers["Vary"]


def test_what_is_left_as_it_is(client: FlaskClient) -> None:
    dump = client.get("/dumps/all.nq.gz", headers={"Accept-Encoding": "gzip, br, zstd"})
    assert "Content-Encoding" not in dump.headers
    assert not dump.headers["ETag"].startswith("W/")
    small = client.get("/sparql", query_string={"query": "ASK {}"}, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in small.headers


def test_nothing_acceptable(app: Flask) -> None:
    client = app.test_client()
    answer = client.get("/sparql", query_string=BIG, headers={"Accept-Encoding": "identity;q=0, compress"})
    assert answer.status_code == 406
    assert "gzip" in answer.get_json()["detail"]

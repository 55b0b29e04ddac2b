"""Downloads of dumps from a real server: in parts, resumed, and large.

Source: RFC 9110, sections 13.1.5 (If-Range), 14.1.2 (byte ranges) and 15.5.17 (416).
"""

from __future__ import annotations

import gzip
import http.client
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kg.release.layout import open_release
from kg.release.manifest import write_manifest
from tests.webapp.conftest import make_release
from tests.webapp.running import run_server

SIZE = 200 * 1024**2
PIECE = 1024**2
GROWTH = 32 * 1024**2
"""What memory may grow by while so much is sent; a whole file in memory is six times that."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release whose dump is large: made up, since the real ones are small."""
    var = tmp_path_factory.mktemp("downloads")
    make_release(var, "r1")
    with gzip.open(var / "current" / "dumps" / "all.nq.gz", "wb", compresslevel=1) as file:
        for _ in range(SIZE // PIECE):
            file.write(bytes(PIECE))
    # Beyond the packed stream come zeros, which unpacking passes over, and which take no room on the disk.
    os.truncate(var / "current" / "dumps" / "all.nq.gz", SIZE)
    manifest = open_release(var, "r1").manifest
    dump = replace(manifest.dumps[0], format="nquads", size_bytes=SIZE, unpacked_bytes=SIZE)
    write_manifest(var / "current" / "manifest.json", replace(manifest, dumps=(dump,)))
    return var


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    with run_server(folder) as port:
        yield port


def download(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], int]:
    """Return status, headers with names in lower case, and the bytes that came; keeps none of them."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        with connection.getresponse() as response:
            size = 0
            while piece := response.read(PIECE):
                size += len(piece)
            return response.status, {k.lower(): v for k, v in response.getheaders()}, size
    finally:
        connection.close()


def read_peaks(folder: Path) -> int:
    """Return the most memory that each process of the server ever had, in bytes, added up."""
    total = 0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink() == folder.resolve():
                lines = (entry / "status").read_text().splitlines()
                total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
        except OSError:
            continue
    return total


@pytest.mark.parametrize("path", ["/dumps/all.nq.gz", "/dumps/all.nq"])
def test_a_large_dump_goes_through_little_memory(folder: Path, port: int, path: str) -> None:
    download(port, "/dumps/SHA256SUMS")
    before = read_peaks(folder)
    assert before
    status, headers, size = download(port, path, Accept_Encoding="identity")
    assert (status, size) == (200, SIZE)
    assert "content-encoding" not in headers
    assert read_peaks(folder) - before < GROWTH


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("bytes=10-19", "bytes 10-19/{size}"),
        ("bytes=-7", "bytes {from_end}-{last}/{size}"),
        ("bytes={last}-", "bytes {last}-{last}/{size}"),
        ("bytes=10-{size}0", "bytes 10-{last}/{size}"),
    ],
)
def test_parts(port: int, asked: str, given: str) -> None:
    places = {"size": SIZE, "last": SIZE - 1, "from_end": SIZE - 7}
    status, headers, size = download(port, "/dumps/all.nq.gz", Range=asked.format(**places))
    assert (status, headers["content-range"]) == (206, given.format(**places))
    first, _, last = headers["content-range"].split("/")[0].removeprefix("bytes ").partition("-")
    assert size == int(headers["content-length"]) == int(last) - int(first) + 1


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE + 5}-{SIZE + 9}"])
def test_a_part_that_is_not_there_is_416_with_the_size(port: int, asked: str) -> None:
    status, headers, _ = download(port, "/dumps/all.nq.gz", Range=asked)
    assert (status, headers["content-range"]) == (416, f"bytes */{SIZE}")


def test_a_download_is_resumed_only_if_it_is_the_same_file(port: int) -> None:
    path, part = "/dumps/all.nq.gz", "bytes=100-199"
    _, headers, _ = download(port, path, Range=part)
    etag, date = headers["etag"], headers["last-modified"]
    assert not etag.startswith("W/")
    for same in (etag, date):
        status, _, size = download(port, path, Range=part, If_Range=same)
        assert (status, size) == (206, 100), same
    # Weak tags never match; nor does a later date, which after a rollback is that of another release.
    for other in ('"other"', f"W/{etag}", "Fri, 01 Jan 2100 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT"):
        status, headers, size = download(port, path, Range=part, If_Range=other)
        assert (status, size) == (200, SIZE), other
        assert "content-range" not in headers

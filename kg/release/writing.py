"""Writes one RDF file twice as it is serialised, gzipped and in Zstandard, and hashes it on the way.

The same statements give the same bytes: no time stamp, no name, one thread, fixed levels. What is left is the
version of the compressors themselves. Sources: RFC 1952 (gzip), RFC 8878 (Zstandard).
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any, Protocol, cast

import zstandard
from pyoxigraph import Quad, Triple, serialize

from kg.formats import N_TRIPLES, RDF_XML, TRIG, TURTLE, Format, to_rdf_format

CODINGS = {"gz": "gzip", "zst": "zstd"}
"""Extension → content coding, in the order in which they are written."""

GZIP_LEVEL, ZSTD_LEVEL = 6, 9
"""The last levels that are worth their time: the highest but these take 2.2 times as long for 5 % less."""

_XML_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_WITH_COMMENTS = (TURTLE, TRIG, N_TRIPLES)
_WITH_PREFIXES = (TURTLE, TRIG, RDF_XML)
_WRITE_BYTES = 64 * 1024


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that was written: its name, size, checksum, and what it is packed with."""

    name: str
    coding: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Written:
    """What came of one serialisation; ``sha256`` and ``size_bytes`` are those of the unpacked bytes."""

    files: tuple[WrittenFile, ...]
    size_bytes: int
    sha256: str


@dataclass(slots=True)
class _HashingFile:
    """Passes bytes on, and counts and hashes them."""

    target: IO[bytes] | None
    digest: _Hash = field(default_factory=hashlib.sha256)
    size_bytes: int = 0

    def write(self, data: Any) -> int:
        self.digest.update(data)
        self.size_bytes += len(data)
        if self.target is not None:
            self.target.write(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits here: the file below is flushed when it is closed."""


@dataclass(slots=True)
class _Tee:
    """Collects small writes for all targets; drops ``skip``, with which the input must begin."""

    targets: Sequence[Any]
    skip: bytes = b""
    _buffer: bytearray = field(default_factory=bytearray)

    def write(self, data: Any) -> int:
        self._buffer += data
        if len(self._buffer) >= _WRITE_BYTES:
            self.flush()
        return len(data)

    def flush(self) -> None:
        data = bytes(self._buffer)
        self._buffer.clear()
        if self.skip:
            if not data.startswith(self.skip):
                raise ValueError(f"the serialiser began with {data[:60]!r}")
            data, self.skip = data[len(self.skip) :], b""
        for target in self.targets:
            target.write(data)


def write_packed(
    stem: Path,
    fmt: Format,
    statements: Iterable[Quad] | Iterable[Triple],
    prefixes: dict[str, str],
    head: Sequence[str] = (),
    version: str = "",
) -> Written:
    """Serialise statements, in the order given, into ``<stem>.<extension>.gz`` and ``….zst``.

    Parameters
    ----------
    prefixes: for the formats that have them.
    head: lines of a comment at the top, for the formats that have comments and are not canonical: Turtle,
        TriG, N-Triples and RDF/XML.
    version: of RDF, announced by a directive where it is given (RDF 1.2 Turtle, section 2.7).
    """
    given = prefixes if fmt in _WITH_PREFIXES else None
    skip = _XML_DECLARATION if fmt == RDF_XML else b""
    start = _render_head(fmt, head) + (f'VERSION "{version}"\n'.encode() if version else b"")
    name = f"{stem.name}.{fmt.extension}"
    with _open_packed(stem.with_name(name)) as (plain, packed):
        for target in (plain, *(target for target, _ in packed)):
            target.write(start)
        tee = _Tee((plain, *(target for target, _ in packed)), skip)
        serialize(statements, cast(IO[bytes], tee), format=to_rdf_format(fmt), prefixes=given)
        tee.flush()
    files = tuple(
        WrittenFile(f"{name}.{extension}", coding, raw.size_bytes, raw.digest.hexdigest())
        for (extension, coding), (_, raw) in zip(CODINGS.items(), packed, strict=True)
    )
    return Written(files, plain.size_bytes, plain.digest.hexdigest())


@contextmanager
def _open_packed(path: Path) -> Iterator[tuple[_HashingFile, list[tuple[Any, _HashingFile]]]]:
    with ExitStack() as stack:
        packed: list[tuple[Any, _HashingFile]] = []
        for extension in CODINGS:
            file = stack.enter_context(path.with_name(f"{path.name}.{extension}").open("wb"))
            raw = _HashingFile(file)
            packed.append((stack.enter_context(_open_coder(extension, raw)), raw))
        yield _HashingFile(None), packed


def _open_coder(extension: str, raw: _HashingFile) -> Any:
    if extension == "gz":
        # No name either: it would be that of the file in the making.
        return gzip.GzipFile("", "wb", GZIP_LEVEL, cast(IO[bytes], raw), mtime=0)
    return _make_packer().stream_writer(cast(IO[bytes], raw), closefd=False)


@cache
def _make_packer() -> zstandard.ZstdCompressor:
    # One for all files, of which there may be a hundred thousand: its tables take 0.7 ms to make.
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True, threads=0)


def _render_head(fmt: Format, lines: Sequence[str]) -> bytes:
    if fmt == RDF_XML:
        # Two hyphens end a comment (XML 1.0, section 2.5).
        comment = "".join(f"  {line.replace('--', '- -')}\n" for line in lines)
        return _XML_DECLARATION + (f"<!--\n{comment}-->\n".encode() if lines else b"")
    if fmt in _WITH_COMMENTS and lines:
        return "".join(f"# {line}\n" for line in lines).encode()
    return b""

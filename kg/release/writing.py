"""Writes one RDF file twice as it is serialised, gzipped and in Zstandard, and hashes what is written.

The same statements give the same bytes: no time stamp, no name, one thread, fixed levels. What is left is the
version of the compressors themselves. Sources: RFC 1952 (gzip), RFC 8878 (Zstandard).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Protocol, cast

import zstandard
from pyoxigraph import Quad, Triple, serialize
from zlib_ng import zlib_ng

from kg.formats import N_TRIPLES, RDF_XML, TRIG, TURTLE, Format, to_rdf_format
from kg.release.fragments import XML_DECLARATION

CODINGS = {"gz": "gzip", "zst": "zstd"}
"""Extension → content coding, in the order in which they are written."""

GZIP_LEVEL, ZSTD_LEVEL = 5, 9
"""The last levels that are worth their time, of zlib-ng and of Zstandard."""

_WITH_COMMENTS = (TURTLE, TRIG, N_TRIPLES)
_WITH_PREFIXES = (TURTLE, TRIG, RDF_XML)
_WRITE_BYTES = 64 * 1024
_GZIP_WINDOW = 16 + zlib_ng.MAX_WBITS


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
    """What came of one serialisation; ``size_bytes`` is that of the unpacked bytes."""

    files: tuple[WrittenFile, ...]
    size_bytes: int


@dataclass(slots=True)
class HashingFile:
    """Passes bytes on to a file, and counts and hashes them."""

    target: IO[bytes]
    digest: _Hash = field(default_factory=hashlib.sha256)
    size_bytes: int = 0

    def write(self, data: Any) -> int:
        """Write some bytes."""
        self.digest.update(data)
        self.size_bytes += len(data)
        self.target.write(data)
        return len(data)


class _Coder(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


@dataclass(slots=True)
class _Packer:
    """Collects small writes and packs them in each way; drops ``skip``, with which they must begin."""

    outputs: Sequence[tuple[_Coder, HashingFile]]
    skip: bytes = b""
    size_bytes: int = 0
    _buffer: bytearray = field(default_factory=bytearray)

    def write(self, data: Any) -> int:
        self._buffer += data
        if len(self._buffer) >= _WRITE_BYTES:
            self.flush()
        return len(data)

    def flush(self) -> None:
        """Pack what was collected."""
        data = bytes(self._buffer)
        self._buffer.clear()
        if self.skip:
            if not data.startswith(self.skip):
                raise ValueError(f"the serialiser began with {data[:60]!r}")
            data, self.skip = data[len(self.skip) :], b""
        self.pack(data)

    def pack(self, data: bytes) -> None:
        """Pack bytes as they are."""
        self.size_bytes += len(data)
        for coder, file in self.outputs:
            file.write(coder.compress(data))

    def finish(self) -> None:
        """Pack all that is left."""
        for coder, file in self.outputs:
            file.write(coder.flush())


@cache
def describe_writing() -> tuple[str, ...]:
    """Return what the bytes of a file depend on, beside what is written: the libraries, and this code."""
    libraries = (version(name) for name in ("pyoxigraph", "zstandard", "zlib-ng"))
    return *libraries, Path(__file__).read_text(encoding="utf-8")


def write_packed(
    stem: Path,
    fmt: Format,
    statements: Iterable[Quad] | Iterable[Triple],
    prefixes: dict[str, str],
    head: Sequence[str] = (),
) -> Written:
    """Serialise statements, in the order given, into ``<stem>.<extension>.gz`` and ``….zst``.

    Parameters
    ----------
    prefixes: for the formats that have them.
    head: lines of a comment at the top, see ``render_head``.
    """
    given = prefixes if fmt in _WITH_PREFIXES else None
    skip = XML_DECLARATION if fmt == RDF_XML else b""
    with _open_packed(stem, fmt) as packer:
        packer.pack(render_head(fmt, head))
        packer.skip = skip
        serialize(statements, cast(IO[bytes], packer), format=to_rdf_format(fmt), prefixes=given)
        packer.flush()
    return _describe(stem, fmt, packer)


def write_packed_lines(stem: Path, fmt: Format, lines: Iterable[bytes], head: Sequence[str] = ()) -> Written:
    """Do the same with lines that are already in the format, N-Triples or N-Quads."""
    with _open_packed(stem, fmt) as packer:
        packer.pack(render_head(fmt, head))
        for line in lines:
            packer.write(line)
        packer.flush()
    return _describe(stem, fmt, packer)


@contextmanager
def _open_packed(stem: Path, fmt: Format) -> Iterator[_Packer]:
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("wb")) for path in list_paths(stem, fmt)]
        coders = (_open_coder(coding) for coding in CODINGS.values())
        packer = _Packer([*zip(coders, map(HashingFile, files), strict=True)])
        yield packer
        packer.finish()


def list_paths(stem: Path, fmt: Format) -> list[Path]:
    """Return the files of a dump, in the order of codings."""
    return [stem.with_name(f"{stem.name}.{fmt.extension}.{extension}") for extension in CODINGS]


def _describe(stem: Path, fmt: Format, packer: _Packer) -> Written:
    files = tuple(
        WrittenFile(path.name, coding, file.size_bytes, file.digest.hexdigest())
        for path, coding, (_, file) in zip(
            list_paths(stem, fmt), CODINGS.values(), packer.outputs, strict=True
        )
    )
    return Written(files, packer.size_bytes)


def _open_coder(coding: str) -> _Coder:
    if coding == "gzip":
        # Its header has neither a name nor a time.
        return zlib_ng.compressobj(GZIP_LEVEL, zlib_ng.DEFLATED, _GZIP_WINDOW)
    return make_zstd_packer().compressobj()


@cache
def make_zstd_packer() -> zstandard.ZstdCompressor:
    """Return what packs in Zstandard."""
    # One for all files, of which there may be a hundred thousand: its tables take 0.7 ms to make.
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True, threads=0)


def render_head(fmt: Format, lines: Sequence[str], rdf: str = "") -> bytes:
    """Return what stands at the top of a file: lines of a comment, and the version of RDF where it is given.

    Comments are for the formats that have them and are not canonical: Turtle, TriG, N-Triples and RDF/XML.
    The version is announced by a directive (RDF 1.2 Turtle, section 2.7).
    """
    version = f'VERSION "{rdf}"\n'.encode() if rdf else b""
    return _render_comment(fmt, lines) + version


def _render_comment(fmt: Format, lines: Sequence[str]) -> bytes:
    if fmt == RDF_XML:
        # Two hyphens end a comment (XML 1.0, section 2.5).
        comment = "".join(f"  {line.replace('--', '- -')}\n" for line in lines)
        return XML_DECLARATION + (f"<!--\n{comment}-->\n".encode() if lines else b"")
    if fmt in _WITH_COMMENTS and lines:
        return "".join(f"# {line}\n" for line in lines).encode()
    return b""

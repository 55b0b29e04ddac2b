"""Packs a text as it comes, gzipped and in Zstandard, and hashes what is written.

The same statements give the same bytes: no time stamp, no name, one thread, fixed levels. What is left is the
version of the compressors themselves. Sources: RFC 1952 (gzip), RFC 8878 (Zstandard).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Protocol

import zstandard
from zlib_ng import zlib_ng

from kg.formats import N_TRIPLES, RDF_XML, TRIG, TURTLE, Format
from kg.release.dumps import fragments
from kg.release.dumps.fragments import XML_DECLARATION

CODINGS = {"gz": "gzip", "zst": "zstd"}
"""Extension → content coding, in the order in which they are written."""

GZIP_LEVEL, ZSTD_LEVEL = 5, 9
"""The last levels that are worth their time, of zlib-ng and of Zstandard."""

_WITH_COMMENTS = (TURTLE, TRIG, N_TRIPLES)
_WRITE_BYTES = 256 * 1024
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
class Packer:
    """Collects bytes and packs them in each way; ``paths`` are where to."""

    paths: Sequence[Path]
    outputs: Sequence[tuple[_Coder, HashingFile]]
    size_bytes: int = 0
    _held: bytes = b""

    def pack(self, data: bytes) -> None:
        """Pack some bytes, soon."""
        self._held += data
        if len(self._held) >= _WRITE_BYTES:
            self._flush()

    def _flush(self) -> None:
        data, self._held = self._held, b""
        self.size_bytes += len(data)
        for coder, file in self.outputs:
            file.write(coder.compress(data))

    def finish(self) -> None:
        """Pack all that is left."""
        self._flush()
        for coder, file in self.outputs:
            file.write(coder.flush())

    def describe(self) -> Written:
        """Return what was written, once it is finished."""
        files = tuple(
            WrittenFile(path.name, coding, file.size_bytes, file.digest.hexdigest())
            for path, coding, (_, file) in zip(self.paths, CODINGS.values(), self.outputs, strict=True)
        )
        return Written(files, self.size_bytes)


@cache
def describe_writing() -> tuple[str, ...]:
    """Return what the bytes of a file depend on, beside what is written: the libraries, and this code."""
    libraries = (version(name) for name in ("pyoxigraph", "zstandard", "zlib-ng"))
    code = (Path(module).read_text(encoding="utf-8") for module in (__file__, fragments.__file__))
    return *libraries, *code


@contextmanager
def open_packed(stem: Path, fmt: Format) -> Iterator[Packer]:
    """Open ``<stem>.<extension>.gz`` and ``….zst``, which are whole behind the ``with``.

    One after the other: all share one compressor.
    """
    paths = list_paths(stem, fmt)
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("wb")) for path in paths]
        coders = (_open_coder(coding) for coding in CODINGS.values())
        packer = Packer(paths, [*zip(coders, map(HashingFile, files), strict=True)])
        yield packer
        packer.finish()


def list_paths(stem: Path, fmt: Format) -> list[Path]:
    """Return the files of a dump, in the order of codings."""
    return [stem.with_name(f"{stem.name}.{fmt.extension}.{extension}") for extension in CODINGS]


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

"""Writes dumps of the whole dataset in parts that are packed each on its own.

What did not change since the last release is copied from its dumps as it is packed there, so a build packs
only what did. The same statements give the same parts, whether they are packed or copied.

A gzipped dump has one member: parts are deflated without looking back and end at a byte, and checksums can be
put together (RFC 1951, section 3.2.4; RFC 1952, section 2.3; pigz does the same). In Zstandard each part is a
frame, since their checksum cannot be put together; whoever unpacks goes on to the next frame (RFC 8878,
section 3).
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from zlib_ng import zlib_ng

from kg.release.digests import hash_texts
from kg.release.dumps import reification
from kg.release.dumps.fragments import Fragment, Wording
from kg.release.dumps.packing import (
    CODINGS,
    GZIP_LEVEL,
    HashingFile,
    Written,
    WrittenFile,
    describe_writing,
    list_paths,
    make_zstd_packer,
)
from kg.release.layout import DumpFile

_GZIP_HEADER = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3))
"""No name, no time; 3 is Unix. As zlib-ng writes it."""
_ISIZE = 1 << 32


@dataclass(frozen=True, slots=True)
class PackedPart:
    """A part: the key of what it says, how many statements that are, checksum and size of its text.

    ``packed_bytes`` are its sizes in each coding, in their order.
    """

    key: str
    statements: int
    crc32: int
    size_bytes: int
    packed_bytes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PackedParts:
    """The parts of a dump, one after the other; ``starts`` are the offsets of the first in each coding.

    ``context`` stands for all that they depend on beside what they say.
    """

    context: str
    starts: tuple[int, ...]
    parts: tuple[PackedPart, ...]

    @classmethod
    def parse(cls, content: Any) -> PackedParts:
        """Read what a build has remembered; raises ``ValueError``, ``KeyError`` or ``TypeError``."""
        rows = content["parts"]
        parts = (PackedPart(str(key), n, crc, size, tuple(packed)) for key, n, crc, size, packed in rows)
        return cls(str(content["context"]), tuple(content["starts"]), tuple(parts))

    def to_json(self) -> dict[str, Any]:
        """Return what ``parse`` reads."""
        return {
            "context": self.context,
            "starts": self.starts,
            "parts": [[p.key, p.statements, p.crc32, p.size_bytes, p.packed_bytes] for p in self.parts],
        }


@dataclass(frozen=True, slots=True)
class EarlierDump:
    """A dump of an earlier release: its folder, its files in the order of codings, and their parts."""

    folder: Path
    files: tuple[DumpFile, ...]
    parts: PackedParts


class _Taken:
    """The packed parts of an earlier dump, by key; none if a file of it is not to the byte what it was."""

    def __init__(self, earlier: EarlierDump | None, context: str, stack: ExitStack) -> None:
        self._files: list[mmap.mmap] = []
        self._found: dict[str, tuple[PackedPart, tuple[int, ...]]] = {}
        if earlier is None or earlier.parts.context != context:
            return
        try:
            self._files = [stack.enter_context(_map(earlier.folder / file.name)) for file in earlier.files]
        except (OSError, ValueError):  # an empty file cannot be mapped
            return
        pairs = zip(self._files, earlier.files, strict=True)
        if all(sha256(content).hexdigest() == file.sha256 for content, file in pairs):
            self._index(earlier.parts)

    def _index(self, packed: PackedParts) -> None:
        places = packed.starts
        for part in packed.parts:
            self._found[part.key] = part, places
            places = tuple(map(sum, zip(places, part.packed_bytes, strict=True)))

    def find(self, key: str) -> tuple[PackedPart, list[bytes]] | None:
        """Return the part with a key, and its bytes in each coding."""
        if key not in self._found:
            return None
        part, places = self._found[key]
        slices = zip(self._files, places, part.packed_bytes, strict=True)
        return part, [file[place : place + size] for file, place, size in slices]


@contextmanager
def _map(path: Path) -> Iterator[mmap.mmap]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield content


@dataclass(slots=True)
class PartsWriter:
    """Writes one dump, fragment by fragment."""

    stem: Path
    wording: Wording
    context: str
    taken: _Taken
    outputs: Sequence[HashingFile]
    crc32: int = 0
    size_bytes: int = 0
    statements: int = 0
    starts: tuple[int, ...] = ()
    parts: list[PackedPart] = field(default_factory=list)

    def begin(self, head: bytes) -> None:
        """Write what stands before all fragments."""
        self.outputs[0].write(_GZIP_HEADER)
        text = head + self.wording.head
        if text:
            self._write(_pack("", text, 0))
        self.starts = tuple(output.size_bytes for output in self.outputs)

    def add(self, fragment: Fragment) -> None:
        """Write a fragment, or copy it."""
        key = fragment.key + fragment.describe_place(self.wording.fmt)
        part, packed = self.taken.find(key) or _pack(key, *self.wording.write(fragment))
        self._write((part, packed))
        self.statements += part.statements
        self.parts.append(part)

    def _write(self, packed: tuple[PackedPart, list[bytes]]) -> None:
        part, contents = packed
        for output, content in zip(self.outputs, contents, strict=True):
            output.write(content)
        self._count(part.crc32, part.size_bytes)

    def _count(self, crc32: int, size_bytes: int) -> None:
        self.crc32 = zlib_ng.crc32_combine(self.crc32, crc32, size_bytes)
        self.size_bytes += size_bytes

    def finish(self) -> tuple[Written, PackedParts]:
        """Write what stands behind all fragments."""
        tail = self.wording.tail
        gzipped, framed = self.outputs
        coder = _open_deflater()
        gzipped.write(coder.compress(tail) + coder.flush(zlib_ng.Z_FINISH))
        if tail or not framed.size_bytes:  # a file without a frame would be none
            framed.write(make_zstd_packer().compress(tail))
        self._count(zlib_ng.crc32(tail), len(tail))
        gzipped.write(self.crc32.to_bytes(4, "little") + (self.size_bytes % _ISIZE).to_bytes(4, "little"))
        files = tuple(
            WrittenFile(path.name, coding, file.size_bytes, file.digest.hexdigest())
            for path, coding, file in zip(
                list_paths(self.stem, self.wording.fmt), CODINGS.values(), self.outputs, strict=True
            )
        )
        return Written(files, self.size_bytes), PackedParts(self.context, self.starts, tuple(self.parts))


def _pack(key: str, text: bytes, statements: int) -> tuple[PackedPart, list[bytes]]:
    coder = _open_deflater()
    contents = [
        coder.compress(text) + coder.flush(zlib_ng.Z_FULL_FLUSH),
        make_zstd_packer().compress(text),
    ]
    return PackedPart(key, statements, zlib_ng.crc32(text), len(text), tuple(map(len, contents))), contents


def _open_deflater() -> Any:
    return zlib_ng.compressobj(GZIP_LEVEL, zlib_ng.DEFLATED, -zlib_ng.MAX_WBITS)


@contextmanager
def open_parts(
    stem: Path, wording: Wording, head: bytes, prefixes: Mapping[str, str], earlier: EarlierDump | None
) -> Iterator[PartsWriter]:
    """Open the files of a dump, ``<stem>.<extension>.gz`` and ``….zst``, and write their head.

    Parameters
    ----------
    head: text that stands before all else, a comment.
    earlier: what parts may be copied from.
    """
    kind = (wording.fmt.name, wording.rdf, *_list_pairs(prefixes))
    context = hash_texts((*kind, *describe_writing(), *_describe_code()))
    with ExitStack() as stack:
        files: list[IO[bytes]] = [
            stack.enter_context(path.open("wb")) for path in list_paths(stem, wording.fmt)
        ]
        taken = _Taken(earlier, context, stack)
        writer = PartsWriter(stem, wording, context, taken, [*map(HashingFile, files)])
        writer.begin(head)
        yield writer


def _list_pairs(prefixes: Mapping[str, str]) -> Iterable[str]:
    return (text for pair in prefixes.items() for text in pair)


def _describe_code() -> tuple[str, ...]:
    paths = (Path(module) for module in (__file__, reification.__file__))
    return tuple(path.read_text(encoding="utf-8") for path in paths)

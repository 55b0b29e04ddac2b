"""Makes the store of a release: of all its lines, or of the store of an earlier release and what changed.

Data files of a store are never written again (RocksDB makes new ones), so those of an earlier release are
linked and not copied; what goes and what comes is worked out line by line. Source: RocksDB, "Checkpoints".
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import zstandard
from pyoxigraph import RdfFormat, Store, parse

from kg.dataset import read_lines
from kg.errors import ReleaseError
from kg.release.digests import hash_file
from kg.release.files import LIST, FileEntry, parse_list
from kg.release.layout import Release
from kg.store.statistics import FILE_NAME, write_statistics

MOST_CHANGED = 20_000
"""Lines that may differ; with more, all are loaded anew, which leaves a store without gaps as well."""

_IMMUTABLE = ".sst"
_STORE = "store/"
_NOT_TAKEN = tuple(f"{_STORE}{name}" for name in ("LOCK", "LOG", FILE_NAME))


class _TooMuchChanged(Exception):
    """The store is better made anew."""


@dataclass(frozen=True, slots=True)
class EarlierStore:
    """The folder of an earlier release, and the packed N-Quads that its store is of, with their hash."""

    folder: Path
    lines: Path
    sha256: str


def find_store(release: Release) -> EarlierStore | None:
    """Return the store of a release, if its lines are there too."""
    dump = release.manifest.find_dump("nquads", coding="zstd")
    return EarlierStore(release.path, release.dumps_path / dump.name, dump.sha256) if dump else None


def write_store(path: Path, lines: Path) -> None:
    """Make a store of a file of N-Quads, and leave it as it is read fastest."""
    store = Store(str(path))
    # Lenient, since the lines were made of quads that are valid.
    store.bulk_load(path=str(lines), format=RdfFormat.N_QUADS, lenient=True)
    store.optimize()
    store.flush()
    write_statistics(store, path, read_lines(lines))


def renew_store(path: Path, lines: Path, earlier: EarlierStore | None) -> None:
    """Make a store of sorted N-Quads, from an earlier one where little changed and all of it is whole."""
    if earlier is not None:
        try:
            _take_over(path, lines, earlier)
            return
        except (OSError, ValueError, RuntimeError, _TooMuchChanged, ReleaseError, zstandard.ZstdError):
            shutil.rmtree(path, ignore_errors=True)
    write_store(path, lines)


def _take_over(path: Path, lines: Path, earlier: EarlierStore) -> None:
    if hash_file(earlier.lines) != earlier.sha256:
        raise ValueError(f"{earlier.lines} is damaged")
    gone, come, size = _compare(earlier.lines, lines)
    path.mkdir()
    for entry in parse_list((earlier.folder / LIST).read_bytes(), LIST).files:
        if entry.path.startswith(_STORE) and not entry.path.startswith(_NOT_TAKEN):
            _take_file(earlier.folder, entry, path)
    store = Store(str(path))
    for quad in parse(b"".join(gone), format=RdfFormat.N_QUADS, lenient=True):
        store.remove(quad)
    store.extend(parse(b"".join(come), format=RdfFormat.N_QUADS, lenient=True))
    store.flush()
    if len(store) != size:
        raise ValueError(f"{path} has {len(store)} quads and not {size}")
    write_statistics(store, path, read_lines(lines))


def _take_file(release: Path, entry: FileEntry, folder: Path) -> None:
    source = release / entry.path
    if hash_file(source) != entry.sha256:
        raise ValueError(f"{source} is damaged")
    target = folder / source.name
    if source.suffix == _IMMUTABLE:
        try:
            os.link(source, target)
            return
        except OSError:  # there are file systems without
            pass
    shutil.copyfile(source, target)


def _compare(packed: Path, lines: Path) -> tuple[list[bytes], list[bytes], int]:
    """Return the lines that went, those that came, and how many there are now."""
    gone: list[bytes] = []
    come: list[bytes] = []
    size = 0
    with _unpack(packed) as before:
        rest = iter(before)
        old = next(rest, None)
        for line in read_lines(lines):
            size += 1
            while old is not None and old < line:
                gone.append(old)
                old = next(rest, None)
            if old == line:
                old = next(rest, None)
            else:
                come.append(line)
            if len(gone) + len(come) > MOST_CHANGED:
                raise _TooMuchChanged
        gone += _list_rest(old, rest)
    return gone, come, size


def _list_rest(first: bytes | None, rest: Iterable[bytes]) -> list[bytes]:
    lines = [] if first is None else [first, *rest]
    if len(lines) > MOST_CHANGED:
        raise _TooMuchChanged
    return lines


@contextmanager
def _unpack(path: Path) -> Iterator[Iterable[bytes]]:
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        unpacker = zstandard.ZstdDecompressor()
        unpacked = stack.enter_context(unpacker.stream_reader(file, read_across_frames=True))
        yield io.BufferedReader(unpacked, 1024 * 1024)

"""Writes the lines of a dataset in the orders that dumps have, beside that of its graphs.

They are sorted; or, where the last release is whole and little changed since, those of its dumps are copied,
and only what went and what came is sought its place in them, by halves.
"""

from __future__ import annotations

import mmap
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import zstandard

from kg.dataset import Dataset, decode_triple, encode_triple, write_lines
from kg.parallel import run_all
from kg.release.dumps.change import Change, PackedFile
from kg.sorting import READ_BYTES, sort_lines


@dataclass(frozen=True, slots=True)
class Lines:
    """The files of sorted lines."""

    canonical: Path
    union: Path


@dataclass(frozen=True, slots=True)
class Renewal:
    """What changed since an earlier release, and its dumps as N-Quads and as N-Triples."""

    change: Change
    canonical: PackedFile
    union: PackedFile


def order_triple(line: bytes) -> bytes:
    """Return the key by which N-Triples are sorted for readers."""
    return encode_triple(line.removesuffix(b".\n") + b"<> .\n")


def sort_dataset(dataset: Dataset, processes: int = 1, renewal: Renewal | None = None) -> Lines:
    """Write the lines of a dataset in the orders of code points and of the union, next to it."""
    lines = Lines(dataset.folder / "canonical.nq", dataset.folder / "union.nt")
    if renewal is not None:
        try:
            _renew(dataset, lines, renewal)
            return lines
        except (OSError, ValueError, zstandard.ZstdError):
            pass  # all are sorted
    jobs = [partial(_merge_union, dataset, lines.union), partial(_sort_canonical, dataset, lines.canonical)]
    for _ in run_all(jobs, processes):
        pass
    return lines


def _sort_canonical(dataset: Dataset, path: Path) -> None:
    write_lines(path, sort_lines(dataset.read_lines(), path.parent))


def _merge_union(dataset: Dataset, path: Path) -> None:
    """Write the union of all graphs as N-Triples."""
    keys = sort_lines((encode_triple(line) for line in dataset.read_lines()), path.parent)
    write_lines(path, (decode_triple(key) for key in keys))


# --- from those of an earlier release ------------------------------------------------------------------


def _renew(dataset: Dataset, lines: Lines, renewal: Renewal) -> None:
    before = dataset.folder / "before"
    gone, come = renewal.change.gone, renewal.change.come
    _unpack(renewal.canonical, before)
    splice(before, lines.canonical, gone, come, bytes)
    if lines.canonical.stat().st_size != sum(graph.path.stat().st_size for graph in dataset.graphs):
        raise ValueError(f"{lines.canonical} has not the lines of all graphs")
    _unpack(renewal.union, before)
    with map_lines(before) as union, map_lines(lines.canonical) as canonical:
        gone_triples = {
            line for line, start in _list_triples(gone) if not next(list_starting(canonical, start), b"")
        }
        come_triples = {line for line, _ in _list_triples(come) if not _has(union, line)}
    splice(before, lines.union, gone_triples, come_triples, order_triple)
    before.unlink()


def _unpack(packed: PackedFile, path: Path) -> None:
    with packed.open() as content, path.open("wb") as file:
        shutil.copyfileobj(content, file, 1024 * 1024)


def _list_triples(lines: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the triples of N-Quads as N-Triples, and what all N-Quads with that triple begin with."""
    for line in lines:
        triple = line.rpartition(b" <")[0]
        yield triple + b" .\n", triple + b" <"


@contextmanager
def map_lines(path: Path) -> Iterator[mmap.mmap | bytes]:
    """Yield the content of a file without reading it; nothing can be mapped that is empty."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield content


def _has(lines: mmap.mmap | bytes, line: bytes) -> bool:
    place = find_place(lines, order_triple(line), order_triple)
    return lines[place : place + len(line)] == line


def find_place(lines: mmap.mmap | bytes, key: bytes, order: Callable[[bytes], bytes]) -> int:
    """Return where in sorted lines the first is that does not come before a key.

    >>> find_place(b"a\\nc\\n", b"b\\n", bytes), find_place(b"a\\nc\\n", b"d\\n", bytes)
    (2, 4)
    """
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high) // 2
        start = lines.rfind(b"\n", low, middle) + 1 or low
        end = lines.find(b"\n", start) + 1
        if order(lines[start:end]) < key:
            low = end
        else:
            high = start
    return low


def list_starting(lines: mmap.mmap | bytes, start: bytes) -> Iterator[bytes]:
    """Yield those of the lines, sorted by their bytes, that start so."""
    place = find_place(lines, start, bytes)
    while lines[place : place + len(start)] == start:
        end = lines.find(b"\n", place) + 1
        yield lines[place:end]
        place = end


def splice(
    before: Path,
    after: Path,
    gone: Iterable[bytes],
    come: Iterable[bytes],
    order: Callable[[bytes], bytes],
) -> None:
    """Write the sorted lines of a file without those that went and with those that came.

    Raises
    ------
    ValueError: a line that went is not there, or one that came is there already.
    """
    edits = sorted(
        [(order(line), line, False) for line in gone] + [(order(line), line, True) for line in come]
    )
    with map_lines(before) as lines, memoryview(lines) as view, after.open("wb", READ_BYTES) as file:
        copied = 0
        for key, line, is_new in edits:
            place = find_place(lines, key, order)
            if (lines[place : place + len(line)] == line) == is_new:
                raise ValueError(f"{before} is not what changed")
            file.write(view[copied:place])
            copied = place
            if is_new:
                file.write(line)
            else:
                copied += len(line)
        file.write(view[copied:])

"""Finds which lines differ between the last release and what is built now, graph by graph.

Of a graph whose lines have the hash that they had, nothing is read. The lines that another had are in its
dump as N-Triples, in the same order.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

import zstandard

from kg.dataset import Dataset, encode_triple, read_lines
from kg.release.digests import check_file

MOST_CHANGED = 20_000
"""Lines that may differ; with more, all is made anew, which leaves a store without gaps as well."""

_BUFFER_BYTES = 1024 * 1024


class _TooMuchChanged(Exception):
    """All is better made anew."""


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file in Zstandard, and the checksum that it should have."""

    path: Path
    sha256: str

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Yield what is in it, behind the lines of a comment at its top.

        Raises
        ------
        ValueError: it does not have its checksum.
        """
        check_file(self.path, self.sha256)
        with self.path.open("rb") as file:
            unpacker = zstandard.ZstdDecompressor()
            with unpacker.stream_reader(file, read_across_frames=True) as unpacked:
                lines = io.BufferedReader(unpacked, _BUFFER_BYTES)
                while lines.peek(1).startswith(b"#"):
                    lines.readline()
                yield lines


@dataclass(frozen=True, slots=True)
class EarlierGraph:
    """A graph of an earlier release: the hash of the file of its lines, and its dump as N-Triples."""

    sha256: str
    dump: PackedFile


@dataclass(frozen=True, slots=True)
class Change:
    """Lines of N-Quads that went, and that came, each sorted."""

    gone: tuple[bytes, ...]
    come: tuple[bytes, ...]


def find_change(
    dataset: Dataset, hashes: Mapping[str, str], earlier: Mapping[str, EarlierGraph]
) -> Change | None:
    """Return what changed; None if that is not known, or more than ``MOST_CHANGED`` lines.

    Parameters
    ----------
    hashes: of the file of each graph.
    earlier: all graphs of the last release.
    """
    if not earlier:
        return None
    files = {graph.iri: graph.path for graph in dataset.graphs}
    gone: list[bytes] = []
    come: list[bytes] = []
    try:
        for iri in sorted(files.keys() | earlier.keys()):
            old = earlier.get(iri)
            if old is None or old.sha256 != hashes.get(iri):
                _compare_graph(iri, old, files.get(iri), gone, come)
    except (OSError, ValueError, zstandard.ZstdError, _TooMuchChanged):
        return None
    return Change(tuple(sorted(gone)), tuple(sorted(come)))


def _compare_graph(
    iri: str, old: EarlierGraph | None, path: Path | None, gone: list[bytes], come: list[bytes]
) -> None:
    now = read_lines(path) if path else iter(())
    for line, is_new in compare(_read_dump(iri, old), now, encode_triple):
        (come if is_new else gone).append(line)
        if len(gone) + len(come) > MOST_CHANGED:
            raise _TooMuchChanged


def _read_dump(iri: str, graph: EarlierGraph | None) -> Iterator[bytes]:
    if graph is None:
        return
    end = f"<{iri}> .\n".encode()
    with graph.dump.open() as lines:
        for line in lines:
            yield line.removesuffix(b".\n") + end


def compare(
    before: Iterable[bytes], after: Iterable[bytes], order: Callable[[bytes], bytes]
) -> Iterator[tuple[bytes, bool]]:
    """Yield the lines that are only in one of two sorted files, with whether that is the second.

    >>> list(compare([b"a", b"b"], [b"b", b"c"], bytes))
    [(b'a', False), (b'c', True)]
    """
    rest = iter(before)
    old = next(rest, None)
    for line in after:
        if old == line:
            old = next(rest, None)
            continue
        place = order(line)
        while old is not None and order(old) < place:
            yield old, False
            old = next(rest, None)
        if old == line:
            old = next(rest, None)
        else:
            yield line, True
    yield from ((line, False) for line in chain((old,), rest) if line is not None)

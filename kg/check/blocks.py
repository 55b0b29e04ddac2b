"""Where the lines about each subject are, and which lead to it: an index of a dataset on disk.

All lines stand in one file, those about a subject in a graph in a row: a block. Places of blocks, sorted by
the checksums of IRIs, are searched by halves. A store would tell the same,
and takes ten times as long to fill; what is asked of it here is text anyway.
"""

from __future__ import annotations

import mmap
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path
from typing import IO
from zlib import crc32

from kg.dataset import Dataset
from kg.vocab import RDFS, TYPE

_PLACE_BITS = 48
_PLACE = (1 << _PLACE_BITS) - 1
_NUMBER_BITS = 32
_END = (1 << _NUMBER_BITS + _PLACE_BITS) - 1
"""Comes after all records, and is none: no place is as far away."""
_SUFFIXES = (".blocks", ".leading")
_TYPE, _SUBCLASS = (str(name).encode() for name in (TYPE, RDFS("subClassOf")))
_DECLARES = f" {TYPE} "


@dataclass(frozen=True, slots=True)
class Range:
    """Some blocks in a row: offsets of their start and end in bytes; ``shared`` has numbers of subjects.

    What has such a number may be a subject of several graphs, and what has another is not.
    """

    start: int
    end: int
    shared: frozenset[int]


def number_subject(subject: bytes) -> int:
    """Return the number of an IRI as it is written; a few others have the same."""
    return crc32(subject)


@dataclass(slots=True)
class _Writer:
    """Goes over all lines once."""

    followed: frozenset[bytes]
    wanted: frozenset[bytes]
    end: int = 0
    numbers: array[int] = field(default_factory=lambda: array("Q"))
    ends: list[tuple[int, int]] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)
    leading: list[int] = field(default_factory=list)
    firsts: dict[bytes, bytes] = field(default_factory=dict)
    classes: set[str] = field(default_factory=set)

    def write(self, lines: Iterable[bytes], file: IO[bytes], is_last: Callable[[int], bool]) -> None:
        for subject, block in groupby(lines, key=lambda line: line.partition(b" ")[0]):
            number = number_subject(subject)
            self.numbers.append(number)
            self.blocks.append(number << _PLACE_BITS | self.end)
            for line in block:
                self._note(subject, line)
                file.write(line)
                self.end += len(line)
            if is_last(number):
                self.finish()

    def finish(self) -> None:
        """Let a range end here."""
        if not self.ends or self.ends[-1][0] < self.end:
            self.ends.append((self.end, len(self.numbers)))

    def _note(self, subject: bytes, line: bytes) -> None:
        _, predicate, rest = line.split(b" ", 2)
        if predicate in self.followed:
            value = rest.rpartition(b" <")[0]
            self.leading.append(number_subject(value) << _PLACE_BITS | self.end)
        if predicate == _SUBCLASS:
            self.classes.add(line.decode().rpartition(" <")[0])
        if predicate in self.wanted:
            self.firsts.setdefault(predicate, subject)
        elif predicate == _TYPE and (kind := rest.partition(b" ")[0]) in self.wanted:
            self.firsts.setdefault(kind, subject)


@dataclass(frozen=True, slots=True)
class Contents:
    """The index, its ranges, subjects that were sought, and triples that tell which class is in which."""

    blocks: Blocks
    ranges: tuple[Range, ...]
    firsts: tuple[str, ...]
    classes: frozenset[str]


def write_blocks(
    dataset: Dataset, followed: Iterable[str], wanted: Iterable[str], is_last: Callable[[int], bool]
) -> Contents:
    """Write all lines and their index beside a dataset.

    Parameters
    ----------
    followed: properties for which is asked what leads to a thing.
    wanted: classes and properties of which one subject is sought; the first is told.
    is_last: tells by its number whether a subject ends a range.
    """
    writer = _Writer(_encode(followed), _encode(wanted))
    path = dataset.folder / "checked.nq"
    with path.open("wb") as file:
        for graph in dataset.graphs:
            with graph.path.open("rb") as lines:
                writer.write(lines, file, is_last)
        writer.finish()
    for suffix, records in zip(_SUFFIXES, (writer.blocks, writer.leading), strict=True):
        records.sort()
        _write_records(path.with_suffix(suffix), [*records, _END])
    found = (record >> _PLACE_BITS for record in writer.blocks)
    shared = {number for number, following in pairwise(found) if number == following}
    ranges = [
        Range(start, end, frozenset(shared.intersection(writer.numbers[first:last])))
        for (start, first), (end, last) in pairwise([(0, 0), *writer.ends])
    ]
    firsts = sorted({subject.decode() for subject in writer.firsts.values()})
    return Contents(Blocks(path), tuple(ranges), tuple(firsts), frozenset(writer.classes))


def _write_records(path: Path, records: Iterable[int]) -> None:
    numbers, places = array("I"), array("Q")
    for record in records:
        numbers.append(record >> _PLACE_BITS)
        places.append(record & _PLACE)
    path.write_bytes(places.tobytes() + numbers.tobytes())


def _encode(iris: Iterable[str]) -> frozenset[bytes]:
    return frozenset(f"<{iri}>".encode() for iri in iris)


@dataclass(frozen=True, slots=True)
class Blocks:
    """The index, as processes hand it to each other; ``open`` reads it."""

    path: Path

    @contextmanager
    def open(self) -> Iterator[Reader]:
        """Yield a reader, for one thread."""
        with ExitStack() as stack:
            lines = stack.enter_context(self.path.open("rb"))
            blocks, leading = (
                stack.enter_context(_open_records(self.path.with_suffix(suffix))) for suffix in _SUFFIXES
            )
            yield Reader(lines, blocks, leading)


@dataclass(frozen=True, slots=True)
class Records:
    """Numbers of IRIs, sorted, and a place for each."""

    numbers: memoryview
    places: memoryview

    def find(self, iri: str) -> Iterator[int]:
        """Yield the places of an IRI, and of those that have its number."""
        number = number_subject(iri.encode())
        index = bisect_left(self.numbers, number)
        while index < len(self.numbers) and self.numbers[index] == number:
            yield self.places[index]
            index += 1


@contextmanager
def _open_records(path: Path) -> Iterator[Records]:
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        memoryview(content) as view,
    ):
        end = len(view) // 12 * 8  # a place has eight bytes, a number four
        with view[:end].cast("Q") as places, view[end:].cast("I") as numbers:
            yield Records(numbers, places)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads an index. IRIs and triples are text, as in N-Triples."""

    lines: IO[bytes]
    blocks: Records
    leading: Records

    def read(self, part: Range) -> Iterator[tuple[str, str, list[str]]]:
        """Yield the graph, the subject and the triples of each block of a range."""
        self.lines.seek(part.start)
        lines = self.lines.read(part.end - part.start).decode().split("\n")[:-1]
        pairs = (line[:-2].rpartition(" ")[::2] for line in lines)
        for (graph, subject), block in groupby(pairs, key=lambda pair: (pair[1], pair[0].partition(" ")[0])):
            yield graph, subject, [triple for triple, _ in block]

    def tell(self, subject: str) -> set[str]:
        """Return the triples about a subject."""
        return {triple for triple, _ in self._read_all(subject)}

    def find_home(self, subject: str) -> str:
        """Return the first graph that declares a subject, or else the first that says anything about it."""
        return min((_DECLARES not in triple, graph) for triple, graph in self._read_all(subject))[1]

    def lead_to(self, value: str, name: str) -> Iterator[str]:
        """Yield the triples that have a property, by its IRI, and a value."""
        for place in self.leading.find(value):
            self.lines.seek(place)
            triple = self.lines.readline().decode().rpartition(" <")[0]
            if triple.split(" ", 2)[1:] == [f"<{name}>", value]:
                yield triple

    def _read_all(self, subject: str) -> Iterator[tuple[str, str]]:
        start = f"{subject} ".encode()
        for place in self.blocks.find(subject):
            self.lines.seek(place)
            while (line := self.lines.readline()).startswith(start):
                triple, _, graph = line.decode()[:-3].rpartition(" ")
                yield triple, graph

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
from itertools import compress, groupby, pairwise
from pathlib import Path
from shutil import copyfileobj
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

    What has such a number may be a subject of several graphs, and what has another is not. ``open`` has the
    offsets of blocks whose subject may be shared, or led to. Of the values of properties that are followed
    ``far`` has those that are no subjects here, or all if more is followed from there, each with a line feed;
    ``inner`` has the numbers of the others, if they are shared.
    """

    start: int
    end: int
    shared: frozenset[int]
    open: tuple[int, ...]
    far: bytes
    inner: frozenset[int]


def number_subject(subject: bytes) -> int:
    """Return the number of an IRI as it is written; a few others have the same."""
    return crc32(subject)


@dataclass(frozen=True, slots=True)
class Sought:
    """What is noted of a dataset, by IRIs.

    ``forwards`` and ``backwards`` are properties that are followed from subject to value, and back;
    ``further`` tells whether any are followed from there on. Of each class and property that is ``wanted``
    the first subject is told.
    """

    forwards: Iterable[str] = ()
    backwards: Iterable[str] = ()
    wanted: Iterable[str] = ()
    further: bool = False


@dataclass(slots=True)
class _Writer:
    """Goes over all lines once."""

    forwards: frozenset[bytes]
    backwards: frozenset[bytes]
    wanted: frozenset[bytes]
    further: bool
    end: int = 0
    ends: list[tuple[int, int]] = field(default_factory=list)
    far: list[bytes] = field(default_factory=list)
    inner: list[array[int]] = field(default_factory=list)
    numbers: array[int] = field(default_factory=lambda: array("I"))
    places: array[int] = field(default_factory=lambda: array("Q"))
    leading: list[int] = field(default_factory=list)
    firsts: dict[bytes, bytes] = field(default_factory=dict)
    classes: set[str] = field(default_factory=set)
    subjects: set[bytes] = field(default_factory=set)
    values: set[bytes] = field(default_factory=set)

    def write(self, lines: Iterable[bytes], is_last: Callable[[int], bool]) -> None:
        """Note the lines of a graph."""
        noted = self.forwards | self.backwards | self.wanted | {_TYPE, _SUBCLASS}
        previous, number = b"", 0
        for line in lines:
            subject, predicate, rest = line.split(b" ", 2)
            if subject != previous:
                if previous and is_last(number):
                    self.finish()
                previous, number = subject, number_subject(subject)
                self.subjects.add(subject)
                self.numbers.append(number)
                self.places.append(self.end)
            if predicate in noted:
                self._note(subject, predicate, rest, line)
            self.end += len(line)
        if previous and is_last(number):
            self.finish()

    def finish(self) -> None:
        """Let a range end here."""
        if not self.ends or self.ends[-1][0] < self.end:
            self.ends.append((self.end, len(self.numbers)))
            far = self.values if self.further else self.values - self.subjects
            self.far.append(b"".join(b"%b\n" % value for value in sorted(far)))
            self.inner.append(array("I", map(number_subject, self.values & self.subjects)))
            self.subjects, self.values = set(), set()

    def _note(self, subject: bytes, predicate: bytes, rest: bytes, line: bytes) -> None:
        value = rest.rpartition(b" <")[0]
        if predicate in self.forwards and value.startswith(b"<"):
            self.values.add(value)
        if predicate in self.backwards:
            self.leading.append(number_subject(value) << _PLACE_BITS | self.end)
        if predicate == _SUBCLASS:
            self.classes.add(line.decode().rpartition(" <")[0])
        if predicate in self.wanted:
            self.firsts.setdefault(predicate, subject)
        elif predicate == _TYPE and value in self.wanted:
            self.firsts.setdefault(value, subject)

    def list_records(self) -> list[int]:
        """Return number and place of each block, sorted."""
        blocks = zip(self.numbers, self.places, strict=True)
        return sorted(number << _PLACE_BITS | place for number, place in blocks)

    def list_ranges(self, records: Iterable[int]) -> Iterator[Range]:
        """Yield the ranges; ``records`` are those of all blocks."""
        found = (record >> _PLACE_BITS for record in records)
        shared = {number for number, following in pairwise(found) if number == following}
        is_open = shared.union(record >> _PLACE_BITS for record in self.leading).__contains__
        bounds = pairwise([(0, 0), *self.ends])
        for far, inner, ((start, first), (end, last)) in zip(self.far, self.inner, bounds, strict=True):
            numbers = self.numbers[first:last]
            places = tuple(compress(self.places[first:last], map(is_open, numbers)))
            shared_here, inner_shared = (frozenset(shared.intersection(part)) for part in (numbers, inner))
            yield Range(start, end, shared_here, places, far, inner_shared)


@dataclass(frozen=True, slots=True)
class Contents:
    """The index, its ranges, subjects that were sought, and triples that tell which class is in which."""

    blocks: Blocks
    ranges: tuple[Range, ...]
    firsts: tuple[str, ...]
    classes: frozenset[str]


def write_blocks(dataset: Dataset, sought: Sought, is_last: Callable[[int], bool]) -> Contents:
    """Write all lines and their index beside a dataset.

    Parameters
    ----------
    is_last: tells by its number whether a subject ends a range.
    """
    forwards, backwards, wanted = map(_encode, (sought.forwards, sought.backwards, sought.wanted))
    writer = _Writer(forwards, backwards, wanted, sought.further)
    path = dataset.folder / "checked.nq"
    with path.open("wb") as file:
        for graph in dataset.graphs:
            with graph.path.open("rb") as lines:
                copyfileobj(lines, file)
                lines.seek(0)
                writer.write(lines, is_last)
        writer.finish()
    records = writer.list_records()
    for suffix, found in zip(_SUFFIXES, (records, sorted(writer.leading)), strict=True):
        _write_records(path.with_suffix(suffix), [*found, _END])
    ranges = tuple(writer.list_ranges(records))
    firsts = sorted({subject.decode() for subject in writer.firsts.values()})
    return Contents(Blocks(path), ranges, tuple(firsts), frozenset(writer.classes))


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

    def remove(self) -> None:
        """Remove its files."""
        for path in (self.path, *map(self.path.with_suffix, _SUFFIXES)):
            path.unlink()


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

    def read_bytes(self, part: Range) -> bytes:
        """Return the lines of a range."""
        self.lines.seek(part.start)
        return self.lines.read(part.end - part.start)

    def read_open(self, part: Range) -> Iterator[tuple[str, str]]:
        """Yield the graph and the subject of each open block of a range."""
        for place in part.open:
            self.lines.seek(place)
            line = self.lines.readline().decode()[:-3]
            yield line.rpartition(" ")[2], line.partition(" ")[0]

    def read(self, part: Range) -> Iterator[tuple[str, str, list[str]]]:
        """Yield the graph, the subject and the triples of each block of a range."""
        lines = self.read_bytes(part).decode().split("\n")[:-1]
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

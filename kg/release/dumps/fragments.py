"""The text of a dump of the whole dataset, in fragments that put in a row are what one serialisation gives.

A fragment holds all that is said about some subjects that come one after the other. What it says depends on
its lines and on little else: whether it is the first one, and whether its first and last graphs are cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import chain, pairwise
from pathlib import Path
from typing import cast
from zlib import crc32

from pyoxigraph import NamedNode, Quad, RdfFormat, Triple, parse, serialize

from kg.formats import JSON_LD, N_QUADS, N_TRIPLES, RDF_XML, TRIG, TURTLE, Format, to_rdf_format
from kg.release.dumps.orders import order_triple
from kg.release.dumps.reification import BLOCK, find_end, find_start, part, reify

SUBJECTS, SUBJECTS_OF_GRAPHS = 1024, 4096
"""Subjects of a fragment, on average; of one in the order of graphs, where a change stays within few of them.

Packed apart, a million triples take 2 % more; a half of these numbers would make that twice as much."""

XML_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'

_READ_BYTES = 4 * 1024 * 1024
_KEY_DIGITS = 32
_PREFIX, _NODE = b"@prefix ", NamedNode("urn:x")
_GRAPH_BEGINS, _GRAPH_ENDS = b" {\n", b"}\n"


@dataclass(frozen=True)
class Piece:
    """Lines of a fragment, of which each thing is made once for all formats and versions of RDF.

    ``has_axioms`` tells that RDF 1.2 says it otherwise.
    """

    content: bytes
    has_axioms: bool
    _texts: dict[str, bytes] = field(default_factory=dict)

    @cached_property
    def statements(self) -> int:
        """How many lines there are."""
        return self.content.count(b"\n")

    @cached_property
    def triples(self) -> list[Triple]:
        """The triples of the lines."""
        return list(_parse_triples(self.content))

    def serialize(self, fmt: Format, prefixes: dict[str, str] | None) -> bytes:
        """Return the lines in Turtle or TriG, with the prefixes before them."""
        if fmt.name not in self._texts:
            statements = _parse_quads(self.content) if fmt == TRIG else self.triples
            self._texts[fmt.name] = _serialize(statements, fmt, prefixes)
        return self._texts[fmt.name]


@dataclass(frozen=True)
class Fragment:
    """Lines of N-Quads or N-Triples, all about their subjects, and where they stand.

    ``is_inside`` tells that the graph of the first line began before, ``goes_on`` that of the last does.
    ``has_axioms_apart`` serves RDF 1.2, and changes nothing of what is written.
    """

    content: bytes
    is_first: bool
    is_inside: bool
    goes_on: bool
    has_axioms_apart: bool = True

    @cached_property
    def key(self) -> str:
        """Stands for the lines."""
        return sha256(self.content).hexdigest()[:_KEY_DIGITS]

    @cached_property
    def statements(self) -> int:
        """How many lines there are."""
        return self.content.count(b"\n")

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The lines in a row, parted where those of axioms begin and end."""
        if not self.has_axioms_apart:
            return (Piece(self.content, has_axioms=True),)
        return tuple(Piece(lines, has_axioms) for lines, has_axioms in part(self.content))

    def describe_place(self, fmt: Format) -> str:
        """Return what the text in a format depends on beside the lines."""
        if fmt == JSON_LD:
            return "first" if self.is_first else ""
        return f"{self.is_inside:d}{self.goes_on:d}" if fmt == TRIG else ""


def read_whole(path: Path) -> Fragment:
    """Return all lines of a file, which are few."""
    return Fragment(path.read_bytes(), is_first=True, is_inside=False, goes_on=False)


def split(paths: Iterable[Path], subjects: int = SUBJECTS) -> Iterator[Fragment]:
    """Yield the sorted lines of files in fragments, which end at subjects whose checksum says so.

    So a change of some lines leaves all fragments alone that have none of them.

    Parameters
    ----------
    subjects: of a fragment, on average.
    """
    before = b""
    for content, after in pairwise(chain(_split(_read(paths), subjects), (b"",))):
        yield Fragment(
            content,
            is_first=not before,
            is_inside=bool(before) and _goes_on(before, content),
            goes_on=bool(after) and _goes_on(content, after),
        )
        before = content


def _read(paths: Iterable[Path]) -> Iterator[bytes]:
    """Yield the content of files one after the other; of small ones that of many at once."""
    chunks, size = list[bytes](), 0
    for path in paths:
        with path.open("rb") as file:
            # Room is made for as much as is asked for, which takes longer than to read a small file.
            while chunk := file.read(min(_READ_BYTES, path.stat().st_size - file.tell())):
                chunks.append(chunk)
                size += len(chunk)
                if size >= _READ_BYTES:
                    yield b"".join(chunks)
                    chunks, size = [], 0
    yield b"".join(chunks)


def _split(chunks: Iterable[bytes], subjects: int) -> Iterator[bytes]:
    rest, known = b"", 0
    for chunk in chunks:
        rest += chunk
        start, place = 0, known
        # What is said of the last subject may go on in the next chunk.
        for subject in BLOCK.findall(rest, known)[:-1]:
            if crc32(subject) % subjects == 0:
                place = _find_end(rest, place, subject + b" ")
                yield rest[start:place]
                start = place
        known = _find_last(rest, place) - start
        rest = rest[start:]
    if rest:
        yield rest


def _find_end(content: bytes, place: int, subject: bytes) -> int:
    """Return the end of the next lines that begin with a subject."""
    line = place if content.startswith(subject, place) else content.index(b"\n" + subject, place) + 1
    return find_end(content, line, subject)


def _find_last(content: bytes, place: int) -> int:
    """Return where the lines about the last subject begin; of a line that is not whole nothing is known."""
    end = content.rfind(b"\n", place) + 1
    if not end:
        return place
    line = content.rfind(b"\n", 0, end - 1) + 1
    return find_start(content, line, content[line : content.index(b" ", line) + 1])


def _goes_on(content: bytes, after: bytes) -> bool:
    return _find_last_graph(content) == _find_first_graph(after)


def _find_first_graph(content: bytes) -> bytes:
    return content[: content.index(b"\n") + 1].rpartition(b" <")[2]


def _find_last_graph(content: bytes) -> bytes:
    return content[content.rindex(b" <") + 2 :]


@dataclass(frozen=True, slots=True)
class Wording:
    """How a format writes a dataset: what stands around the fragments, and what they say.

    Parameters
    ----------
    head, tail: what the text begins and ends with.
    start_bytes: what the serialiser writes before it comes to the statements.
    """

    fmt: Format
    rdf: str
    prefixes: dict[str, str] | None
    head: bytes
    tail: bytes
    start_bytes: int

    def write(self, fragment: Fragment) -> tuple[bytes, int]:
        """Return the text of a fragment, and how many statements it has."""
        if self.fmt in (TURTLE, TRIG):
            return self._write_pieces(fragment)
        if self.fmt in (N_QUADS, N_TRIPLES):
            if self.rdf == "1.1":
                return fragment.content, fragment.statements
            content = reify(fragment.content, self._order)
            return content, content.count(b"\n")
        triples = chain.from_iterable(piece.triples for piece in fragment.pieces)
        text = self._cut(_serialize(triples, self.fmt, self.prefixes))
        if self.fmt == JSON_LD and not fragment.is_first:
            text = b"," + text
        return text, fragment.statements

    def _write_pieces(self, fragment: Fragment) -> tuple[bytes, int]:
        said = [self._say(piece) for piece in fragment.pieces]
        texts = [self._cut(piece.serialize(self.fmt, self.prefixes)) for piece in said]
        text = b"".join(_join_graphs(texts, fragment) if self.fmt == TRIG else texts)
        return text, sum(piece.statements for piece in said)

    def _say(self, piece: Piece) -> Piece:
        if self.rdf == "1.1" or not piece.has_axioms:
            return piece
        return Piece(reify(piece.content, self._order), has_axioms=False)

    @property
    def _order(self) -> Callable[[bytes], bytes] | None:
        """The key by which lines about a subject are sorted in RDF 1.2; none where graphs are in a row."""
        return {N_QUADS: bytes, TRIG: None}.get(self.fmt, order_triple)

    def _cut(self, text: bytes) -> bytes:
        return text[self.start_bytes : len(text) - len(self.tail)]


def _parse_quads(content: bytes) -> Iterator[Quad]:
    # Lenient, since the lines were made of quads that are valid.
    return parse(content, format=RdfFormat.N_QUADS, lenient=True)


def _parse_triples(content: bytes) -> Iterator[Triple]:
    return cast(Iterator[Triple], parse(content, format=RdfFormat.N_TRIPLES, lenient=True))


def _join_graphs(texts: Iterable[bytes], fragment: Fragment) -> Iterator[bytes]:
    """Leave out the beginnings of graphs that began before, and the ends of those that go on."""
    pieces = fragment.pieces
    inside = [_goes_on(before.content, piece.content) for before, piece in pairwise(pieces)]
    for text, is_inside, goes_on in zip(
        texts, (fragment.is_inside, *inside), (*inside, fragment.goes_on), strict=True
    ):
        start = text.index(_GRAPH_BEGINS) + len(_GRAPH_BEGINS) if is_inside else 0
        yield text[start : len(text) - len(_GRAPH_ENDS)] if goes_on else text[start:]


def word(fmt: Format, prefixes: Mapping[str, str], rdf: str = "1.1") -> Wording:
    """Return how a format writes a dataset, with the prefixes if it has any.

    Parameters
    ----------
    rdf: version of RDF; in 1.2 axioms are reified.
    """
    if fmt in (N_QUADS, N_TRIPLES):
        return Wording(fmt, rdf, None, b"", b"", 0)
    if fmt == JSON_LD:
        return Wording(fmt, rdf, None, b"[", b"]", 1)
    given = dict(prefixes)
    if fmt == RDF_XML:
        empty, tail = _serialize([], fmt, given), b"</rdf:RDF>"
        head = empty.removesuffix(tail)
        # A comment may stand behind the declaration, which so is written with that.
        return Wording(fmt, rdf, given, head.removeprefix(XML_DECLARATION), tail, len(head))
    probe = _serialize([Quad(_NODE, _NODE, _NODE)], fmt, given)
    lines = probe.splitlines(keepends=True)
    head = b"".join(line for line in lines if line.startswith(_PREFIX))
    return Wording(fmt, rdf, given, head, b"", len(head))


def _serialize(
    statements: Iterable[Quad] | Iterable[Triple], fmt: Format, prefixes: dict[str, str] | None
) -> bytes:
    text = serialize(statements, format=to_rdf_format(fmt), prefixes=prefixes)
    assert text is not None
    return text

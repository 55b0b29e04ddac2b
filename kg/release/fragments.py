"""The text of a dump of the whole dataset, in fragments that put in a row are what one serialisation gives.

A fragment holds all that is said about some subjects that come one after the other. What it says depends on
its lines and on little else: whether it is the first one, and whether its first and last graphs are cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import chain, pairwise
from pathlib import Path
from zlib import crc32

from pyoxigraph import NamedNode, Quad, RdfFormat, Triple, parse, serialize

from kg.formats import JSON_LD, N_QUADS, N_TRIPLES, RDF_XML, TRIG, Format, to_rdf_format
from kg.release.orders import order_triple
from kg.release.reification import BLOCK, reify

SUBJECTS, SUBJECTS_OF_GRAPHS = 1024, 4096
"""Subjects of a fragment, on average; of one in the order of graphs, where a change stays within few of them.

Packed apart, a million triples take 2 % more; a half of these numbers would make that twice as much."""

XML_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'

_READ_BYTES = 4 * 1024 * 1024
_KEY_DIGITS = 32
_PREFIX, _NODE = b"@prefix ", NamedNode("urn:x")
_GRAPH_BEGINS, _GRAPH_ENDS = b" {\n", b"}\n"


@dataclass(frozen=True)
class Fragment:
    """Lines of N-Quads or N-Triples, all about their subjects, and where they stand.

    ``is_inside`` tells that the graph of the first line began before, ``goes_on`` that of the last does.
    """

    content: bytes
    is_first: bool
    is_inside: bool
    goes_on: bool

    @cached_property
    def key(self) -> str:
        """Stands for the lines."""
        return sha256(self.content).hexdigest()[:_KEY_DIGITS]

    @cached_property
    def triples(self) -> list[Triple]:
        """The triples of the lines, of which several formats are made."""
        return [quad.triple for quad in _parse(self.content)]

    def describe_place(self, fmt: Format) -> str:
        """Return what the text in a format depends on beside the lines."""
        if fmt == JSON_LD:
            return "first" if self.is_first else ""
        return f"{self.is_inside:d}{self.goes_on:d}" if fmt == TRIG else ""


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
            is_inside=bool(before) and _find_last_graph(before) == _find_first_graph(content),
            goes_on=bool(after) and _find_last_graph(content) == _find_first_graph(after),
        )
        before = content


def _read(paths: Iterable[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(_READ_BYTES):
                yield chunk


def _split(chunks: Iterable[bytes], subjects: int) -> Iterator[bytes]:
    rest, known = b"", 0
    for chunk in chunks:
        rest += chunk
        start, last = 0, None
        for block in BLOCK.finditer(rest, known):
            # What is said of the last subject may go on in the next chunk.
            if last and crc32(last[1]) % subjects == 0:
                yield rest[start : last.end()]
                start = last.end()
            last = block
        known = (last.start() if last else known) - start
        rest = rest[start:]
    if rest:
        yield rest


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
        content = self._reify(fragment.content) if self.rdf == "1.2" else fragment.content
        size = content.count(b"\n")
        if self.fmt in (N_QUADS, N_TRIPLES):
            return content, size
        text = self._serialize(content, fragment)
        text = text[self.start_bytes : len(text) - len(self.tail)]
        if self.fmt == JSON_LD and not fragment.is_first:
            text = b"," + text
        return _cut_graphs(text, fragment) if self.fmt == TRIG else text, size

    def _reify(self, content: bytes) -> bytes:
        if self.fmt == TRIG:
            return reify(content)
        return reify(content, bytes if self.fmt == N_QUADS else order_triple)

    def _serialize(self, content: bytes, fragment: Fragment) -> bytes:
        if self.fmt == TRIG:
            return _serialize(_parse(content), self.fmt, self.prefixes)
        parsed = fragment.triples if content is fragment.content else (q.triple for q in _parse(content))
        return _serialize(parsed, self.fmt, self.prefixes)


def _parse(content: bytes) -> Iterator[Quad]:
    # Lenient, since the lines were made of quads that are valid.
    return parse(content, format=RdfFormat.N_QUADS, lenient=True)


def _cut_graphs(text: bytes, fragment: Fragment) -> bytes:
    """Leave out the beginning of a graph that began before, and the end of one that goes on."""
    start = text.index(_GRAPH_BEGINS) + len(_GRAPH_BEGINS) if fragment.is_inside else 0
    end = len(text) - len(_GRAPH_ENDS) if fragment.goes_on else len(text)
    return text[start:end]


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

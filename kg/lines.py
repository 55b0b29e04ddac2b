"""Triples as lines of N-Triples, taken apart at their blanks: what pages and documents are made of.

A page takes some hundred triples and shows a part of their terms. Parsed, each triple costs 2 to 3 µs; taken
apart as text it costs a tenth of that, and only what is shown becomes a term. This is for lines written by
pyoxigraph, where each term has one form, that of its ``str``. Whatever else comes as RDF is parsed first, and
then ``to_line`` makes lines of it.

Source: RDF 1.1 N-Triples, section 4 (canonical form).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Triple, parse

Line = tuple[str, str, str]
"""Subject, predicate and object as N-Triples writes them: an IRI in angle brackets, a literal in quotes."""

_LINE = re.compile(r"(<[^>]*>) (<[^>]*>) (.+) \.\n")
_LITERAL = re.compile(r'"([^"\\]*)"(?:@([a-z]{2,3})|\^\^<([^>]*)>)?')
"""Most literals: without an escape, and in a language without a subtag."""


def split_lines(text: str) -> list[Line]:
    """Return the triples of canonical N-Triples.

    >>> split_lines('<http://h/a> <http://h/p> "b c"@en .\\n')
    [('<http://h/a>', '<http://h/p>', '"b c"@en')]
    """
    return _LINE.findall(text)


def join_lines(lines: Iterable[Line]) -> bytes:
    """Return canonical N-Triples."""
    return "".join([f"{subject} {predicate} {value} .\n" for subject, predicate, value in lines]).encode()


def to_line(triple: Triple | Quad) -> Line:
    """Return a triple, or that of a quad, as a line."""
    return str(triple.subject), str(triple.predicate), str(triple.object)


def to_triples(lines: Iterable[Line]) -> list[Triple]:
    """Return lines as triples."""
    # Lenient, since they were triples before.
    return [quad.triple for quad in parse(join_lines(lines), format=RdfFormat.N_TRIPLES, lenient=True)]


def to_term(text: str) -> NamedNode | Literal:
    """Return the term that a part of a line is.

    >>> to_term('<http://h/a>'), to_term('"1"^^<http://www.w3.org/2001/XMLSchema#integer>').datatype.value
    (<NamedNode value=http://h/a>, 'http://www.w3.org/2001/XMLSchema#integer')
    """
    if text.startswith("<"):
        return NamedNode(text[1:-1])
    if found := _LITERAL.fullmatch(text):
        value, language, datatype = found.groups()
        if datatype:
            return Literal(value, datatype=NamedNode(datatype))
        return Literal(value, language=language) if language else Literal(value)
    (triple,) = to_triples([("<urn:s>", "<urn:p>", text)])
    value = triple.object
    assert isinstance(value, Literal)
    return value


def read_value(text: str) -> str:
    """Return the IRI or the text of a term.

    >>> read_value('<http://h/a>'), read_value('"1"^^<http://h/t>'), read_value(r'"a\\nb"')
    ('http://h/a', '1', 'a\\nb')
    """
    if text.startswith("<"):
        return text[1:-1]
    return to_term(text).value if "\\" in text else text[1 : text.rindex('"')]


@dataclass(frozen=True)
class Statements(Sequence[Triple]):
    """Triples that are made of their lines when somebody asks for one."""

    lines: tuple[Line, ...] = ()

    @cached_property
    def _triples(self) -> list[Triple]:
        return to_triples(self.lines)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.lines)

    @overload
    def __getitem__(self, place: int) -> Triple: ...

    @overload
    def __getitem__(self, place: slice) -> Statements: ...

    def __getitem__(self, place: int | slice) -> Triple | Statements:
        """Return the triple at a place, or those of a slice."""
        return Statements(self.lines[place]) if isinstance(place, slice) else self._triples[place]


def list_lines(triples: Iterable[Triple]) -> Sequence[Line]:
    """Return triples as lines."""
    return triples.lines if isinstance(triples, Statements) else [to_line(triple) for triple in triples]

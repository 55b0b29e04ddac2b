"""The beginning of a result as a page shows it: enough to look at, however large the rest is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kg.vocab import XSD

MAX_ROWS = 1000
MAX_GRAPH_CHARACTERS = 200_000

_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"(?:@([A-Za-z0-9-]+)|\^\^<([^>]*)>)?', re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A term as it is shown.

    ``kind`` is *iri*, *number*, *date* or *text*; ``iri`` is set for an IRI. ``href`` is where it leads,
    and ``short`` its short form where ``text`` is a name.
    """

    text: str
    lang: str = ""
    href: str = ""
    iri: str = ""
    kind: str = "text"
    short: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The first rows of a SELECT answer, or the one value of an ASK answer as a single cell."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    cut: bool


@dataclass(frozen=True, slots=True)
class GraphText:
    """The beginning of a graph in Turtle."""

    text: str
    cut: bool


def read_table(chunks: Iterable[bytes], max_rows: int = MAX_ROWS) -> Table:
    """Read the first rows of a TSV answer (SPARQL 1.1 Query Results CSV and TSV, section 4).

    >>> [(cell.text, cell.lang) for cell in read_table([b'?n\\n"A"@en\\n']).rows[0]]
    [('A', 'en')]
    """
    lines = _read_lines(chunks)
    head = next(lines, "")
    if head in ("true", "false"):
        return Table(("Answer",), ((Cell(head),),), False)
    columns = tuple(name.removeprefix("?") for name in head.split("\t")) if head else ()
    rows: list[tuple[Cell, ...]] = []
    for line in lines:
        if len(rows) == max_rows:
            return Table(columns, tuple(rows), True)
        rows.append(tuple(read_cell(field) for field in line.split("\t")))
    return Table(columns, tuple(rows), False)


def read_graph(chunks: Iterable[bytes], max_characters: int = MAX_GRAPH_CHARACTERS) -> GraphText:
    """Read the beginning of a Turtle answer, up to a whole line."""
    text = b""
    for chunk in chunks:
        text += chunk
        if len(text) > max_characters:
            whole = text[:max_characters].rpartition(b"\n")[0]
            return GraphText(whole.decode("utf-8", "replace"), True)
    return GraphText(text.decode("utf-8", "replace"), False)


def read_cell(field: str) -> Cell:
    """Read one term of a TSV row.

    >>> read_cell("<http://h/id/a>").iri, read_cell("-3.5e0").kind
    ('http://h/id/a', 'number')
    """
    if field.startswith("<") and field.endswith(">"):
        return Cell(field[1:-1], iri=field[1:-1], kind="iri")
    literal = _LITERAL.fullmatch(field)
    if literal is None:
        return Cell(field, kind="number" if _NUMBER.fullmatch(field) else "text")
    text = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), literal[1], flags=re.DOTALL)
    return Cell(text, literal[2] or "", kind=_find_kind(text, literal[3] or ""))


def _find_kind(text: str, datatype: str) -> str:
    name = datatype.removeprefix(XSD.iri)
    if name in ("date", "dateTime", "gYear", "gYearMonth"):
        return "date"
    return "number" if datatype.startswith(XSD.iri) and _NUMBER.fullmatch(text) else "text"


def _read_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    pending = b""
    for chunk in chunks:
        *lines, pending = (pending + chunk).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in lines)
    if pending:
        yield pending.decode("utf-8", "replace")

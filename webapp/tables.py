"""The beginning of a result as a page shows it: enough to look at, however large the rest is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_ROWS = 1000
MAX_GRAPH_CHARACTERS = 200_000

_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"(?:@([A-Za-z0-9-]+)|\^\^<([^>]*)>)?', re.DOTALL)
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A term; ``href`` is set for an IRI that this site can show."""

    text: str
    lang: str = ""
    href: str = ""


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


def read_table(chunks: Iterable[bytes], base_iri: str, max_rows: int = MAX_ROWS) -> Table:
    """Read the first rows of a TSV answer (SPARQL 1.1 Query Results CSV and TSV, section 4).

    >>> read_table([b'?n\\n"A"@en\\n'], "http://h/").rows
    ((Cell(text='A', lang='en', href=''),),)
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
        rows.append(tuple(read_cell(field, base_iri) for field in line.split("\t")))
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


def read_cell(field: str, base_iri: str) -> Cell:
    """Read one term of a TSV row.

    >>> read_cell("<http://h/id/a>", "http://h/").href
    'http://h/id/a'
    """
    if field.startswith("<") and field.endswith(">"):
        iri = field[1:-1]
        return Cell(iri, "", iri if iri.startswith(base_iri) else "")
    literal = _LITERAL.fullmatch(field)
    if literal is None:
        return Cell(field)
    return Cell(re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), literal[1]), literal[2] or "")


def _read_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    pending = b""
    for chunk in chunks:
        *lines, pending = (pending + chunk).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in lines)
    if pending:
        yield pending.decode("utf-8", "replace")

"""Puts another text in the place of parts of a query that was read."""

from __future__ import annotations

from collections.abc import Sequence

from kg.store.planning.groups import PlainQuery

Edit = tuple[int, int, str]
"""Two places in the body of a query, and what comes to stand between them."""


def put_group(query: PlainQuery, parts: Sequence[str], edits: Sequence[Edit] = ()) -> str:
    """Return the query with a group of these parts, and with edits before and behind it.

    >>> from kg.store.planning.groups import read_query
    >>> put_group(read_query("ASK { ?s a ?c }"), ["?s <urn:p> ?o", "", "FILTER(true)"])
    'ASK { ?s <urn:p> ?o FILTER(true) }'
    """
    start, end = query.span
    inner = " ".join(part for part in parts if part)
    head = _edit(query.body, 0, start, edits)
    tail = _edit(query.body, end, len(query.body), edits)
    return f"{query.prologue}{head}{{ {inner} }}{tail}"


def invent_name(query: PlainQuery) -> str:
    """Return the name of a variable that is in no name of the query.

    >>> from kg.store.planning.groups import read_query
    >>> invent_name(read_query("ASK { ?n a ?c }"))
    'nn'
    """
    name = "n"
    while name in query.prologue + query.body:
        name += "n"
    return name


def _edit(text: str, start: int, end: int, edits: Sequence[Edit]) -> str:
    parts, at = [], start
    for first, last, new in edits:
        if start <= first and last <= end:
            parts += [text[at:first], new]
            at = last
    return "".join([*parts, text[at:end]])

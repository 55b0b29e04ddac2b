"""Sorts by short strings that the engine has at hand: the rule ``sort_by_parts`` of its rewriting."""

from __future__ import annotations

from kg.store.edits import Edit, invent_name
from kg.store.groups import PlainQuery
from kg.store.tokens import Token

SUMMARIES = {"COUNT", "SUM", "MIN", "MAX", "AVG", "SAMPLE", "GROUP_CONCAT"}
"""The aggregates."""


def sort_by_parts(query: PlainQuery) -> tuple[list[str], list[Edit]]:
    """Put the first characters of the first key before it; returns BIND for each part, and the edit.

    Strings, and IRIs as strings, are ordered by their code points (section 15.1), so by the first five of
    them, then by the next, and so on. The key is ``STR(?v)``, or ?v where that is a subject: a blank node
    comes before all IRIs, as its STR, which is an error, comes before all strings. The engine keeps up to 15
    bytes of a string in the row; of characters outside ASCII these are five.
    """
    words = {token.text.upper() for token in query.head + query.tail if token.kind == "word"}
    if words & ({"GROUP", "HAVING"} | SUMMARIES) or any(token.text == "*" for token in query.head):
        return [], []
    key = _find_key(query.tail)
    texts = [token.text.upper() for token in key]
    direction = texts[0] if texts and texts[0] in ("ASC", "DESC") else ""
    variable = next((token.text for token in key if token.kind == "var"), "")
    if variable[1:] not in query.group.variables:
        return [], []
    if "STR" in texts:
        length, count = 5, 2
    elif any(pattern.subject[1:] == variable[1:] for pattern in query.group.patterns):
        length, count = 15, 3
    else:
        return [], []
    name = invent_name(query)
    bindings = [
        f"BIND(SUBSTR(STR({variable}), {1 + part * length}, {length}) AS ?{name}{part})"
        for part in range(count)
    ]
    keys = "".join(f"{direction}(?{name}{part}) " for part in range(count))
    return bindings, [(key[0].start, key[0].start, keys)]


def _find_key(tail: tuple[Token, ...]) -> tuple[Token, ...]:
    """Return the first key of ORDER BY: ``?v``, ``STR(?v)``, or one of them in ASC or DESC; else nothing."""
    texts = [token.text.upper() for token in tail]
    at, opened = 2, 0
    while texts[at : at + 2] in (["ASC", "("], ["DESC", "("], ["STR", "("]):
        at, opened = at + 2, opened + 1
    end = at + 1 + opened
    is_key = texts[:2] == ["ORDER", "BY"] and len(tail) >= end and tail[at].kind == "var"
    return tail[2:end] if is_key and texts[at + 1 : end] == [")"] * opened else ()

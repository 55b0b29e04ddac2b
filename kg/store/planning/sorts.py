"""Sorts by short strings that the engine has at hand: the rule ``sort_by_parts`` of its rewriting."""

from __future__ import annotations

from dataclasses import dataclass

from kg.store.planning.edits import Edit, invent_name
from kg.store.planning.groups import PlainQuery
from kg.store.tokens import Token

SUMMARIES = {"COUNT", "SUM", "MIN", "MAX", "AVG", "SAMPLE", "GROUP_CONCAT"}
"""The aggregates."""

_NODE_PARTS, _STRING_PARTS = (3, 15), (2, 5)
"""How many parts are sorted by, and how many characters each has. The engine keeps 15 bytes of a string in
the row; of characters outside ASCII these are five."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of ORDER BY: ``?v`` or ``STR(?v)``, or one of them in ASC or DESC.

    ``start`` is where it stands, ``direction`` ASC, DESC or nothing, and ``variable`` has its mark.
    """

    start: int
    direction: str
    variable: str
    is_string: bool


def sort_by_parts(query: PlainQuery) -> tuple[list[str], list[Edit]]:
    """Put the first characters of a key before it; returns BIND for each part, and the edits.

    Strings, and IRIs as strings, are ordered by their code points (section 15.1), so by the first of them,
    then by the next, and so on. The key is the first; or, of groups, the first that is no summary, since many
    rows are alike in those. Where all keys are columns, rows that DISTINCT takes for one have the same keys,
    so it may as well come before the sort (section 18.5), which has fewer then.
    """
    words = {token.text.upper() for token in query.head + query.tail if token.kind == "word"}
    if words & ({"GROUP", "HAVING"} | SUMMARIES):
        return [], _sort_around(query)
    keys, _ = _read_keys(query.tail)
    if not keys or keys[0].variable[1:] not in query.group.variables:
        return [], []
    key = keys[0]
    if any(token.text == "*" for token in query.head) or not (key.is_string or _is_subject(query, key)):
        return [], []
    if "DISTINCT" in words and (edits := _sort_around(query)):
        return [], edits
    bindings, parts = _part(query, key)
    return bindings, [(key.start, key.start, parts)]


def _sort_around(query: PlainQuery) -> list[Edit]:
    """Return edits that sort around a sub-select; none, where a key is no column of it.

    BIND cannot stand behind GROUP BY, and of DISTINCT rows there are fewer than before.
    """
    (keys, are_all), names = _read_keys(query.tail), _list_names(query.head)
    key = next((key for key in keys if key.variable[1:] in query.group.variables), None)
    if key is None or not are_all or any(other.variable[1:] not in names for other in keys):
        return []
    bindings, parts = _part(query, key)
    begun = query.head[0].start
    order = next(token.start for token in query.tail if token.text.upper() == "ORDER")
    return [
        (begun, begun, f"SELECT {' '.join(f'?{name}' for name in names)} {{ {{ "),
        (order, order, f"}} {' '.join(bindings)} }} "),
        (key.start, key.start, parts),
    ]


def _part(query: PlainQuery, key: Key) -> tuple[list[str], str]:
    """Return BIND for the parts of a key, and the keys that come before it.

    A blank node comes before all IRIs, as its STR, which is an error, comes before all strings. What else
    there may be comes behind these, and has no parts.
    """
    name, variable = invent_name(query), key.variable
    count, length = _STRING_PARTS if key.is_string else _NODE_PARTS
    texts = [f"SUBSTR(STR({variable}), {1 + part * length}, {length})" for part in range(count)]
    if not key.is_string and not _is_subject(query, key):
        texts = [f"IF(isIRI({variable}), {text}, ?{name})" for text in texts]  # ?n has no value
        texts.insert(0, f"!(isIRI({variable}) || isBLANK({variable}))")
    bindings = [f"BIND({text} AS ?{name}{number})" for number, text in enumerate(texts)]
    return bindings, "".join(f"{key.direction}(?{name}{number}) " for number in range(len(texts)))


def _is_subject(query: PlainQuery, key: Key) -> bool:
    """Tell whether what is sorted by can only be an IRI or a blank node."""
    return any(pattern.about == key.variable[1:] for pattern in query.group.patterns)


# --- reading


def _read_keys(tail: tuple[Token, ...]) -> tuple[list[Key], bool]:
    """Return the keys of ORDER BY up to the first that is of no such form, and whether there is none."""
    texts = [token.text.upper() for token in tail]
    at = texts.index("ORDER") + 2 if "ORDER" in texts else len(tail)
    keys: list[Key] = []
    while at < len(tail) and texts[at] not in ("LIMIT", "OFFSET"):
        start, opened = at, 0
        while texts[at : at + 2] in (["ASC", "("], ["DESC", "("], ["STR", "("]):
            at, opened = at + 2, opened + 1
        end = at + 1 + opened
        if at >= len(tail) or tail[at].kind != "var" or texts[at + 1 : end] != [")"] * opened:
            return keys, False
        direction = texts[start] if texts[start] in ("ASC", "DESC") else ""
        keys.append(Key(tail[start].start, direction, tail[at].text, "STR" in texts[start:at]))
        at = end
    return keys, True


def _list_names(head: tuple[Token, ...]) -> list[str]:
    """Return the variables that a SELECT has as columns."""
    names, depth = [], 0
    for index, token in enumerate(head):
        depth += (token.text == "(") - (token.text == ")")
        if token.kind == "var" and (depth == 0 or head[index - 1].text.upper() == "AS"):
            names.append(token.text[1:])
    return names

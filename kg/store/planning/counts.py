"""Answers what a query counts from the statistics of a release: the rule ``sum_counts`` of its rewriting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kg.store.planning.edits import invent_name, put_group
from kg.store.planning.groups import TYPE, Pattern, PlainQuery, is_variable
from kg.store.planning.statistics import Statistics
from kg.store.tokens import Token

_WORDS = (
    {"SELECT", "DISTINCT", "REDUCED", "WHERE", "COUNT", "AS", "GROUP", "BY", "HAVING", "ORDER", "ASC", "DESC"}
    | {"LIMIT", "OFFSET", "STR", "STRSTARTS", "STRENDS", "CONTAINS", "REGEX", "LCASE", "UCASE", "IN", "NOT"}
)  # fmt: skip
"""All words that may stand in a query over counts: of aggregates only COUNT, and of functions those that make
one value of one value."""


@dataclass(frozen=True, slots=True)
class Table:
    """How often variables, by name, have some values, which are IRIs, among the rows of a group."""

    variables: tuple[str, ...]
    rows: Sequence[tuple[tuple[str, ...], int]]

    def write(self, weight: str) -> str:
        """Return it as VALUES, with the number in the last column."""
        columns = " ".join(f"?{name}" for name in (*self.variables, weight))
        rows = (f"({' '.join([*(f'<{iri}>' for iri in values), str(n)])})" for values, n in self.rows)
        return f"VALUES ({columns}) {{ {' '.join(rows)} }}"


def sum_counts(query: PlainQuery, statistics: Statistics) -> str:
    """Put a table of known counts in the place of a group; returns an empty text for other groups.

    These are ``?s ?v ?o``, ``?s a ?v``, ``?s <p> ?v`` and ``?s <p> ?v ; <q> ?w``, p and q having few values;
    a value may be given. The query asks only for ?v and ?w, and for how often they are found. With n rows of
    the same values as one row with n, COUNT is the SUM of these, and what looks at the values alone or takes
    each once (DISTINCT) stays as it is.
    """
    group = query.group
    if group.rest or any(not filter_.conditions for filter_ in group.filters):
        return ""
    table = _find_table(query, statistics)
    calls = list(_find_counting(query))
    if table is None or not _asks_only(query, table.variables, calls):
        return ""
    weight = invent_name(query)
    edits = [(call[0].start, call[-1].start + 1, f"SUM(?{weight})") for call in calls]
    return put_group(query, [table.write(weight), *(filter_.text for filter_ in group.filters)], edits)


# --- the table of a group


def _find_table(query: PlainQuery, statistics: Statistics) -> Table | None:
    patterns = query.group.patterns
    if not patterns or len(patterns) > 2 or not patterns[0].about:
        return None
    if is_variable(patterns[0].predicate):
        return _list_properties(patterns, statistics)
    properties = [query.resolve(pattern.predicate) or "" for pattern in patterns]
    rows = _list_rows(properties, statistics)
    objects = [pattern.object for pattern in patterns]
    names = [term[1:] for term in objects if is_variable(term)]
    subjects = {pattern.about for pattern in patterns}
    if rows is None or len(subjects) > 1 or len({*names, *subjects}) < len(names) + 1:
        return None
    given = [None if is_variable(term) else query.resolve(term) for term in objects]
    if any(iri is None and not is_variable(term) for iri, term in zip(given, objects, strict=True)):
        return None  # a literal, or a name that cannot be told
    return Table(tuple(names), list(_select(rows, given)))


def _list_properties(patterns: Sequence[Pattern], statistics: Statistics) -> Table | None:
    pattern = patterns[0]
    if len(patterns) > 1 or len(pattern.variables) < 3 or statistics.properties is None:
        return None
    return Table((pattern.predicate[1:],), [((iri,), n) for iri, n in statistics.properties.items()])


def _list_rows(properties: list[str], statistics: Statistics) -> Iterable[tuple[tuple[str, ...], int]] | None:
    """Return how often values of the properties are found with one subject."""
    if len(properties) == 1:
        values = statistics.classes if properties[0] == TYPE else statistics.values.get(properties[0])
        return None if values is None else [((value,), n) for value, n in values.items()]
    first, second = sorted(properties)
    rows = statistics.together.get(first, {}).get(second)
    if rows is None:
        return None
    is_turned = properties[0] != first
    return [((other, value) if is_turned else (value, other), n) for value, other, n in rows]


def _select(
    rows: Iterable[tuple[tuple[str, ...], int]], given: list[str | None]
) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield rows that have the given values, without these."""
    for values, number in rows:
        pairs = list(zip(values, given, strict=True))
        if all(wanted in (None, value) for value, wanted in pairs):
            yield tuple(value for value, wanted in pairs if wanted is None), number


# --- what the query asks


def _find_counting(query: PlainQuery) -> Iterator[tuple[Token, ...]]:
    """Yield the terminals of ``COUNT(*)`` and ``COUNT(?x)``, ?x being a variable of the group."""
    for tokens in (query.head, query.tail):
        for index in range(len(tokens) - 3):
            call = tokens[index : index + 4]
            counted = call[2].text == "*" or (
                call[2].kind == "var" and call[2].text[1:] in query.group.variables
            )
            if [call[0].text.upper(), call[1].text, call[3].text] == ["COUNT", "(", ")"] and counted:
                yield call


def _asks_only(query: PlainQuery, variables: Sequence[str], calls: list[tuple[Token, ...]]) -> bool:
    """Tell whether the query has, beside those calls, these variables only, in known words, and once each.

    Of COUNT there is left what has DISTINCT; ``*`` would be about all variables.
    """
    counted = {token.start for call in calls for token in call}
    outside = [token for token in query.head + query.tail if token.start not in counted]
    conditions = [condition for filter_ in query.group.filters for condition in filter_.conditions]
    inside = [token for condition in conditions for token in condition.tokens]
    tokens = outside + inside
    words = {token.text.upper() for token in tokens if token.kind == "word"}
    named = {token.text[1:] for token in tokens if token.kind == "var"}
    return (
        words <= _WORDS
        and not named & (query.group.variables - {*variables})
        and all(token.text != "*" for token in tokens)
        and _is_all_distinct(tokens)
        and (bool(calls) or "GROUP" in words or _is_distinct(query))
    )


def _is_all_distinct(tokens: list[Token]) -> bool:
    texts = [token.text.upper() for token in tokens]
    places = [index for index, text in enumerate(texts) if text == "COUNT"]
    return all(texts[index + 1 : index + 3] == ["(", "DISTINCT"] for index in places)


def _is_distinct(query: PlainQuery) -> bool:
    return len(query.head) > 1 and query.head[1].text.upper() == "DISTINCT"

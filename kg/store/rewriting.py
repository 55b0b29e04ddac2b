"""Writes a query anew where the answer is provably the same and comes sooner.

Five rules, each for something that the engine was measured to be slow at (docs/design.md). Why they hold is
told in the algebra of SPARQL 1.1 Query, section 18. They hold with duplicates, and for whatever the data has:

- ``name_values``: ``FILTER(?v = <iri>)`` reads all that ?v may be; ``VALUES ?v { <iri> }`` looks it up.
- ``nest_exists``: EXISTS joins its patterns anew for each row; nested ones only look up.
- ``join_by_hash``: patterns of like size are looked up row by row; sub-selects make the engine use a hash.
- ``sum_counts``: counts over all triples by class or property are known since the build.
- ``sort_by_parts``: a sort fetches both strings at each comparison; their first characters it has at hand.

What is rewritten is text, so the engine's parser stays the judge of what is a query.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from kg.store.groups import (
    TYPE,
    Condition,
    Filter,
    Group,
    NotPlain,
    Pattern,
    PlainQuery,
    is_variable,
    read_query,
)
from kg.store.statistics import Statistics
from kg.store.tokens import Token

MAX_CHARACTERS = 20_000
"""Of a text that is looked at; a longer one was written by a program, which may as well write it well."""
FEW_ROWS = 200
"""A pattern with no more rows than these is a good place to begin a join, and nothing need be changed."""
MANY_ROWS = 1_000_000
"""More rows than these in a hash may take more memory than a worker has."""
MAX_RATIO = 5
"""How many times more rows the largest pattern of a join by hash has than the smallest at most. A look-up was
measured to cost ten to fifteen times what a row costs that is read on the way."""

_HINTS = ("FILTER", "COUNT", "DISTINCT", "GROUP", "ORDER")
_SUMMARIES = {"COUNT", "SUM", "MIN", "MAX", "AVG", "SAMPLE", "GROUP_CONCAT"}
_AFTER_JOIN = re.compile(r"(?:OPTIONAL|MINUS|BIND)(?!.*(?:VALUES|SELECT|UNION|GRAPH))", re.I | re.S)
_COUNT_WORDS = (
    {"SELECT", "DISTINCT", "REDUCED", "WHERE", "COUNT", "AS", "GROUP", "BY", "HAVING", "ORDER", "ASC", "DESC"}
    | {"LIMIT", "OFFSET", "STR", "STRSTARTS", "STRENDS", "CONTAINS", "REGEX", "LCASE", "UCASE", "IN", "NOT"}
)  # fmt: skip
"""All words that may stand in a query over counts: of aggregates only COUNT, and of functions those that make
one value of one value."""


def rewrite(text: str, statistics: Statistics) -> str:
    """Return the query to ask instead of one over the union of all graphs; itself, where no rule helps.

    >>> rewrite("ASK { ?s a ?c FILTER(?s = <urn:a>) }", Statistics())
    'ASK { VALUES ?s { <urn:a> } ?s a ?c . }'
    >>> rewrite("ASK { ?s a ?c FILTER(?s = 1) }", Statistics())
    'ASK { ?s a ?c FILTER(?s = 1) }'
    """
    if not _is_candidate(text):
        return text
    try:
        query = read_query(text)
    except NotPlain:
        return text
    return sum_counts(query, statistics) or _rewrite_group(query, statistics) or text


def _is_candidate(text: str) -> bool:
    """Tell, in a few microseconds, whether a rule may help; most queries begin with a thing by its name."""
    loud = text.upper()
    if len(text) > MAX_CHARACTERS or not any(hint in loud for hint in _HINTS):
        return False
    return "EXISTS" in loud or "ORDER" in loud or text[text.find("{") + 1 :].lstrip()[:1] in ("?", "$")


def _rewrite_group(query: PlainQuery, statistics: Statistics) -> str:
    """Return the query with another group; empty, where that is as it was."""
    group, values = name_values(query, statistics)
    group = nest_exists(group)
    parts = [] if values else join_by_hash(query, group, statistics)
    bindings, edits = sort_by_parts(query)
    if not parts and group == query.group and not bindings:
        return ""
    parts = parts or [f"{pattern} ." for pattern in group.patterns]
    filters = [filter_.text for filter_ in group.filters]
    tail = _edit(query.body, query.span[1], len(query.body), edits)
    return _put(query, [values, *parts, *filters, group.rest, *bindings], tail=tail)


def _put(query: PlainQuery, parts: Sequence[str], head: str = "", tail: str = "") -> str:
    start, end = query.span
    inner = " ".join(part for part in parts if part)
    return f"{query.prologue}{head or query.body[:start]}{{ {inner} }}{tail or query.body[end:]}"


# --- filters that name what a variable is


def name_values(query: PlainQuery, statistics: Statistics) -> tuple[Group, str]:
    """Put VALUES in the place of a filter that a variable is one of some IRIs or strings.

    The patterns P before all else bind ?v in each solution, and ``=`` holds for an IRI, or a string without
    language, if and only if the term is the same (section 17.4.1.7). So Filter(?v IN (c…), P) is
    Join(VALUES ?v {c…}, P) with each c once. What follows keeps ?v: OPTIONAL, MINUS and BIND only extend or
    drop solutions of P, so the filter of the whole group may as well come first.

    Left alone where another pattern is a good place to begin, which VALUES may lead the engine away from.
    """
    group = query.group
    if group.rest and not _AFTER_JOIN.match(group.rest):
        return group, ""
    if any(_is_selective(query, pattern, statistics) for pattern in group.patterns):
        return group, ""
    for index, filter_ in enumerate(group.filters):
        for condition in filter_.conditions:
            values = _to_values(query, condition)
            if values:
                others = _without(filter_, condition)
                filters = group.filters[:index] + others + group.filters[index + 1 :]
                return replace(group, filters=filters), values
    return group, ""


def _is_selective(query: PlainQuery, pattern: Pattern, statistics: Statistics) -> bool:
    if not is_variable(pattern.subject):
        return True
    if not is_variable(pattern.object) and query.resolve(pattern.predicate) != TYPE:
        return True
    rows = _count_rows(query, pattern, statistics)
    return rows is not None and rows <= FEW_ROWS


def _without(filter_: Filter, condition: Condition) -> tuple[Filter, ...]:
    others = [other for other in filter_.conditions if other is not condition]
    return tuple(Filter(f"FILTER({other.text})", (other,)) for other in others)


def _to_values(query: PlainQuery, condition: Condition) -> str:
    """Return VALUES for ``?v = c``, ``c = ?v``, ``sameTerm(?v, c)`` or ``?v IN (c, …)``; else nothing."""
    tokens, constants = condition.tokens, condition.tokens[:0]
    texts = [token.text for token in tokens]
    if len(tokens) == 3 and texts[1] == "=":
        variable, constants = (tokens[0], tokens[2:]) if tokens[0].kind == "var" else (tokens[2], tokens[:1])
    elif len(tokens) == 6 and [*map(str.upper, texts[:2]), texts[3], texts[5]] == ["SAMETERM", "(", ",", ")"]:
        variable, constants = tokens[2], tokens[4:5]
    elif len(tokens) > 4 and [texts[1].upper(), texts[2], texts[-1]] == ["IN", "(", ")"]:
        variable, constants = tokens[0], tokens[3:-1:2]
        if len(tokens) % 2 == 0 or set(texts[4:-1:2]) - {","}:
            return ""
    else:
        return ""
    if variable.kind != "var" or variable.text[1:] not in query.group.variables:
        return ""
    keys = {_identify(query, constant): constant.text for constant in constants}
    return "" if "" in keys else f"VALUES {variable.text} {{ {' '.join(keys.values())} }}"


def _identify(query: PlainQuery, constant: Token) -> str:
    """Return the same key for the same term however it is written; empty where that cannot be told."""
    if constant.kind in ("iri", "pname"):
        iri = query.resolve(constant.text)
        return f"<{iri}>" if iri else ""
    if constant.kind != "string" or "\\" in constant.text:
        return ""
    quotes = 3 if constant.text[:3] in ('"""', "'''") else 1
    return f'"{constant.text[quotes:-quotes]}"'


# --- EXISTS with several patterns


def nest_exists(group: Group) -> Group:
    """Write EXISTS { A . B } as EXISTS { A FILTER EXISTS { B } }, A being what the row outside leads to.

    A basic graph pattern without blank nodes has a solution compatible with a row if and only if A has one,
    and B one compatible with both; nothing but that is asked of EXISTS. Left alone where all patterns are
    about things of the row, which the engine looks up as it is.
    """
    return replace(group, filters=tuple(_nest(filter_, group.variables) for filter_ in group.filters))


def _nest(filter_: Filter, known: frozenset[str]) -> Filter:
    leads_on = any(
        pattern.subject[1:] not in known for pattern in filter_.exists if is_variable(pattern.subject)
    )
    chain = _order(filter_.exists, known) if leads_on and len(filter_.exists) > 1 else []
    if not chain:
        return filter_
    text = f"{{ {chain[-1]} }}"
    for pattern in reversed(chain[:-1]):
        text = f"{{ {pattern} FILTER EXISTS {text} }}"
    return replace(filter_, text=f"FILTER{' NOT' * filter_.negated} EXISTS {text}", exists=())


def _order(patterns: Sequence[Pattern], known: frozenset[str]) -> list[Pattern]:
    """Return patterns such that each has a variable that is known by then; nothing where that cannot be."""
    left, chain = list(patterns), list[Pattern]()
    while left:
        best = max(left, key=lambda pattern: _count_known(pattern, known))
        if not best.variables & known:
            return []
        left.remove(best)
        chain.append(best)
        known |= best.variables
    return chain


def _count_known(pattern: Pattern, known: frozenset[str]) -> tuple[bool, int]:
    terms = (pattern.subject, pattern.object)
    fixed = [not is_variable(term) or term[1:] in known for term in terms]
    # A subject is in fewer triples than an object.
    return bool(pattern.variables & known), 2 * fixed[0] + fixed[1]


# --- joins of patterns of like size


def join_by_hash(query: PlainQuery, group: Group, statistics: Statistics) -> list[str]:
    """Put each pattern about one subject into a sub-select, the smallest first; nothing if that is no gain.

    A basic graph pattern without blank nodes is the Join of its patterns, and ``SELECT *`` changes none.
    """
    sizes = [_count_rows(query, pattern, statistics) for pattern in group.patterns]
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes) or len(known) < 2 or group.rest or not _is_star(group.patterns):
        return []
    if min(known) <= FEW_ROWS or max(known) > min(MANY_ROWS, MAX_RATIO * min(known)) or not _reads_all(query):
        return []
    ordered = sorted(zip(known, map(str, group.patterns), strict=True))
    return [f"{{ SELECT * {{ {pattern} }} }}" for _, pattern in ordered]


def _count_rows(query: PlainQuery, pattern: Pattern, statistics: Statistics) -> int | None:
    """Return how many solutions a pattern with two variables, or with one and a class, has by itself."""
    if not is_variable(pattern.subject) or is_variable(pattern.predicate):
        return None
    predicate = query.resolve(pattern.predicate)
    if is_variable(pattern.object):
        return _look_up(statistics.properties, predicate)
    return _look_up(statistics.classes, query.resolve(pattern.object)) if predicate == TYPE else None


def _look_up(counts: Mapping[str, int] | None, iri: str | None) -> int | None:
    return counts.get(iri, 0) if counts is not None and iri is not None else None


def _is_star(patterns: Sequence[Pattern]) -> bool:
    """Tell whether patterns share their subject and nothing else."""
    subjects = {pattern.subject[1:] for pattern in patterns}
    others = [variable for pattern in patterns for variable in pattern.variables - subjects]
    objects = sum(is_variable(pattern.object) for pattern in patterns)
    return len(subjects) == 1 and len(set(others)) == len(others) == objects


def _reads_all(query: PlainQuery) -> bool:
    """Tell whether the first row needs all others: with LIMIT alone, looking up may end after a few."""
    words = {token.text.upper() for token in query.head + query.tail if token.kind == "word"}
    return "SELECT" in words and ("LIMIT" not in words or bool(words & ({"ORDER", "GROUP"} | _SUMMARIES)))


# --- counts that are known


def sum_counts(query: PlainQuery, statistics: Statistics) -> str:
    """Put a table of known counts in the place of ``?s a ?v`` or ``?s ?v ?o``; nothing for other groups.

    The query asks only for ?v, and for how often it is found. With n rows of the same ?v as one row with n,
    COUNT is the SUM of these, and what looks at ?v alone or takes each once (DISTINCT) stays as it is.
    """
    group = query.group
    if len(group.patterns) != 1 or group.rest or any(not filter_.conditions for filter_ in group.filters):
        return ""
    variable, counts = _find_counts(query, group.patterns[0], statistics)
    calls = list(_find_counting(query))
    if counts is None or not _asks_only(query, variable, calls):
        return ""
    weight = _invent(query)
    rows = " ".join(f"(<{iri}> {count})" for iri, count in counts.items())
    values = f"VALUES (?{variable} ?{weight}) {{ {rows} }}"
    edits = [(call[0].start, call[-1].start + 1, f"SUM(?{weight})") for call in calls]
    start, end = query.span
    head = _edit(query.body, 0, start, edits)
    tail = _edit(query.body, end, len(query.body), edits)
    return _put(query, [values, *(filter_.text for filter_ in group.filters)], head, tail)


def _find_counts(
    query: PlainQuery, pattern: Pattern, statistics: Statistics
) -> tuple[str, Mapping[str, int] | None]:
    if not is_variable(pattern.subject) or not is_variable(pattern.object):
        return "", None
    if is_variable(pattern.predicate):
        counts = statistics.properties if len(pattern.variables) == 3 else None
        return pattern.predicate[1:], counts
    is_type = query.resolve(pattern.predicate) == TYPE and len(pattern.variables) == 2
    return pattern.object[1:], statistics.classes if is_type else None


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


def _asks_only(query: PlainQuery, variable: str, calls: list[tuple[Token, ...]]) -> bool:
    """Tell whether the query has, beside those calls, one variable only, in known words, and once each.

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
        words <= _COUNT_WORDS
        and not named & (query.group.variables - {variable})
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


# --- sorts


def sort_by_parts(query: PlainQuery) -> tuple[list[str], list[tuple[int, int, str]]]:
    """Put the first characters of the first key before it; returns BIND for each part, and the edit.

    Strings, and IRIs as strings, are ordered by their code points (section 15.1), so by the first five of
    them, then by the next, and so on. The key is ``STR(?v)``, or ?v where that is a subject: a blank node
    comes before all IRIs, as its STR, which is an error, comes before all strings. The engine keeps up to 15
    bytes of a string in the row; of characters outside ASCII these are five.
    """
    words = {token.text.upper() for token in query.head + query.tail if token.kind == "word"}
    if words & ({"GROUP", "HAVING"} | _SUMMARIES) or any(token.text == "*" for token in query.head):
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
    name = _invent(query)
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


def _invent(query: PlainQuery) -> str:
    name = "n"
    while name in query.prologue + query.body:
        name += "n"
    return name


def _edit(text: str, start: int, end: int, edits: list[tuple[int, int, str]]) -> str:
    """Return a part of a text with what edits put in the place of some of its characters."""
    parts, at = [], start
    for first, last, new in edits:
        if start <= first and last <= end:
            parts += [text[at:first], new]
            at = last
    return "".join([*parts, text[at:end]])

"""Writes a query anew where the answer is provably the same and comes sooner.

Six rules, each for something that the engine was measured to be slow at (docs/design.md). Why they hold is
told in the algebra of SPARQL 1.1 Query, section 18. They hold with duplicates, and for whatever the data has:

- ``drop_classes``: that a thing is of a class need not be asked where one of its properties says so.
- ``name_values``: ``FILTER(?v = <iri>)`` reads all that ?v may be; ``VALUES ?v { <iri> }`` looks it up.
- ``nest_exists``: EXISTS joins its patterns anew for each row; nested ones only look up.
- ``join_by_hash``: patterns of like size are looked up row by row; sub-selects make the engine use a hash.
- ``sum_counts`` (``counts``): what occurs how often, alone and together, is known since the build.
- ``sort_by_parts`` (``sorts``): a sort fetches both strings at each comparison; their first characters it has
  at hand.

What is rewritten is text, so the engine's parser stays the judge of what is a query.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kg.store.planning.counts import sum_counts
from kg.store.planning.edits import put_group
from kg.store.planning.groups import (
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
from kg.store.planning.sorts import SUMMARIES, sort_by_parts
from kg.store.planning.statistics import Statistics
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
_AFTER_JOIN = re.compile(r"(?:OPTIONAL|MINUS|BIND)(?!.*(?:VALUES|SELECT|UNION|GRAPH))", re.I | re.S)


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
    plain = replace(query, group=drop_classes(query, statistics))
    rewritten = sum_counts(plain, statistics) or _rewrite_group(plain, statistics)
    return rewritten or (text if plain == query else put_group(plain, _list_parts(plain.group)))


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
    joined = [] if values else join_by_hash(query, group, statistics)
    bindings, edits = sort_by_parts(query)
    if not joined and group == query.group and not edits:
        return ""
    parts = _list_parts(replace(group, patterns=()) if joined else group)
    return put_group(query, [values, *joined, *parts, *bindings], edits)


def _list_parts(group: Group) -> list[str]:
    patterns = [f"{pattern} ." for pattern in group.patterns]
    return [*patterns, *(filter_.text for filter_ in group.filters), group.rest]


# --- classes that properties tell


def drop_classes(query: PlainQuery, statistics: Statistics) -> Group:
    """Leave out ``?s a <class>`` where each subject of another property of ?s is of the class, by one quad.

    Then each solution of the other pattern has exactly one for the class, which binds nothing. The engine
    begins with a thing that is named, or else with a class. If it is to begin with another class than before,
    or may have a better place after the group, all is left as it is.
    """
    group = query.group
    kept = _drop_told(query, group.patterns, statistics)
    begins_elsewhere = not any(_names_thing(query, pattern) for pattern in kept) and any(
        _is_class(query, pattern) for pattern in kept
    )
    if begins_elsewhere or (group.rest and not _AFTER_JOIN.match(group.rest)):
        kept = group.patterns
    filters = (_drop_from_exists(query, filter_, statistics) for filter_ in group.filters)
    return replace(group, patterns=kept, filters=tuple(filters))


def _drop_from_exists(query: PlainQuery, filter_: Filter, statistics: Statistics) -> Filter:
    kept = _drop_told(query, filter_.exists, statistics)
    if kept == filter_.exists:
        return filter_
    text = f"FILTER{' NOT' * filter_.negated} EXISTS {{ {' . '.join(map(str, kept))} }}"
    return replace(filter_, text=text, exists=kept)


def _drop_told(
    query: PlainQuery, patterns: tuple[Pattern, ...], statistics: Statistics
) -> tuple[Pattern, ...]:
    """Return the patterns without classes that others tell; of these the smallest comes first."""
    telling: dict[Pattern, list[Pattern]] = {
        pattern: [other for other in patterns if _tells(query, other, pattern, statistics)]
        for pattern in patterns
        if _is_class(query, pattern)
    }
    kept = [pattern for pattern in patterns if not telling.get(pattern)]
    if len(kept) == len(patterns):
        return patterns
    first = min(
        (other for others in telling.values() for other in others),
        key=lambda pattern: _look_up(statistics.properties, query.resolve(pattern.predicate)) or 0,
    )
    return (first, *(pattern for pattern in kept if pattern is not first))


def _tells(query: PlainQuery, pattern: Pattern, wanted: Pattern, statistics: Statistics) -> bool:
    if pattern.about != wanted.about or is_variable(pattern.predicate):
        return False
    known = statistics.classes_of.get(query.resolve(pattern.predicate) or "", ())
    return query.resolve(wanted.object) in known and not _is_class(query, pattern)


def _is_class(query: PlainQuery, pattern: Pattern) -> bool:
    """Tell whether a pattern is ``?s a <class>``."""
    return (
        bool(pattern.about)
        and not is_variable(pattern.predicate)
        and query.resolve(pattern.predicate) == TYPE
        and not is_variable(pattern.object)
    )


def _names_thing(query: PlainQuery, pattern: Pattern) -> bool:
    """Tell whether a pattern has a subject or an object of its own, by which the engine looks it up first."""
    if is_variable(pattern.predicate):
        return not pattern.about
    return not pattern.about or not (is_variable(pattern.object) or query.resolve(pattern.predicate) == TYPE)


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
    if not pattern.about:
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
    leads_on = any(pattern.about not in known for pattern in filter_.exists if pattern.about)
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
    if not pattern.about or is_variable(pattern.predicate):
        return None
    predicate = query.resolve(pattern.predicate)
    if is_variable(pattern.object):
        return _look_up(statistics.properties, predicate)
    return _look_up(statistics.classes, query.resolve(pattern.object)) if predicate == TYPE else None


def _look_up(counts: Mapping[str, int] | None, iri: str | None) -> int | None:
    return counts.get(iri, 0) if counts is not None and iri is not None else None


def _is_star(patterns: Sequence[Pattern]) -> bool:
    """Tell whether patterns share their subject and nothing else."""
    subjects = {pattern.about for pattern in patterns}
    others = [variable for pattern in patterns for variable in pattern.variables - subjects]
    objects = sum(is_variable(pattern.object) for pattern in patterns)
    return len(subjects) == 1 and len(set(others)) == len(others) == objects


def _reads_all(query: PlainQuery) -> bool:
    """Tell whether the first row needs all others: with LIMIT alone, looking up may end after a few."""
    words = {token.text.upper() for token in query.head + query.tail if token.kind == "word"}
    return "SELECT" in words and ("LIMIT" not in words or bool(words & ({"ORDER", "GROUP"} | SUMMARIES)))

"""Counts the quads of a release, for ``kg.store.planning.statistics``, in one pass over its sorted lines."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations, groupby
from operator import itemgetter

from kg.store.planning.statistics import Rows, Statistics

MAX_TERMS = 2_000
"""A vocabulary with more terms than these is no vocabulary; a table of them would not be read at once."""
MAX_VALUES = 64
"""Different values that a property may have for its values to be counted."""
MIN_QUADS = 1_000
"""Quads that it must have; those of another are counted soon enough when they are asked for."""
MAX_ROWS = 4_000
"""Of all tables of values that occur together."""
MAX_KINDS = 20_000
"""Kinds of subjects, told apart by such values."""
MAX_SHAPES = 20_000
"""Shapes of subjects, told apart by properties and classes, that are counted before they are added up."""

_TYPE = b"<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"

Value = tuple[bytes, bytes]
"""Property and object, as N-Quads has them."""
Kind = tuple[tuple[Value, int], ...]
"""What the subjects of a kind have, of properties with few values, and in how many quads each."""
Shape = tuple[tuple[tuple[bytes, int], ...], tuple[tuple[bytes, int], ...]]
"""Properties, and classes, that the subjects of a shape have, and in how many quads each."""
Tables = dict[str, dict[str, Rows]]


def survey_quads(lines: Iterable[bytes]) -> Statistics:
    """Survey N-Quads without repetitions, those with the same subject in a row.

    >>> lines = [b"<urn:s> <urn:p> <urn:o> <urn:g> .\\n", b"<urn:s> <urn:p> <urn:o> <urn:h> .\\n"]
    >>> survey_quads(lines).most_objects
    {'urn:p': 2}
    """
    survey = _Survey()
    # In neither subject nor predicate can there be a space.
    for _, group in groupby((line.split(b" ", 2) for line in lines), key=itemgetter(0)):
        survey.add_subject(group)
    return survey.conclude()


class _Survey:
    """What was found so far."""

    def __init__(self) -> None:
        self._properties: Counter[bytes] = Counter()
        self._classes: Counter[bytes] = Counter()
        self._most_objects: dict[bytes, int] = {}
        self._most_quads = 0
        self._classes_of: dict[bytes, frozenset[bytes]] = {}
        self._shapes: Counter[Shape] = Counter()
        self._values: dict[bytes, set[bytes] | None] = {}
        """Property → its values; None where they are too many, or not all are IRIs."""
        self._kinds: Counter[Kind] = Counter()

    def add_subject(self, quads: Iterable[list[bytes]]) -> None:
        """Add all quads of a subject, which are not kept: there may be any number of them."""
        properties: dict[bytes, int] = defaultdict(int)
        classes: dict[bytes, int] = defaultdict(int)
        kind: dict[Value, int] = defaultdict(int)
        for _, predicate, rest in quads:
            if predicate not in self._values:
                self._values[predicate] = set()
            properties[predicate] += 1
            is_few = self._values[predicate] is not None
            if is_few or predicate == _TYPE:
                value = rest.split(b" ", 1)[0]
                if predicate == _TYPE:
                    classes[value] += 1
                if is_few and self._admit(predicate, value):
                    kind[predicate, value] += 1
        self._shapes[tuple(properties.items()), tuple(classes.items())] += 1
        self._kinds[tuple(kind.items())] += 1
        if len(self._shapes) > MAX_SHAPES:
            self._add_shapes()
        while len(self._kinds) > MAX_KINDS:
            self._drop_widest()

    def _admit(self, predicate: bytes, value: bytes) -> bool:
        values = self._values[predicate]
        if values is None or (value not in values and len(values) == MAX_VALUES) or not _is_plain(value):
            self._values[predicate] = None
            return False
        values.add(value)
        return True

    def _add_shapes(self) -> None:
        for (properties, classes), subjects in self._shapes.items():
            once = frozenset(class_ for class_, number in classes if number == 1)
            for predicate, number in properties:
                self._properties[predicate] += number * subjects
                self._most_objects[predicate] = max(number, self._most_objects.get(predicate, 0))
                self._classes_of[predicate] = self._classes_of.get(predicate, once) & once
            for class_, number in classes:
                self._classes[class_] += number * subjects
            self._most_quads = max(self._most_quads, sum(number for _, number in properties))
        self._shapes.clear()

    def _drop_widest(self) -> None:
        """Leave out the property with the most values, of which then more kinds are one."""
        widest = max(self._values, key=lambda predicate: len(self._values[predicate] or ()))
        self._values[widest] = None
        merged: Counter[Kind] = Counter()
        for kind, number in self._kinds.items():
            left = tuple(item for item in kind if self._values[item[0][0]] is not None)
            merged[left] += number
        self._kinds = merged

    # --- conclusions

    def conclude(self) -> Statistics:
        """Return what is known of all."""
        self._add_shapes()
        classes_of = {
            _name(predicate): sorted(_name(class_) for class_ in classes if _is_plain(class_))
            for predicate, classes in self._classes_of.items()
            if _is_plain(predicate) and classes
        }
        return Statistics(
            _name_all(self._properties),
            _name_all(self._classes),
            _name_all(self._most_objects),
            self._most_quads,
            classes_of,
            self._conclude_values(),
            self._conclude_tables(),
        )

    def _find_few(self) -> list[bytes]:
        """Return properties with few values and many quads, those with the fewest values first."""
        sizes = {
            predicate: len(values)
            for predicate, values in self._values.items()
            if values and self._properties[predicate] >= MIN_QUADS and _is_plain(predicate)
        }
        return sorted(sizes, key=lambda predicate: (sizes[predicate], predicate))

    def _conclude_values(self) -> dict[str, dict[str, int]]:
        counts: dict[bytes, Counter[str]] = {predicate: Counter() for predicate in self._find_few()}
        for kind, number in self._kinds.items():
            for (predicate, value), quads in kind:
                if predicate in counts:
                    counts[predicate][_name(value)] += quads * number
        return {_name(predicate): dict(values) for predicate, values in counts.items()}

    def _conclude_tables(self) -> Tables:
        """Return the tables of as many properties as fit, those with the fewest values first."""
        rows = self._list_rows()
        tables: Tables = {}
        size = 0
        known: list[str] = []
        for name in map(_name, self._find_few()):
            new = [(min(name, other), max(name, other)) for other in known]
            size += sum(1 + len(rows[pair]) for pair in new)
            if size > MAX_ROWS:
                break
            for pair in new:
                tables.setdefault(pair[0], {})[pair[1]] = sorted(rows[pair])
            known.append(name)
        return tables

    def _list_rows(self) -> dict[tuple[str, str], list[tuple[str, str, int]]]:
        together: Counter[tuple[str, str, str, str]] = Counter()
        for kind, number in self._kinds.items():
            named = sorted((_name(predicate), _name(value), quads) for (predicate, value), quads in kind)
            for (one, value, quads), (other, other_value, other_quads) in combinations(named, 2):
                together[one, other, value, other_value] += quads * other_quads * number
        rows = defaultdict[tuple[str, str], list[tuple[str, str, int]]](list)
        for (one, other, value, other_value), quads in together.items():
            rows[one, other].append((value, other_value, quads))
        return rows


def _is_plain(term: bytes) -> bool:
    """Tell whether a term is an IRI that reads the same in a query."""
    # Of a triple term this is the first word.
    return term.startswith(b"<") and term.endswith(b">") and b"\\" not in term


def _name(term: bytes) -> str:
    return term[1:-1].decode()


def _name_all(counts: Mapping[bytes, int]) -> dict[str, int] | None:
    """Return the counts by IRI; None where a term is none, or has an escape, or there are too many."""
    if len(counts) > MAX_TERMS or not all(map(_is_plain, counts)):
        return None
    return {_name(term): number for term, number in counts.items()}

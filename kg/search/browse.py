"""Browsing: things narrowed down by facets, with how many have each further value.

A selection has one of the values of each of its facets: values of one facet are alternatives, facets add up.
The counts of a facet leave its own values out of account, so that they say what choosing another would give.
Those without a selection or with one type are part of the index; others are counted when first asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kg.search.index import SearchIndex, Thing
from kg.search.schema import FACETS, STATEMENTS

SORTS = ("links", "name", "date")
"""Orders of a list: most linked first (what articles speak of before statements), by name, newest first."""

FEW = 20_000
"""Things of the rarest facet up to which they are collected and sorted; more are read in order instead."""

FEW_OF_ALL = float("inf")
"""A count has to see all of them, so they are always collected from the rarest facet."""

CACHED_COUNTS = 512

_ORDERS = {
    "links": ("", "e.id", "e.id > :id"),
    "name": ("INDEXED BY entity_name", "e.sort_name, e.id", "(e.sort_name, e.id) > (:sort_name, :id)"),
    # Negated where it is compared, since later dates come first and things of one day by importance.
    "date": (
        "INDEXED BY entity_date",
        "e.date DESC, e.id",
        "(e.date < :date OR e.date = :date AND e.id > :id)",
    ),
}

Selection = tuple[tuple[str, tuple[str, ...]], ...]
"""Facets with the IRIs of the values chosen, both in order, so that equal selections are equal."""


@dataclass(frozen=True, slots=True)
class Count:
    """A value of a facet, by IRI, and how many things of a selection have it."""

    value: str
    things: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of things; ``has_more`` says that others follow the last one."""

    things: tuple[Thing, ...]
    has_more: bool


def select(chosen: Mapping[str, tuple[str, ...]]) -> Selection:
    """Return a selection in order, without facets of which nothing is chosen.

    >>> select({"tenure": ("b", "a", "b"), "type": ("c",), "role": ()})
    (('type', ('c',)), ('tenure', ('a', 'b')))
    """
    return tuple((facet, tuple(sorted(set(chosen[facet])))) for facet in FACETS if chosen.get(facet))


class Browser:
    """Browses one index; keeps what it has counted."""

    def __init__(self, index: SearchIndex) -> None:
        self.index = index
        # Per browser and not on the method, which would keep indexes of old releases alive.
        self._count = lru_cache(maxsize=CACHED_COUNTS)(self._count_all)

    def list_things(
        self, selection: Selection, sort: str = "links", after: str = "", limit: int = 50
    ) -> Listing:
        """Return things of a selection.

        Parameters
        ----------
        sort: one of ``SORTS``.
        after: the IRI of the thing after which to go on; one that is not known begins anew.
        """
        hint, order, beyond = _ORDERS[sort]
        source, conditions = self._write(selection, hint, FEW)
        values: dict[str, Any] = {"limit": limit + 1}
        row = self.index.database.execute(
            "SELECT id, sort_name, date FROM entity WHERE iri = ?", (after,)
        ).fetchone()
        if row is not None:
            values |= dict(zip(("id", "sort_name", "date"), row, strict=True))
            conditions.append(beyond)
        ids = [
            number
            for (number,) in self.index.database.execute(
                f"SELECT e.id FROM {source} WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT :limit",  # noqa: S608
                values,
            )
        ]
        things = self.index.get_things(ids[:limit])
        return Listing(tuple(things.values()), len(ids) > limit)

    def count_things(self, selection: Selection) -> int:
        """Return how many things a selection has."""
        return self._count(selection)[0]

    def count_values(self, selection: Selection, facet: str) -> tuple[Count, ...]:
        """Return the values of a facet with how many things have each, the most common first.

        What is chosen of this facet is left out of account, and of the others not.
        """
        others = tuple(part for part in selection if part[0] != facet)
        return self._count(others)[1].get(facet, ())

    def _count_all(self, selection: Selection) -> tuple[int, dict[str, tuple[Count, ...]]]:
        """Return the number of things of a selection, and the counts of all facets."""
        database = self.index.database
        if not selection:
            rows = database.execute("SELECT facet, iri, things FROM value ORDER BY facet, things DESC, iri")
            (total,) = database.execute(
                "SELECT count(*) FROM entity WHERE tier <= ?", (STATEMENTS,)
            ).fetchone()
        elif len(selection) == 1 and selection[0][0] == "type" and len(selection[0][1]) == 1:
            rows = database.execute(
                """SELECT v.facet, v.iri, c.things FROM value t JOIN type_count c ON c.type = t.id
                   JOIN value v ON v.id = c.value WHERE t.facet = 0 AND t.iri = ? ORDER BY 1, 3 DESC, 2""",
                selection[0][1],
            )
            (total,) = database.execute(
                "SELECT ifnull(sum(things), 0) FROM value WHERE facet = 0 AND iri = ?", selection[0][1]
            ).fetchone()
        else:
            return self._count_selected(selection)
        return total, _group(rows)

    def _count_selected(self, selection: Selection) -> tuple[int, dict[str, tuple[Count, ...]]]:
        source, conditions = self._write(selection, "", FEW_OF_ALL)
        database = self.index.database
        selected = f"SELECT e.id FROM {source} WHERE {' AND '.join(conditions)}"  # noqa: S608 - see _write
        (total,) = database.execute(f"SELECT count(*) FROM ({selected})").fetchone()  # noqa: S608
        rows = database.execute(
            f"""SELECT v.facet, v.iri, c.things FROM
                    (SELECT p.value, count(*) AS things FROM ({selected}) s CROSS JOIN posting p
                     ON p.entity = s.id GROUP BY p.value) c
                JOIN value v ON v.id = c.value ORDER BY 1, 3 DESC, 2"""  # noqa: S608
        )
        return total, _group(rows)

    def _write(self, selection: Selection, hint: str, few: float) -> tuple[str, list[str]]:
        """Return what to read from and the conditions; all that is written in is our own text and numbers."""
        conditions = [f"e.tier <= {STATEMENTS}"]
        found = [self._find_values(facet, iris) for facet, iris in selection]
        for values, _ in found:
            conditions.append(
                f"EXISTS (SELECT 1 FROM posting p WHERE p.entity = e.id AND p.value IN ({values}))"  # noqa: S608
            )
        rarest, things = min(found, key=lambda pair: pair[1], default=("", few))
        if things >= few:
            return f"entity e {hint}", conditions
        collected = f"SELECT DISTINCT entity FROM posting WHERE value IN ({rarest})"  # noqa: S608
        return f"({collected}) f CROSS JOIN entity e ON e.id = f.entity", conditions

    def _find_values(self, facet: str, iris: tuple[str, ...]) -> tuple[str, int]:
        """Return the numbers of values, as SQL lists them, and how many things have one at most."""
        rows = self.index.database.execute(
            "SELECT id, things FROM value WHERE facet = ? AND iri IN (SELECT value FROM json_each(?))",
            (FACETS.index(facet), json.dumps(iris)),
        ).fetchall()
        return ", ".join(str(number) for number, _ in rows), sum(things for _, things in rows)


def _group(rows: Any) -> dict[str, tuple[Count, ...]]:
    counts: dict[str, list[Count]] = {}
    for facet, iri, things in rows:
        counts.setdefault(FACETS[facet], []).append(Count(iri, things))
    return {facet: tuple(found) for facet, found in counts.items()}

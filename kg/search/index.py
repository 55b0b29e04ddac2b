"""Reads the index of one release: which things have a name or a quote with the words that someone typed.

Thread-safe, as ``kg.databases`` has it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from kg.databases import ReleaseDatabase
from kg.search.folding import Folding
from kg.search.query import Query, mark_words, parse_query, write_match
from kg.search.schema import FACETS, PREFERRED, hash_name, type_word

MAX_RESULTS = 1000
"""Names that one search looks at; what lies beyond is less important and is not counted."""

_TYPE = FACETS.index("type")


@dataclass(frozen=True, slots=True)
class Name:
    """A name of a thing, in a language (empty where it has none)."""

    text: str
    lang: str
    preferred: bool


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing, or a term of the vocabulary, as a list shows it; ``types`` are IRIs of classes.

    ``tier``: 0 what articles speak of, 1 a statement about that, 2 a term. ``links`` lead to it from others.
    """

    id: int
    iri: str
    tier: int
    links: int
    date: str
    names: tuple[Name, ...]
    types: tuple[str, ...]

    @property
    def preferred_names(self) -> tuple[Name, ...]:
        """The preferred names, English first."""
        return tuple(name for name in self.names if name.preferred)


@dataclass(frozen=True, slots=True)
class Hit:
    """A thing that was found, and the name by which; ``marks`` are spans of code points of that name."""

    thing: Thing
    name: Name
    marks: tuple[tuple[int, int], ...]
    exact: bool


@dataclass(frozen=True, slots=True)
class QuoteHit:
    """Words of an article that hold what was looked for, and the first things that rest on them."""

    text: str
    marks: tuple[tuple[int, int], ...]
    article: str
    sentence: int
    things: tuple[Thing, ...]
    more_things: int


@dataclass(frozen=True, slots=True)
class Found:
    """A page of hits. ``total`` counts no further than ``MAX_RESULTS``, and then ``more`` is true.

    ``partial``: nothing holds all words, so these hold some of them.
    """

    hits: tuple[Any, ...]
    total: int
    more: bool = False
    partial: bool = False


def pick_name(names: Iterable[Name], languages: Sequence[str] = ("en",)) -> Name | None:
    """Return the name in the first language that has one, or else the first; None of none.

    >>> pick_name([Name("Tokyo", "en", True), Name("東京", "ja", True)], ("zh", "ja")).text
    '東京'
    """

    def rank(name: Name) -> int:
        primary = name.lang.partition("-")[0].lower()
        return languages.index(primary) if primary in languages else len(languages)

    return min(names, key=rank, default=None)


class SearchIndex:
    """The index of one release.

    Parameters
    ----------
    path: the SQLite file that ``kg.release.making.search`` has written.
    """

    def __init__(self, path: Path) -> None:
        self._file = ReleaseDatabase(path, "SELECT 1 FROM variant LIMIT 1")

    def close(self) -> None:
        """Close the connections of all threads; nobody may be asking any more."""
        self._file.close()

    @property
    def database(self) -> sqlite3.Connection:
        """The connection of this thread; raises ``ReleaseError`` where there is no such file."""
        return self._file.connection

    @cached_property
    def folding(self) -> Folding:
        """How this index folds text: with the variants that it was built with."""
        return Folding(dict(self.database.execute("SELECT character, leader FROM variant")))

    # --- searching

    def find_names(
        self,
        text: str,
        types: Sequence[str] = (),
        limit: int = 20,
        skip: int = 0,
        complete: bool = True,
        look_at: int = MAX_RESULTS,
    ) -> Found:
        """Find things by name: whole names first, then names that begin so, then by importance.

        Parameters
        ----------
        text: what was typed, in any script; all its words have to be in one name.
        types: IRIs of classes; a thing has to be of one of them.
        limit, skip: which of the hits to return.
        complete: the last word may be the beginning of one.
        look_at: names to look at, the most important first.
        """
        query = parse_query(text, self.folding, complete)
        if not query.phrases:
            return Found((), 0)
        words = self._type_words(types)
        if types and not words:
            return Found((), 0)
        rows = self._match_names(write_match(query, words), look_at)
        exact = [row for row in self._find_exact(query) if not types or self._is_of(row[1], types)]
        partial = not rows and not exact and len(query.phrases) > 1
        if partial:
            rows = self._match_names(write_match(query, words, any_phrase=True), look_at)
        best = self._rank(query, exact + rows)
        hits = self._make_hits(query, best[skip : skip + limit])
        return Found(hits, len(best), len(rows) >= look_at, partial)

    def _type_words(self, types: Sequence[str]) -> tuple[str, ...]:
        if not types:
            return ()
        found = self.database.execute(
            "SELECT id FROM value WHERE facet = ? AND iri IN (SELECT value FROM json_each(?))",
            (_TYPE, json.dumps(list(types))),
        )
        return tuple(type_word(number) for (number,) in found)

    def _is_of(self, entity: int, types: Sequence[str]) -> bool:
        return not set(types).isdisjoint(self._types_of([entity]).get(entity, ()))

    def _match_names(self, match: str, limit: int) -> list[tuple[Any, ...]]:
        # In the order of rows, which is that of importance; no sorting, however many match.
        return self.database.execute(
            """SELECT n.id, n.entity, n.kind, n.lang, n.text FROM name_index f JOIN name n ON n.id = f.rowid
               WHERE name_index MATCH ? ORDER BY f.rowid LIMIT ?""",
            (match, limit),
        ).fetchall()

    def _find_exact(self, query: Query) -> list[tuple[Any, ...]]:
        # Whole names however unimportant; these may lie behind thousands that merely begin so.
        return self.database.execute(
            "SELECT id, entity, kind, lang, text FROM name WHERE hash = ? ORDER BY id LIMIT 100",
            (hash_name(query.folded),),
        ).fetchall()

    def _rank(self, query: Query, rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Return the best row of each thing, the best thing first."""
        words = {word for phrase in query.phrases for word in phrase.words}
        best: dict[int, tuple[Any, ...]] = {}
        for row in rows:
            folded = self.folding.fold(row[4])
            missing = len(words.difference(folded.split()))
            key = (folded != query.folded, not folded.startswith(query.folded), missing, *row[1:3], row[0])
            if row[1] not in best or key < best[row[1]][0]:
                best[row[1]] = (key, row)
        return sorted(best.values(), key=itemgetter(0))

    def _make_hits(self, query: Query, ranked: list[tuple[Any, ...]]) -> tuple[Hit, ...]:
        things = self.get_things([row[1] for _, row in ranked])
        return tuple(
            Hit(
                thing=things[entity],
                name=Name(text, lang, kind == PREFERRED),
                marks=mark_words(text, query, self.folding),
                exact=not key[0],
            )
            for key, (_, entity, kind, lang, text) in ranked
        )

    def find_quotes(self, text: str, limit: int = 20, skip: int = 0) -> Found:
        """Find words of articles that facts rest on; those behind the most important things come first."""
        query = parse_query(text, self.folding)
        if not query.phrases:
            return Found((), 0)
        ids = [
            number
            for (number,) in self.database.execute(
                "SELECT rowid FROM quote_index WHERE quote_index MATCH ? ORDER BY rowid LIMIT ?",
                (write_match(query), MAX_RESULTS),
            )
        ]
        hits = tuple(self._make_quote_hit(number, query) for number in ids[skip : skip + limit])
        return Found(hits, len(ids), len(ids) >= MAX_RESULTS)

    def _make_quote_hit(self, number: int, query: Query, shown: int = 5) -> QuoteHit:
        article, sentence, text = self.database.execute(
            "SELECT article, sentence, text FROM quote WHERE id = ?", (number,)
        ).fetchone()
        entities = self.database.execute(
            "SELECT entity FROM citation WHERE quote = ? ORDER BY entity LIMIT ?", (number, shown)
        )
        (count,) = self.database.execute(
            "SELECT count(*) FROM citation WHERE quote = ?", (number,)
        ).fetchone()
        things = self.get_things([entity for (entity,) in entities])
        marks = mark_words(text, query, self.folding)
        return QuoteHit(text, marks, article, sentence, tuple(things.values()), count - len(things))

    # --- things

    def count_types(self, text: str) -> tuple[tuple[str, int], ...]:
        """Return the classes of what ``find_names`` finds, with how many each has, the largest first."""
        query = parse_query(text, self.folding)
        if not query.phrases:
            return ()
        rows = self._find_exact(query) + self._match_names(write_match(query), MAX_RESULTS)
        return tuple(
            self.database.execute(
                """SELECT v.iri, count(*) FROM posting p JOIN value v ON v.id = p.value
                   WHERE p.entity IN (SELECT value FROM json_each(?)) AND v.facet = ?
                   GROUP BY v.iri ORDER BY 2 DESC, 1""",
                (json.dumps([row[1] for row in rows]), _TYPE),
            )
        )

    def get_things(self, ids: Sequence[int]) -> dict[int, Thing]:
        """Return things by number, in the order given."""
        names, types = self._names_of(ids), self._types_of(ids)
        found = {
            number: Thing(number, iri, tier, links, date, names.get(number, ()), types.get(number, ()))
            for number, iri, tier, links, date in self.database.execute(
                "SELECT id, iri, tier, links, date FROM entity WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(ids)),),
            )
        }
        return {number: found[number] for number in ids if number in found}

    def find_things(self, iris: Iterable[str]) -> dict[str, Thing]:
        """Return what is known of the things that IRIs name; an IRI that names none is left out."""
        rows = self.database.execute(
            "SELECT id FROM entity WHERE iri IN (SELECT value FROM json_each(?))", (json.dumps(sorted(iris)),)
        )
        return {thing.iri: thing for thing in self.get_things([number for (number,) in rows]).values()}

    def find_facet_values(self, ids: Sequence[int], facet: str) -> dict[int, tuple[str, ...]]:
        """Return the values of a facet, as IRIs, of things by number; those with none are left out."""
        rows = self.database.execute(
            """SELECT p.entity, v.iri FROM posting p JOIN value v ON v.id = p.value
               WHERE p.entity IN (SELECT value FROM json_each(?)) AND v.facet = ? ORDER BY p.entity, v.id""",
            (json.dumps(list(ids)), FACETS.index(facet)),
        )
        return {entity: tuple(iri for _, iri in group) for entity, group in groupby(rows, key=itemgetter(0))}

    def find_with_facet(self, facet: str, iris: Iterable[str], limit: int) -> list[str]:
        """Return the IRIs of things that have one of the values of a facet, the most important first."""
        rows = self.database.execute(
            """SELECT DISTINCT e.id, e.iri FROM value v JOIN posting p ON p.value = v.id
               JOIN entity e ON e.id = p.entity
               WHERE v.facet = ? AND v.iri IN (SELECT value FROM json_each(?)) ORDER BY e.id LIMIT ?""",
            (FACETS.index(facet), json.dumps(sorted(iris)), limit),
        )
        return [iri for _, iri in rows]

    def list_types(self) -> tuple[tuple[str, int], ...]:
        """Return the classes that things have, with how many have each, the largest first."""
        rows = self.database.execute(
            "SELECT iri, things FROM value WHERE facet = ? ORDER BY things DESC, iri", (_TYPE,)
        )
        return tuple(rows)

    def list_properties(self, kind: str = "") -> tuple[tuple[str, int], ...]:
        """Return the properties of the things of a class, or of all, the most used first."""
        rows = self.database.execute(
            """SELECT p.iri, sum(p.things) FROM property p JOIN value v ON v.id = p.type
               WHERE ? IN ('', v.iri) GROUP BY p.iri ORDER BY 2 DESC, 1""",
            (kind,),
        )
        return tuple(rows)

    def _names_of(self, ids: Sequence[int]) -> dict[int, tuple[Name, ...]]:
        rows = self.database.execute(
            """SELECT entity, text, lang, kind FROM name
               WHERE entity IN (SELECT value FROM json_each(?)) ORDER BY entity, id""",
            (json.dumps(list(ids)),),
        )
        return {
            entity: tuple(Name(text, lang, kind == PREFERRED) for _, text, lang, kind in group)
            for entity, group in groupby(rows, key=itemgetter(0))
        }

    def _types_of(self, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
        return {number: tuple(sorted(iris)) for number, iris in self.find_facet_values(ids, "type").items()}

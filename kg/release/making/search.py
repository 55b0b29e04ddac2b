"""Builds the index of a release: one SQLite file with names, quotes and facets, for search and browsing.

The lines are read once. What the index needs of them goes into temporary tables on disk, and SQL joins it,
so memory stays bounded. Things are numbered by importance: first what the articles speak of, then statements
about it (memberships, participations, claims), then the vocabulary; among those, what most links lead to.
Full-text rows have the same order, so that reading them in order is reading the most important first, and
no answer needs sorting by rank. The same quads give the same bytes.
"""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from itertools import groupby, islice
from pathlib import Path

from kg.errors import ReleaseError
from kg.lines import read_value
from kg.release.making.facets import count_facets, name_relations, run
from kg.release.making.variants import read_variants
from kg.search.folding import Folding
from kg.search.schema import ALTERNATIVE, INDEXES, PREFERRED, SCHEMA, hash_name, type_word
from kg.vocab import OWL, PREF_LABEL, RDFS, SKOS, TYPE, Names
from kg.vocab import SCHEMA as SCHEMA_ORG

ROWS_AT_ONCE = 5_000
CACHE_KIB = 64 * 1024
HASH_BYTES = 32 * 1024 * 1024
"""Full-text rows that are gathered in memory before they are written."""

_STAGE = """
CREATE TEMP TABLE label (subject TEXT, kind INTEGER, lang TEXT, text TEXT);
CREATE TEMP TABLE type (subject TEXT, class TEXT);
CREATE TEMP TABLE link (target TEXT, origin INTEGER);
CREATE TEMP TABLE relation (subject TEXT, predicate TEXT, value TEXT);
CREATE TEMP TABLE used (subject TEXT, predicate TEXT);
CREATE TEMP TABLE dated (subject TEXT, text TEXT);
CREATE TEMP TABLE evidence (fact TEXT, record TEXT);
CREATE TEMP TABLE axiom (fact TEXT, subject TEXT);
CREATE TEMP TABLE quoted (record TEXT, text TEXT);
CREATE TEMP TABLE sentence (record TEXT, article TEXT, number INTEGER);
"""

_ENTITIES = """
CREATE TEMP TABLE linked AS SELECT target, count(DISTINCT origin) AS links FROM link GROUP BY target;
CREATE UNIQUE INDEX temp.linked_target ON linked (target);
CREATE INDEX temp.type_subject ON type (subject);
CREATE INDEX temp.dated_subject ON dated (subject);
INSERT INTO entity (iri, tier, links, date)
    SELECT iri, tier, links, date FROM (
        SELECT iri,
            CASE WHEN iri NOT IN (SELECT subject FROM type) THEN 2
                 WHEN EXISTS (SELECT 1 FROM relation
                     WHERE subject = iri AND predicate IN ('member', 'agent', 'about')) THEN 1
                 ELSE 0 END AS tier,
            ifnull((SELECT links FROM linked WHERE target = iri), 0) AS links,
            ifnull((SELECT min(text) FROM dated WHERE subject = iri), '') AS date
        FROM (SELECT subject AS iri FROM label UNION SELECT subject FROM type))
    ORDER BY tier, links DESC, iri;
"""

_TYPED = """
CREATE TEMP TABLE typed AS SELECT p.entity, group_concat(p.value, ' ') AS types FROM posting p
    JOIN value v ON v.id = p.value AND v.facet = 0 GROUP BY p.entity;
CREATE UNIQUE INDEX temp.typed_entity ON typed (entity);
"""

_NAMES = """
SELECT e.id, l.kind, l.lang, l.text, ifnull((SELECT types FROM typed WHERE entity = e.id), '')
FROM label l JOIN entity e ON e.iri = l.subject ORDER BY e.id, l.kind, l.lang <> 'en', l.lang, l.text
"""

# Which properties the things of each type have, for those who fetch values of them.
_PROPERTIES = """
INSERT INTO property
    SELECT p.value, u.predicate, count(*) FROM (SELECT DISTINCT subject, predicate FROM used) u
    JOIN entity e ON e.iri = u.subject
    JOIN posting p ON p.entity = e.id
    JOIN value v ON v.id = p.value AND v.facet = 0
    GROUP BY 1, 2 ORDER BY 1, 2;
"""

_QUOTES = """
CREATE INDEX temp.axiom_fact ON axiom (fact);
CREATE INDEX temp.quoted_record ON quoted (record);
CREATE INDEX temp.sentence_record ON sentence (record);
CREATE TEMP TABLE cited AS
    SELECT DISTINCT e.id AS entity, q.text, s.article, s.number
    FROM evidence v
    JOIN quoted q ON q.record = v.record
    JOIN (SELECT record, article, min(number) AS number FROM sentence GROUP BY record) s
        ON s.record = v.record
    JOIN entity e ON e.iri = ifnull((SELECT subject FROM axiom WHERE fact = v.fact), v.fact);
INSERT INTO quote (article, sentence, text)
    SELECT article, number, text FROM cited GROUP BY article, number, text
    ORDER BY min(entity), article, number, text;
CREATE INDEX temp.cited_text ON cited (text, article, number);
INSERT INTO citation
    SELECT q.id, c.entity FROM quote q JOIN cited c
    ON c.text = q.text AND c.article = q.article AND c.number = q.sentence ORDER BY 1, 2;
"""


def write_index(path: Path, lines: Iterable[bytes], names: Names) -> None:
    """Write the index of a dataset.

    Parameters
    ----------
    path: where to; there must be no file yet.
    lines: canonical N-Quads, read once, in any order.

    Raises
    ------
    ReleaseError: SQLite could not write it, for example because the disk is full.
    """
    draft = path.with_suffix(".draft")
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as database:
            _set_up(database)
            _stage(database, lines, names)
            _fill(database)
            # A copy without holes, whose pages depend on nothing but what is in it.
            database.execute("VACUUM INTO ?", (str(path),))
    except sqlite3.Error as error:
        raise ReleaseError(f"the search index cannot be written: {error}.", "Free some space.") from error
    finally:
        draft.unlink(missing_ok=True)


def _set_up(database: sqlite3.Connection) -> None:
    for pragma in (
        "journal_mode = OFF",  # a draft that a crash leaves half-written is thrown away whole
        "synchronous = OFF",
        "temp_store = FILE",
        f"cache_size = -{CACHE_KIB}",
        f"temp.cache_size = -{CACHE_KIB}",
    ):
        database.execute(f"PRAGMA {pragma}")
    database.executescript(SCHEMA + _STAGE)
    for table in ("name_index", "quote_index"):
        # Rows are gathered in memory and merged once at the end; merging as they come takes twice as long.
        database.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('automerge', 0)")  # noqa: S608
        database.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('hashsize', {HASH_BYTES})")  # noqa: S608


def _fill(database: sqlite3.Connection) -> None:
    folding = Folding(read_variants())
    database.execute("BEGIN")
    database.executemany("INSERT INTO variant VALUES (?, ?)", sorted(folding.variants.items()))
    run(database, "CREATE INDEX temp.relation_subject ON relation (subject, predicate);")
    run(database, _ENTITIES)
    run(database, "CREATE UNIQUE INDEX entity_iri ON entity (iri);")
    count_facets(database)
    _write_names(database, folding)
    run(database, _PROPERTIES)
    run(database, _QUOTES)
    _write_quotes(database, folding)
    for table in ("name_index", "quote_index"):
        database.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")  # noqa: S608 - our own names
    run(database, INDEXES)
    database.execute("COMMIT")
    database.execute("ANALYZE")


# --- reading the lines -------------------------------------------------------------------------------

_LABELS = {
    str(PREF_LABEL): PREFERRED,
    str(RDFS("label")): PREFERRED,
    str(SCHEMA_ORG("headline")): PREFERRED,
    str(SKOS("altLabel")): ALTERNATIVE,
}
_DATES = {str(SCHEMA_ORG("startDate")), str(SCHEMA_ORG("datePublished"))}
_TYPE, _SOURCE = str(TYPE), str(OWL("annotatedSource"))


class _Stager:
    """Puts what the index needs of each line into the rows of the temporary tables."""

    def __init__(self, names: Names) -> None:
        # A thing or an article, and no part of one.
        self._is_thing = re.compile(f"<{re.escape(names.base)}(?:id/|article/[^/>]*>)").match
        self._ontology, self._queries = f" {names.ontology} .\n", f"<{names.base}ontology/"
        self._relations = {f"<{iri}>": name for iri, name in name_relations(names).items()}
        self._evidence, self._quoted = str(names.term("evidence")), str(names.term("quotedText"))
        self._sentence, self._status = str(names.term("sentence")), str(names.term("status"))
        self._of_records = {self._evidence, self._quoted, self._sentence, self._status, _SOURCE}
        self._rows: dict[str, list[tuple[object, ...]]] = defaultdict(list)

    def add(self, line: str) -> None:
        """Add one quad."""
        subject, predicate, rest = line.split(" ", 2)
        if self._is_thing(line):
            self._add_thing(subject[1:-1], predicate, rest.rpartition(" <")[0])
        elif predicate in _LABELS:
            if rest.endswith(self._ontology) and not subject.startswith(self._queries):
                self._add_label(subject[1:-1], predicate, rest.rpartition(" <")[0])
        elif predicate in self._of_records and not rest.endswith(self._ontology):
            self._add_record(subject[1:-1], predicate, rest.rpartition(" <")[0])

    def _add_thing(self, subject: str, predicate: str, value: str) -> None:
        if predicate != _TYPE:
            self._put("used", subject, predicate[1:-1])
        if value.startswith('"'):
            self._add_label(subject, predicate, value)
            if predicate in _DATES:
                self._put("dated", subject, read_value(value))
        elif predicate == _TYPE:
            self._put("type", subject, value[1:-1])
        elif predicate == self._evidence:
            self._put("evidence", subject, value[1:-1])
        else:
            self._put("link", value[1:-1], hash_name(f"{subject} {predicate[1:-1]}"))
            if predicate in self._relations:
                self._put("relation", subject, self._relations[predicate], value[1:-1])

    def _add_label(self, subject: str, predicate: str, value: str) -> None:
        if predicate in _LABELS and value.startswith('"'):
            _, _, end = value.rpartition('"')
            lang = end[1:] if end.startswith("@") else ""
            self._put("label", subject, _LABELS[predicate], lang, read_value(value))

    def _add_record(self, subject: str, predicate: str, value: str) -> None:
        if value.startswith('"'):
            if predicate == self._quoted:
                self._put("quoted", subject, read_value(value))
        elif predicate == self._evidence:
            self._put("evidence", subject, value[1:-1])
        elif predicate == _SOURCE:
            self._put("axiom", subject, value[1:-1])
        elif predicate == self._sentence:
            article, _, number = value[1:-1].rpartition("/sentence/")
            self._put("sentence", subject, article, int(number))
        elif predicate == self._status:
            self._put("relation", subject, "status", value[1:-1])

    def _put(self, table: str, *row: object) -> None:
        self._rows[table].append(row)

    def write(self, database: sqlite3.Connection) -> None:
        """Write what was gathered, and forget it."""
        for table, rows in self._rows.items():
            marks = ", ".join("?" * len(rows[0]))
            database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 - our own names
        self._rows.clear()


def _stage(database: sqlite3.Connection, lines: Iterable[bytes], names: Names) -> None:
    stager, rest = _Stager(names), iter(lines)
    database.execute("BEGIN")
    while batch := list(islice(rest, ROWS_AT_ONCE)):
        for line in batch:
            stager.add(line.decode())
        stager.write(database)
    database.execute("COMMIT")


# --- names and quotes --------------------------------------------------------------------------------


def _write_names(database: sqlite3.Connection, folding: Folding) -> None:
    run(database, _TYPED)
    # Two graphs may say the same, and equal rows come one after the other.
    rows = (row for row, _ in groupby(database.execute(_NAMES)))
    number = 0
    while batch := list(islice(rows, ROWS_AT_ONCE)):
        folded = [folding.fold(text) for _, _, _, text, _ in batch]
        numbers = range(number + 1, number + len(batch) + 1)
        number += len(batch)
        database.executemany(
            "INSERT INTO name VALUES (?, ?, ?, ?, ?, ?)",
            ((n, *row[:4], hash_name(name)) for n, row, name in zip(numbers, batch, folded, strict=True)),
        )
        database.executemany(
            "INSERT INTO name_index (rowid, words, types) VALUES (?, ?, ?)",
            ((n, name, _write_types(row[4])) for n, row, name in zip(numbers, batch, folded, strict=True)),
        )
        # The first name of a thing is the one that it is sorted by; the others may follow in the next batch.
        first = {row[0]: name for row, name in zip(reversed(batch), reversed(folded), strict=True)}
        database.executemany(
            "UPDATE entity SET sort_name = ? WHERE id = ? AND sort_name = ''",
            ((name, entity) for entity, name in first.items()),
        )
    nameless = database.execute("SELECT id, iri FROM entity WHERE sort_name = ''").fetchall()
    database.executemany(
        "UPDATE entity SET sort_name = ? WHERE id = ?",
        ((folding.fold(iri.rpartition("/")[2]), entity) for entity, iri in nameless),
    )


def _write_types(values: str) -> str:
    return " ".join(type_word(int(value)) for value in values.split())


def _write_quotes(database: sqlite3.Connection, folding: Folding) -> None:
    rows = database.execute("SELECT id, text FROM quote ORDER BY id")
    folded = ((number, folding.fold(text)) for number, text in rows)
    database.executemany("INSERT INTO quote_index (rowid, words) VALUES (?, ?)", folded)

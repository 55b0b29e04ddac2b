"""Writes the file that pages are read from: ``kg.lookups`` says what it holds.

The lines are read once, and go packed into temporary tables on disk, which SQL sorts; memory stays bounded.
The same quads give the same bytes: the file is a copy without holes, whose pages depend on nothing but what
is in it (SQLite, "VACUUM INTO"). ``kg.release.making.renewed_lookups`` makes the same file of that of the
last release.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import chain, groupby, islice
from operator import itemgetter
from pathlib import Path
from zlib import crc32

import zstandard

from kg.errors import ReleaseError
from kg.lookups import FOLLOWED, SCHEMA, find_document, hash_iri
from kg.release.making.facets import run
from kg.vocab import OWL, PREF_LABEL, RDFS, Names

SAMPLED_QUADS, SAMPLE_BYTES = 20_000, 96 * 1024
"""From how many of the first quads the dictionary is taken, and how long it is."""
SUBJECTS_AT_ONCE = 2_000
CACHE_KIB = 64 * 1024

_LABELS = {str(PREF_LABEL), str(RDFS("label"))}
_FOLLOWED = {str(name) for name in FOLLOWED}
_SOURCE = str(OWL("annotatedSource"))

_STAGE = """
CREATE TEMP TABLE part (subject INTEGER, home INTEGER, content BLOB);
CREATE TEMP TABLE name (key INTEGER, content BLOB);
CREATE TEMP TABLE seen (target INTEGER, relation TEXT, source TEXT, key INTEGER);
CREATE TEMP TABLE fact (key INTEGER);
CREATE TEMP TABLE moved (key INTEGER, home INTEGER);
"""

# Keys are hashes, so rows that come as lines do would be put all over a table.
_KEYED = """
CREATE TEMP TABLE known (key INTEGER PRIMARY KEY);
INSERT INTO known SELECT DISTINCT key FROM fact ORDER BY key;
INSERT OR IGNORE INTO home SELECT key, home FROM moved ORDER BY key, rowid;
"""

_LINKS = """
INSERT INTO relation (iri) SELECT DISTINCT relation FROM seen ORDER BY relation;
INSERT OR IGNORE INTO link
    SELECT s.target, s.key IN (SELECT key FROM known) AS is_fact, r.id, s.source
    FROM seen s JOIN relation r ON r.iri = s.relation ORDER BY 1, 2, 3, 4;
"""

# An axiom's part that does not name its source is where the others are.
_PARTS = """
SELECT ifnull(h.home, p.home) AS place, p.content FROM part p LEFT JOIN home h ON h.key = p.subject
ORDER BY place, p.rowid
"""


def write_lookups(path: Path, lines: Iterable[bytes], names: Names) -> None:
    """Write the file of a dataset.

    Parameters
    ----------
    path: where to; there must be no file yet.
    lines: N-Quads, read once, graph by graph, with all about a subject in a row.

    Raises
    ------
    ReleaseError: SQLite could not write it, for example because the disk is full.
    """
    with open_draft(path) as database:
        database.executescript(SCHEMA + _STAGE)
        database.execute("BEGIN")
        _Writer(database, names).write(lines)
        database.execute("COMMIT")


@contextmanager
def open_draft(path: Path, earlier: Path | None = None) -> Iterator[sqlite3.Connection]:
    """Yield a draft of the file, empty or a copy of an earlier one; the file is made of it at the end.

    Raises
    ------
    ReleaseError: SQLite could not write it, for example because the disk is full.
    """
    draft = path.with_suffix(".draft")
    try:
        if earlier is not None:
            shutil.copyfile(earlier, draft)
        with closing(sqlite3.connect(draft, isolation_level=None)) as database:
            for pragma in ("journal_mode = OFF", "synchronous = OFF", "temp_store = FILE"):
                database.execute(f"PRAGMA {pragma}")
            for schema in ("main", "temp"):
                database.execute(f"PRAGMA {schema}.cache_size = -{CACHE_KIB}")
            yield database
            # It counts changes of tables, so it would tell whether the file was made of another.
            database.execute("PRAGMA schema_version = 1")
            database.execute("VACUUM INTO ?", (str(path),))
    except sqlite3.Error as error:
        raise ReleaseError(f"the look-ups cannot be written: {error}.", "Free some space.") from error
    finally:
        draft.unlink(missing_ok=True)


@dataclass(slots=True)
class Rows:
    """What some subjects add to the tables, before it is packed."""

    base: str
    evidence: str
    part: list[tuple[int, int, bytes]] = field(default_factory=list)
    name: list[tuple[int, bytes]] = field(default_factory=list)
    seen: list[tuple[int, str, str, int]] = field(default_factory=list)
    fact: list[tuple[int]] = field(default_factory=list)
    home: list[tuple[int, int]] = field(default_factory=list)

    def add(self, subject: str, lines: list[str]) -> None:
        """Add all that one graph says about a subject."""
        key = hash_iri(subject)
        pairs = [line[len(subject) + 3 : -3].split(" ", 1) for line in lines]
        labels = [line for line, (predicate, _) in zip(lines, pairs, strict=True) if predicate in _LABELS]
        if labels:
            self.name.append((key, "".join(labels).encode()))
        document = find_document(subject, self.base)
        if document is None:
            return
        home = self._find_home(pairs, document)
        if home != hash_iri(document):
            self.home.append((key, home))
        self.part.append((key, home, "".join(lines).encode()))
        if any(predicate == self.evidence for predicate, _ in pairs):
            self.fact.append((key,))
        self.seen += self._list_links(subject, key, pairs)

    def _find_home(self, pairs: list[list[str]], document: str) -> int:
        source = next((value for predicate, value in pairs if predicate == _SOURCE), "")
        place = find_document(source[1:-1], self.base)
        return hash_iri(place or document)

    def _list_links(
        self, subject: str, key: int, pairs: list[list[str]]
    ) -> Iterator[tuple[int, str, str, int]]:
        start = f"<{self.base}"
        for predicate, value in pairs:
            if value.startswith(start) and predicate not in _FOLLOWED:
                iri = value[1:-1]
                if find_document(iri, self.base) == iri:
                    yield hash_iri(iri), predicate[1:-1], subject, key


class Packing:
    """Packs and unpacks with a dictionary."""

    def __init__(self, dictionary: bytes) -> None:
        known = zstandard.ZstdCompressionDict(dictionary, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        known.precompute_compress(level=3)
        self.pack = zstandard.ZstdCompressor(level=3, dict_data=known).compress
        self.unpack = zstandard.ZstdDecompressor(dict_data=known).decompress

    def pack_once(self, contents: Iterable[bytes]) -> bytes:
        """Return parts packed as one; what several graphs say is in it once."""
        lines = b"".join(contents).splitlines(keepends=True)
        return self.pack(b"".join(dict.fromkeys(lines)))


class _Writer:
    def __init__(self, database: sqlite3.Connection, names: Names) -> None:
        self._database = database
        self._names = names

    def write(self, lines: Iterable[bytes]) -> None:
        """Fill all tables."""
        rest = iter(lines)
        first = list(islice(rest, SAMPLED_QUADS))
        dictionary = take_sample(first)
        self._database.execute("INSERT INTO dictionary VALUES (?)", (dictionary,))
        self._packing = Packing(dictionary)
        self._stage(group(chain(first, rest)))
        run(self._database, _KEYED)
        self._gather("document", _PARTS)
        self._gather("label", "SELECT key, content FROM name ORDER BY key, rowid")
        run(self._database, _LINKS)

    def _stage(self, subjects: Iterator[tuple[str, list[str]]]) -> None:
        base, evidence = self._names.base, str(self._names.term("evidence"))
        while batch := list(islice(subjects, SUBJECTS_AT_ONCE)):
            rows = Rows(base, evidence)
            for subject, lines in batch:
                rows.add(subject, lines)
            pack = self._packing.pack
            self._insert("part", ((key, home, pack(content)) for key, home, content in rows.part), 3)
            self._insert("name", ((key, pack(content)) for key, content in rows.name), 2)
            self._insert("seen", rows.seen, 4)
            self._insert("fact", rows.fact, 1)
            self._insert("moved", rows.home, 2)

    def _insert(self, table: str, rows: Iterable[tuple[object, ...]], width: int) -> None:
        marks = ", ".join("?" * width)
        self._database.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)  # noqa: S608

    def _gather(self, table: str, query: str) -> None:
        """Put all parts of a document into one row."""
        groups = groupby(self._database.execute(query), key=itemgetter(0))
        rows = ((key, self._join([content for _, content in parts])) for key, parts in groups)
        # The cursor is read and the table written in turn, which is fine: they are different tables.
        while batch := list(islice(rows, SUBJECTS_AT_ONCE)):
            self._insert(table, batch, 2)

    def _join(self, contents: list[bytes]) -> bytes:
        if len(contents) == 1:
            return contents[0]
        return self._packing.pack_once(map(self._packing.unpack, contents))


def group(lines: Iterable[bytes]) -> Iterator[tuple[str, list[str]]]:
    """Yield each subject of each graph with the triples about it as N-Triples."""
    parts = (line.decode().rpartition(" <")[::2] for line in lines)
    for (subject, _), block in groupby(parts, key=lambda part: (part[0].partition(" ")[0], part[1])):
        yield subject[1:-1], [f"{triple} .\n" for triple, _ in block]


def take_sample(lines: list[bytes]) -> bytes:
    """Return what some graphs of the first quads say, which is what others will resemble.

    A checksum chooses the graphs, so that what changes in others makes no other dictionary.
    """
    graphs: dict[bytes, list[bytes]] = defaultdict(list)
    for triple, _, graph in (line.rpartition(b" <") for line in lines):
        graphs[graph].append(triple + b" .\n")
    chosen = chain.from_iterable(graphs[graph] for graph in sorted(graphs, key=crc32))
    return b"".join(chosen)[:SAMPLE_BYTES] or b"<"

"""What a release says about a thing and what leads to it, found without a query.

A page needs some hundred triples of some forty subjects. As queries they cost three round trips to a worker,
and the engine decodes each term of each triple by a look-up of its own: 10 µs a triple at 100 k triples and
30 µs at 1 M, where its cache no longer holds the terms. Here a thing, its axioms, and a record with all its
selectors are one row each, so the cost is a few reads of one file at any size, each of them bounded. What is
read stays text (``kg.lines``).

The file holds what is under the base IRI. Terms of the vocabulary have their labels here and no more.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from heapq import merge
from itertools import groupby, islice, zip_longest
from operator import itemgetter
from pathlib import Path
from typing import Any

import zstandard
from pyoxigraph import NamedNode

from kg.databases import ReleaseDatabase
from kg.lines import Line, split_lines
from kg.vocab import OA, OWL

# `document` holds N-Triples, packed with the dictionary: of a thing with the axioms about it, of evidence
# with its targets and selectors. `home` says in whose document an axiom is. A link is of a fact where its
# source has evidence of its own: a membership, a participation, a claim.
SCHEMA = """
CREATE TABLE dictionary (content BLOB NOT NULL);
CREATE TABLE document (key INTEGER PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE home (key INTEGER PRIMARY KEY, home INTEGER NOT NULL);
CREATE TABLE label (key INTEGER PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE relation (id INTEGER PRIMARY KEY, iri TEXT NOT NULL UNIQUE);
CREATE TABLE link (
    target INTEGER, is_fact INTEGER, relation INTEGER, source TEXT,
    PRIMARY KEY (target, is_fact, relation, source)
) WITHOUT ROWID;
"""

FOLLOWED = (OA("hasBody"), OA("hasTarget"), OWL("annotatedSource"), OWL("annotatedTarget"))
"""Links that are no news to a reader: each stands beside the fact that it is about."""

_BODY, _ANNOTATED_SOURCE = str(OA("hasBody")), str(OWL("annotatedSource"))

_WANTED = "WHERE key IN (SELECT value FROM json_each(?))"
_DOCUMENTS = f"SELECT content FROM document {_WANTED}"  # noqa: S608 - our own names
_HOMES = f"SELECT home FROM home {_WANTED}"  # noqa: S608 - our own names
_LABEL = "SELECT content FROM label WHERE key = ?"

CACHE_KIB = 512
"""Of each thread; with four times as much a description takes as long, at 10 M triples too."""

LABELS_KEPT = 2_048
"""Things whose labels stay in memory, some 2 MB: terms of the vocabulary are on every page."""


def hash_iri(iri: str) -> int:
    """Return the signed 64-bit number by which an IRI is found; a clash costs time and no truth.

    >>> hash_iri("http://h/id/a") == hash_iri("http://h/id/b")
    False
    """
    return int.from_bytes(blake2b(iri.encode(), digest_size=8).digest(), signed=True)


def find_document(iri: str, base: str) -> str | None:
    """Return the IRI in whose document a subject is described; None for one that has none.

    >>> find_document("http://h/evidence/77c0#quote", "http://h/")
    'http://h/evidence/77c0'
    >>> find_document("http://h/ontology#Zone", "http://h/")
    """
    if not iri.startswith(base):
        return None
    document, mark, _ = iri.partition("#")
    return None if mark and document == f"{base}ontology" else document


class Lookups:
    """The look-ups of one release; thread-safe.

    Parameters
    ----------
    path: the file that ``kg.release.making.lookups`` has written.
    base: the base IRI of the release.
    """

    def __init__(self, path: Path, base: str) -> None:
        self._base = base
        self._file = ReleaseDatabase(path, "SELECT 1 FROM link LIMIT 1", CACHE_KIB)
        content, names = self._read_tables()
        self._dictionary = zstandard.ZstdCompressionDict(content, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        self._names = {number: f"<{iri}>" for number, iri in names}
        self._numbers = {iri: number for number, iri in names}
        self._local = threading.local()
        self._read_label = lru_cache(LABELS_KEPT)(self._read_one_label)

    def _read_tables(self) -> tuple[bytes, list[tuple[int, str]]]:
        database = self._file.connection
        content: bytes = database.execute("SELECT content FROM dictionary").fetchone()[0]
        return content, database.execute("SELECT id, iri FROM relation").fetchall()

    def close(self) -> None:
        """Close the file; nobody may be asking any more."""
        self._file.close()

    def covers(self, iri: str) -> bool:
        """Return whether all about an IRI is here: it is under the base, and no part of another's."""
        return find_document(iri, self._base) == iri

    def find_core(self, iri: NamedNode, max_nodes: int, max_incoming: int) -> list[Line]:
        """Return what is said about a thing and about n-ary nodes around it, with axioms, and links to it."""
        facts = self.find_links(iri.value, max_nodes, is_fact=True)
        wanted = {str(iri), *(source for source, _, _ in facts)}
        found = self.read(term[1:-1] for term in wanted)
        wanted |= {s for s, relation, o in found if relation == _ANNOTATED_SOURCE and o in wanted}
        links = self.find_links(iri.value, max_incoming, is_fact=False)
        return [*(line for line in found if line[0] in wanted), *links]

    def find_records(self, records: Iterable[str], sentence: NamedNode) -> list[Line]:
        """Return evidence records, what they select, the sentences they stand in, and axioms they are about.

        Parameters
        ----------
        sentence: the property that leads from a record to its sentence.
        """
        found, to_sentence = self.read(records), str(sentence)
        sentences = {value for _, relation, value in found if relation == to_sentence}
        bodies = {value for _, relation, value in found if relation == _BODY}
        # Axioms have their home with another thing; what has none is a thing itself.
        homes = self._select(_HOMES, {hash_iri(body[1:-1]) for body in bodies})
        keys = {hash_iri(sentence[1:-1]) for sentence in sentences}
        about = self._read_documents(keys.union(home for (home,) in homes))
        cited = sentences | bodies
        return [*found, *(line for line in about if line[0] in cited)]

    def read(self, iris: Iterable[str]) -> list[Line]:
        """Return what is said about things, with their axioms; about records, with all that they select.

        Of an axiom, what comes is the document of the thing that it is about.
        """
        keys = {hash_iri(document) for iri in iris if (document := find_document(iri, self._base))}
        found = self._select(_HOMES, keys)
        return self._read_documents(keys.union(home for (home,) in found))

    def _read_documents(self, keys: Collection[int]) -> list[Line]:
        return self._split(content for (content,) in self._select(_DOCUMENTS, keys))

    def read_labels(self, iris: Iterable[str]) -> list[Line]:
        """Return the preferred names and labels of things."""
        return [line for iri in iris for line in self._read_label(iri)]

    def knows(self, iri: str) -> bool:
        """Return whether anything is said about an IRI, or leads to it."""
        key = hash_iri(iri)
        found = "SELECT 1 FROM document WHERE key = ?1 UNION ALL SELECT 1 FROM home WHERE key = ?1"
        found += " UNION ALL SELECT 1 FROM link WHERE target = ?1 LIMIT 1"
        return self._file.connection.execute(found, (key,)).fetchone() is not None

    def find_links(self, iri: str, limit: int, *, is_fact: bool) -> list[Line]:
        """Return links to a thing, up to a bound in which its relations have an equal share.

        Parameters
        ----------
        is_fact: those from n-ary nodes with evidence of their own, or those from all others.
        """
        target, key = f"<{iri}>", hash_iri(iri)
        found: Iterable[tuple[int, list[str]]] = self._list_few(key, limit, is_fact)
        lists = [
            [(f"<{source}>", self._names[number], target) for source in sources]
            for number, sources in found or self._list_by_relation(key, limit, is_fact)
        ]
        shared = (line for turn in zip_longest(*lists) for line in turn if line is not None)
        return list(islice(shared, limit))

    def _list_few(self, key: int, limit: int, is_fact: bool) -> list[tuple[int, list[str]]]:
        """Return what points at a thing by relation, in one statement; nothing where there is more."""
        text = "SELECT relation, source FROM link WHERE target = ? AND is_fact = ?"
        text += " ORDER BY relation, source LIMIT ?"
        rows = self._file.connection.execute(text, (key, is_fact, limit + 1)).fetchall()
        if len(rows) > limit:
            return []
        return [(number, [source for _, source in same]) for number, same in groupby(rows, itemgetter(0))]

    def _list_by_relation(self, key: int, limit: int, is_fact: bool) -> Iterator[tuple[int, list[str]]]:
        number, database = -1, self._file.connection
        following = "SELECT min(relation) FROM link WHERE target = ? AND is_fact = ? AND relation > ?"
        while (number := database.execute(following, (key, is_fact, number)).fetchone()[0]) is not None:
            yield number, self._list_sources(key, is_fact, number, "", limit)

    def list_sources(self, iri: str, relation: str, after: str, limit: int) -> list[str]:
        """Return the IRIs of what points at a thing by one relation, sorted, from a key on."""
        number = self._numbers.get(relation)
        if number is None:
            return []
        parts = (
            self._list_sources(hash_iri(iri), is_fact, number, after, limit) for is_fact in (False, True)
        )
        return list(islice(merge(*parts), limit))

    def count_sources(self, iri: str, relation: str, most: int) -> int:
        """Return how many point at a thing by one relation; counts no further than ``most``."""
        text = "SELECT count(*) FROM (SELECT 1 FROM link WHERE target = ? AND is_fact IN (0, 1)"
        text += " AND relation = ? LIMIT ?)"
        values = (hash_iri(iri), self._numbers.get(relation, -1), most)
        return int(self._file.connection.execute(text, values).fetchone()[0])

    def _list_sources(self, key: int, is_fact: bool, number: int, after: str, limit: int) -> list[str]:
        text = "SELECT source FROM link WHERE target = ? AND is_fact = ? AND relation = ? AND source > ?"
        rows = self._file.connection.execute(
            f"{text} ORDER BY source LIMIT ?", (key, is_fact, number, after, limit)
        )
        return [source for (source,) in rows]

    def _select(self, statement: str, keys: Collection[int]) -> Iterable[tuple[Any, ...]]:
        """Return the rows of a statement for some keys."""
        if not keys:
            return ()
        # As a list in JSON, so that one statement, prepared once, takes any number.
        return self._file.connection.execute(statement, (f"[{','.join(map(str, keys))}]",)).fetchall()

    def _read_one_label(self, iri: str) -> tuple[Line, ...]:
        row = self._file.connection.execute(_LABEL, (hash_iri(iri),)).fetchone()
        return tuple(self._split(row)) if row else ()

    def _split(self, contents: Iterable[bytes]) -> list[Line]:
        return split_lines(b"".join(map(self._unpack, contents)).decode())

    def _unpack(self, content: bytes) -> bytes:
        unpacker: Any = getattr(self._local, "unpacker", None)
        if unpacker is None:  # it is not for two threads at a time
            unpacker = self._local.unpacker = zstandard.ZstdDecompressor(dict_data=self._dictionary)
        unpacked: bytes = unpacker.decompress(content)
        return unpacked

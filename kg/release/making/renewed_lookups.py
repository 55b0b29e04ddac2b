"""Makes the file that pages are read from of that of the last release, where little changed.

Only the documents, labels and links of subjects whose lines changed are written. What is said about these is
found by halves in the lines of the dataset, sorted by their bytes. Where the dictionary or the numbers of
relations would be others, all is made anew, so the file is to the byte what it would be then.
"""

from __future__ import annotations

import mmap
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import zstandard

from kg.dataset import Dataset, encode_triple
from kg.errors import ReleaseError
from kg.lookups import hash_iri
from kg.release.dumps.change import Change
from kg.release.dumps.orders import list_starting, map_lines
from kg.release.files import find_whole
from kg.release.making.lookups import (
    SAMPLED_QUADS,
    Packing,
    Rows,
    group,
    open_draft,
    take_sample,
    write_lookups,
)
from kg.vocab import Names


def renew_lookups(
    path: Path,
    dataset: Dataset,
    canonical: Path,
    names: Names,
    earlier: Path | None,
    change: Change | None,
) -> None:
    """Write the file of a dataset, of an earlier one where little changed and that is whole.

    Parameters
    ----------
    path: where to; there must be no file yet.
    canonical: the lines of the dataset, sorted by their bytes.
    earlier: folder of an earlier release.
    change: what went and came since the earlier one; None if that is not known.

    Raises
    ------
    ReleaseError: SQLite could not write it, for example because the disk is full.
    """
    if earlier is not None and change is not None:
        dictionary = take_sample(list(islice(dataset.read_lines(), SAMPLED_QUADS)))
        try:
            whole = find_whole(earlier, path.name)
            with open_draft(path, whole) as database, map_lines(canonical) as lines:
                _Renewal(database, lines, names, change, dictionary).renew()
            return
        except (OSError, ValueError, zstandard.ZstdError, ReleaseError):
            path.unlink(missing_ok=True)
    write_lookups(path, dataset.read_lines(), names)


class _Renewal:
    def __init__(
        self,
        database: sqlite3.Connection,
        lines: mmap.mmap | bytes,
        names: Names,
        change: Change,
        dictionary: bytes,
    ) -> None:
        self._database = database
        self._lines = lines
        self._names = names
        self._change = change
        if self._ask("SELECT content FROM dictionary") != [(dictionary,)]:
            raise ValueError("the dictionary would be another")
        self._packing = Packing(dictionary)

    def _ask(self, text: str, *values: object) -> list[tuple[Any, ...]]:
        return self._database.execute(text, values).fetchall()

    def renew(self) -> None:
        """Change what is to be changed.

        Raises
        ------
        ValueError: a relation is new, or there is none of it any more, so that others have other numbers.
        """
        gone, come = self._change.gone, set(self._change.come)
        subjects = set(map(_take_subject, (*gone, *come)))
        now = list(self._find_lines(subjects))
        before = (*gone, *(line for line in now if line not in come))
        old, new = self._read(before), self._read(now)
        keys = [hash_iri(subject[1:-1].decode()) for subject in subjects]
        self._database.execute("BEGIN")
        self._replace("label", keys, new.name)
        self._renew_links(old, new)
        self._database.executemany("DELETE FROM home WHERE key = ?", ((key,) for key in keys))
        self._database.executemany("INSERT OR IGNORE INTO home VALUES (?, ?)", new.home)
        self._renew_documents(subjects, {place for rows in (old, new) for place, _ in _list_parts(rows)})
        self._database.execute("COMMIT")

    def _find_lines(self, subjects: Iterable[bytes]) -> Iterator[bytes]:
        for subject in subjects:
            yield from list_starting(self._lines, subject + b" ")

    def _read(self, lines: Iterable[bytes]) -> Rows:
        """Return what lines about some subjects add, as if they were all that there is."""
        rows = Rows(self._names.base, str(self._names.term("evidence")))
        for subject, triples in group(sorted(lines, key=_order)):
            rows.add(subject, triples)
        return rows

    def _replace(self, table: str, keys: Iterable[int], parts: Iterable[tuple[int, bytes]]) -> None:
        contents: dict[int, list[bytes]] = defaultdict(list)
        for key, part in parts:
            contents[key].append(part)
        rows = ((key, self._packing.pack_once(contents[key])) for key in contents)
        self._database.executemany(f"DELETE FROM {table} WHERE key = ?", ((key,) for key in keys))  # noqa: S608
        self._database.executemany(f"INSERT INTO {table} VALUES (?, ?)", rows)  # noqa: S608 - our own names

    def _renew_links(self, old: Rows, new: Rows) -> None:
        numbers = {iri: number for number, iri in self._ask("SELECT id, iri FROM relation")}
        lost, found = (set(_list_links(rows, numbers)) for rows in (old, new))
        where = "target = ? AND is_fact = ? AND relation = ? AND source = ?"
        self._database.executemany(f"DELETE FROM link WHERE {where}", lost - found)  # noqa: S608
        self._database.executemany("INSERT INTO link VALUES (?, ?, ?, ?)", found - lost)
        for number in {relation for _, _, relation, _ in lost - found}:
            if not self._ask("SELECT 1 FROM link WHERE relation = ? LIMIT 1", number):
                raise ValueError(f"nothing has relation {number} any more")

    def _renew_documents(self, subjects: set[bytes], places: set[int]) -> None:
        """Write documents that one of some subjects was in, or is, anew."""
        others = {subject for place in places for subject in self._list_subjects(place)}
        self._replace("document", places, _list_parts(self._read(self._find_lines(subjects | others))))

    def _list_subjects(self, place: int) -> Iterator[bytes]:
        """Yield the subject of each line that a document has."""
        for (content,) in self._ask("SELECT content FROM document WHERE key = ?", place):
            yield from map(_take_subject, self._packing.unpack(content).splitlines())


def _take_subject(line: bytes) -> bytes:
    return line.partition(b" ")[0]


def _order(line: bytes) -> tuple[bytes, bytes]:
    """Return the key by which lines are sorted for readers."""
    return line[line.rindex(b" <") + 2 : -4], encode_triple(line)


def _list_parts(rows: Rows) -> Iterator[tuple[int, bytes]]:
    """Yield all parts with the document that each is in."""
    homes: dict[int, int] = {}
    for key, home in rows.home:
        homes.setdefault(key, home)
    for key, home, content in rows.part:
        yield homes.get(key, home), content


def _list_links(rows: Rows, numbers: dict[str, int]) -> Iterator[tuple[int, int, int, str]]:
    """Yield the rows of links; raises ``ValueError`` for a relation that has no number."""
    facts = {key for (key,) in rows.fact}
    for target, relation, source, key in rows.seen:
        if relation not in numbers:
            raise ValueError(f"{relation} is new")
        yield target, int(key in facts), numbers[relation], source

"""Which IRIs a release says something about: a sorted file that is searched without being read whole.

One line for each IRI under the base that stands as a subject or an object, without the base and without a
fragment. Whether an old release knows a thing is asked often, and opening its store for that would be dear.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from kg.dataset import read_lines, write_lines
from kg.sorting import sort_lines

IRIS_KEPT = 50_000
"""IRIs that are remembered, some 5 MB, so that one that stands in many triples is sorted seldom."""


def write_iris(path: Path, union: Path, base: str) -> None:
    """Write the file.

    Parameters
    ----------
    union: N-Triples of the dataset; sorting takes place beside it.
    """
    write_lines(path, sort_lines(_list_local(union, base), union.parent))


def _list_local(union: Path, base: str) -> Iterator[bytes]:
    start = b"<" + base.encode()
    seen: set[bytes] = set()
    for term in _list_terms(union):
        if term.startswith(start) and term not in seen:
            if len(seen) >= IRIS_KEPT:
                seen.clear()
            seen.add(term)
            if local := term[len(start) : term.index(b">")].partition(b"#")[0]:
                yield local + b"\n"


def _list_terms(union: Path) -> Iterator[bytes]:
    """Yield subjects once, and the rest of each line from its object on."""
    last = b""
    for line in read_lines(union):
        subject, _, value = line.split(b" ", 2)
        if subject != last:
            last = subject
            yield subject
        yield value


def knows(path: Path, local: str) -> bool:
    """Return whether a file has an IRI, given without the base; some microseconds at any size.

    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile() as file:
    ...     _ = file.write(b"id/a\\nid/ab\\nid/c\\n"), file.flush()
    ...     [name for name in ("id/a", "id/", "id/ab", "id/b", "id/c", "") if knows(Path(file.name), name)]
    ['id/a', 'id/ab', 'id/c']
    """
    wanted = local.encode()
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as lines:
            return bool(wanted) and _search(lines, wanted)


def _search(lines: mmap.mmap, wanted: bytes) -> bool:
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high) // 2
        start = lines.rfind(b"\n", 0, middle) + 1
        end = lines.find(b"\n", start)
        line = lines[start:end]
        if line == wanted:
            return True
        if line < wanted:
            low = end + 1
        else:
            high = start
    return False

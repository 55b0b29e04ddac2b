"""Which IRIs a release says something about: a sorted file that is searched without being read whole.

One line for each IRI under the base that stands as a subject or an object, without the base and without a
fragment. Whether an old release knows a thing is asked often, and opening its store for that would be dear.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path

from pyoxigraph import NamedNode, Quad


def write_iris(path: Path, quads: Iterable[Quad], base: str) -> None:
    """Write the file."""
    found = {
        term.value.removeprefix(base).partition("#")[0]
        for quad in quads
        for term in (quad.subject, quad.object)
        if isinstance(term, NamedNode) and term.value.startswith(base)
    }
    path.write_bytes(b"".join(line + b"\n" for line in sorted(name.encode() for name in found if name)))


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

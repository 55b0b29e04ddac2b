"""Remembers what has passed the shapes, so that what did not change is not validated again.

A verdict is the hash of all that it depends on: the shapes, the triples, the validator. Only what holds is
remembered, so a fault is found each time. The file holds the verdicts of one check and its own checksum; one
that is damaged counts as empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path


def read_verdicts(path: Path | None) -> frozenset[str]:
    """Return the verdicts in a file; none if there is no such file, or it is not as it was written."""
    try:
        checksum, _, rest = path.read_bytes().partition(b"\n") if path else (b"", b"", b"")
    except OSError:
        return frozenset()
    if checksum.decode(errors="replace") != sha256(rest).hexdigest():
        return frozenset()
    return frozenset(rest.decode().split())


def write_verdicts(path: Path | None, verdicts: Iterable[str]) -> None:
    """Write the verdicts of a check in place of those before; where that cannot be, they are forgotten."""
    if path is None:
        return
    rest = "".join(f"{verdict}\n" for verdict in sorted(set(verdicts))).encode()
    part = path.with_name(f"{path.name}.part")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(sha256(rest).hexdigest().encode() + b"\n" + rest)
        part.replace(path)

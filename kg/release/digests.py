"""SHA-256 of files and of texts, in hexadecimal digits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def hash_file(path: Path) -> str:
    """Return the hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_texts(texts: Iterable[str]) -> str:
    """Return the hash of texts in their order.

    >>> hash_texts(["a", "b"]) == hash_texts(["ab"])
    False
    """
    return hashlib.sha256("\x00".join(texts).encode()).hexdigest()


def check_file(path: Path, sha256: str | None) -> None:
    """Raise ``ValueError`` if a file does not have the checksum that it should have."""
    if hash_file(path) != sha256:
        raise ValueError(f"{path} is damaged")

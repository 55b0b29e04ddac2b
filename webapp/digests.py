"""Addresses of static files that change with their content, and one digest of all that pages are made by."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent
_MAKES_PAGES = ("*.py", "templates/*.html", "translations/*.po", "static/**/*")
_DIGITS = 12


@cache
def digest_file(path: Path) -> str:
    """Return the digest of a file, or nothing where it is not there; read once a process."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:_DIGITS] if path.is_file() else ""


@cache
def digest_static(filename: str) -> str:
    """Return the digest of a static file by its name."""
    return digest_file(PACKAGE / "static" / filename)


@cache
def digest_program() -> str:
    """Return a digest of code, templates, messages and static files.

    It is part of the entity tag of every page: a new version of the program over an old release makes new
    pages, and a browser must not be told that its old ones still hold.
    """
    files = {path for pattern in _MAKES_PAGES for path in PACKAGE.rglob(pattern) if path.is_file()}
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(PACKAGE)}\0{digest_file(path)}\0".encode())
    return digest.hexdigest()[:_DIGITS]

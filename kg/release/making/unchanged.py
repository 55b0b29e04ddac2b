"""Whether a build would make what is there already, told by the sizes and times of files, as make does.

Checking and building the first article takes seconds, of which a server that starts again needs nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import kg
from kg.errors import UnknownRelease
from kg.release.catalogue import switch_current
from kg.release.layout import Release, built_path, open_release

SOURCES = ("ontology", "data")


def read_state(root: Path, base_iri: str, *files: str) -> str:
    """Return a digest of all that a build depends on, without reading it: sources, settings, the program.

    Parameters
    ----------
    root: folder of the sources.
    base_iri: under which names are minted.
    files: others that matter, such as a signing key; an empty name is none.
    """
    digest = hashlib.sha256(f"{kg.__version__}\0{base_iri}\0{root.resolve()}\n".encode())
    program = Path(kg.__file__).parent
    for folder in (*(root / name for name in SOURCES), program):
        for path in _walk(folder):
            digest.update(_describe(path))
    for name in filter(None, files):
        digest.update(_describe(Path(name)))
    return digest.hexdigest()


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        yield from (Path(parent, name) for name in sorted(files))


def _describe(path: Path) -> bytes:
    try:
        status = path.stat()
    except OSError:
        return f"{path}\0none\n".encode(errors="surrogateescape")
    return f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="surrogateescape")


def remember_build(var: Path, state: str, release_id: str) -> None:
    """Keep which release the state made."""
    path = built_path(var)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps({"state": state, "release": release_id}) + "\n", encoding="ascii")
    draft.replace(path)


def find_built(var: Path, state: str) -> Release | None:
    """Return the release that the state made last, as the current one; None if that has to be built.

    Raises
    ------
    ReleaseError: it is damaged, or made by another version of Article KG.
    """
    try:
        content = json.loads(built_path(var).read_text(encoding="ascii"))
        if content["state"] != state:
            return None
        switch_current(var, content["release"])
    except (OSError, ValueError, KeyError, TypeError, UnknownRelease):
        return None  # nothing is lost: it is built
    return open_release(var, content["release"])

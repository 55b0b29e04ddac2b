"""Takes over from the last build the dumps of graphs that did not change, as hard links, and finds its store.

What a dump depends on is hashed: the lines of its graph, its head, how it is written. Which release has which
is kept in a file of the folder of releases; without it, or without that release, all dumps are written.
A file is taken over only if it is to the byte what the release said of it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kg.errors import ReleaseError
from kg.release.digests import hash_file
from kg.release.layout import DumpFile, dumps_path, open_release
from kg.release.store import EarlierStore, find_store


@dataclass(frozen=True, slots=True)
class Earlier:
    """A dump of an earlier release: the folder and its files, and the key of all that they depend on."""

    folder: Path
    key: str
    files: tuple[DumpFile, ...]


@dataclass(frozen=True, slots=True)
class EarlierBuild:
    """What may be taken over: dumps, by graph and format, and the store."""

    store: EarlierStore | None = None
    folder: Path = Path()
    keys: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, tuple[DumpFile, ...]] = field(default_factory=dict)

    def find(self, graph: str, fmt: str) -> Earlier | None:
        """Return the dump of a graph in a format."""
        name = name_dump(graph, fmt)
        return Earlier(self.folder, self.keys[name], self.files[name]) if name in self.keys else None


def name_dump(graph: str, fmt: str) -> str:
    """Return the name of a dump among the keys.

    >>> name_dump("http://h/entities", "turtle")
    'turtle http://h/entities'
    """
    return f"{fmt} {graph}"


def read_earlier(var: Path) -> EarlierBuild:
    """Return what the last build left; nothing where that is not known, or not there any more."""
    try:
        content = json.loads(dumps_path(var).read_text(encoding="utf-8"))
        release = open_release(var, content["release"])
        files: dict[str, tuple[DumpFile, ...]] = {}
        for dump in release.manifest.dumps:
            if dump.graph:
                name = name_dump(dump.graph, dump.format)
                files[name] = (*files.get(name, ()), dump)
        keys = {name: str(key) for name, key in content["keys"].items() if name in files}
        return EarlierBuild(find_store(release), release.dumps_path, keys, files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ReleaseError):
        return EarlierBuild()


def remember_dumps(var: Path, release_id: str, keys: Mapping[str, str]) -> None:
    """Keep what the dumps of a release depend on, for the next build."""
    path = dumps_path(var)
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps({"release": release_id, "keys": keys}) + "\n", encoding="utf-8")
    part.replace(path)


def take_over(earlier: Earlier, folder: Path) -> bool:
    """Put the files of an earlier dump into a folder; returns whether they are there, and whole."""
    try:
        for file in earlier.files:
            if hash_file(earlier.folder / file.name) != file.sha256:
                return False
        for file in earlier.files:
            _link(earlier.folder / file.name, folder / file.name)
    except OSError:
        return False
    return True


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # there are file systems without
        shutil.copyfile(source, target)

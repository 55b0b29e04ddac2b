"""Finds what the last build left that may be taken over: dumps of graphs, parts of other dumps, the store.

What a dump of a graph depends on is hashed: its lines, its head, how it is written; where nothing of that
changed, its files are linked. Which release has which, and where the parts of the other dumps are, is kept in
a file of the folder of releases, with a checksum; without it, or without that release, all dumps are written.
A file is taken over, or copied from, only if it is to the byte what the release said of it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kg.errors import ReleaseError
from kg.release.digests import hash_file, hash_texts
from kg.release.layout import DumpFile, Release, dumps_path, open_release
from kg.release.parts import EarlierDump, PackedParts
from kg.release.store import EarlierStore, find_store


@dataclass(frozen=True, slots=True)
class Earlier:
    """A dump of an earlier release: the folder and its files, and the key of all that they depend on."""

    folder: Path
    key: str
    files: tuple[DumpFile, ...]


@dataclass(frozen=True, slots=True)
class Origins:
    """What dumps were made from: the keys of those of single graphs, the parts of the others, by name."""

    keys: Mapping[str, str]
    parts: Mapping[str, PackedParts]


@dataclass(frozen=True, slots=True)
class EarlierBuild:
    """What may be taken over: dumps, by graph and format, and the store."""

    store: EarlierStore | None = None
    folder: Path = Path()
    keys: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, PackedParts] = field(default_factory=dict)
    files: Mapping[str, tuple[DumpFile, ...]] = field(default_factory=dict)

    def find(self, graph: str, fmt: str) -> Earlier | None:
        """Return the dump of a graph in a format."""
        name = name_dump(graph, fmt)
        return Earlier(self.folder, self.keys[name], self.files[name]) if name in self.keys else None

    def find_parts(self, name: str) -> EarlierDump | None:
        """Return the dump of the whole dataset that has a name."""
        return EarlierDump(self.folder, self.files[name], self.parts[name]) if name in self.parts else None


def name_dump(about: str, fmt: str) -> str:
    """Return the name of a dump of a graph, or of one by its stem, in a format.

    >>> name_dump("http://h/entities", "turtle")
    'turtle http://h/entities'
    """
    return f"{fmt} {about}"


def read_earlier(var: Path) -> EarlierBuild:
    """Return what the last build left; nothing where that is not known, or not there any more."""
    try:
        digest, _, text = dumps_path(var).read_text(encoding="utf-8").partition("\n")
        if digest != hash_texts([text]):
            return EarlierBuild()
        content = json.loads(text)
        release = open_release(var, content["release"])
        files = _list_files(release)
        keys = {name: str(key) for name, key in content["keys"].items() if name in files}
        parts = {
            name: PackedParts.parse(packed) for name, packed in content["parts"].items() if name in files
        }
        return EarlierBuild(find_store(release), release.dumps_path, keys, parts, files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ReleaseError):
        return EarlierBuild()


def _list_files(release: Release) -> dict[str, tuple[DumpFile, ...]]:
    files: dict[str, tuple[DumpFile, ...]] = {}
    for dump in release.manifest.dumps:
        name = name_dump(dump.graph or dump.name.partition(".")[0], dump.format)
        files[name] = (*files.get(name, ()), dump)
    return files


def remember_dumps(var: Path, release_id: str, origins: Origins) -> None:
    """Keep what the dumps of a release were made from, for the next build."""
    parts = {name: packed.to_json() for name, packed in origins.parts.items()}
    content = {"release": release_id, "keys": origins.keys, "parts": parts}
    text = json.dumps(content) + "\n"
    path = dumps_path(var)
    part = path.with_name(f"{path.name}.part")
    # Nothing else covers it: a wrong number here would put the wrong bytes into a dump.
    part.write_text(f"{hash_texts([text])}\n{text}", encoding="utf-8")
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

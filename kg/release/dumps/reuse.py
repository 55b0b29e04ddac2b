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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kg.errors import ReleaseError
from kg.formats import N_QUADS, N_TRIPLES, Format
from kg.release.digests import hash_file, hash_texts
from kg.release.dumps.change import Change, EarlierGraph, PackedFile
from kg.release.dumps.orders import Renewal
from kg.release.dumps.parts import EarlierDump, PackedParts
from kg.release.layout import WHOLE, DumpFile, Release, dumps_path, open_release


@dataclass(frozen=True, slots=True)
class Earlier:
    """A dump of an earlier release: the folder and its files, and the key of all that they depend on."""

    folder: Path
    key: str
    files: tuple[DumpFile, ...]


@dataclass(frozen=True, slots=True)
class Origins:
    """What dumps were made from: the keys of those of single graphs, the parts of the others, by name.

    ``graphs`` are the hashes of the lines of each graph, by its IRI.
    """

    keys: Mapping[str, str]
    parts: Mapping[str, PackedParts]
    graphs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EarlierBuild:
    """What may be taken over: the store of a release, its dumps, by graph and format, all graphs, by IRI."""

    release: Path | None = None
    folder: Path = Path()
    keys: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, PackedParts] = field(default_factory=dict)
    files: Mapping[str, tuple[DumpFile, ...]] = field(default_factory=dict)
    graphs: Mapping[str, EarlierGraph] = field(default_factory=dict)

    def plan_renewal(self, change: Change | None) -> Renewal | None:
        """Return what lines in order can be made from; None if they have to be sorted."""
        canonical, union = (self._find_packed(WHOLE, fmt) for fmt in (N_QUADS, N_TRIPLES))
        return Renewal(change, canonical, union) if change and canonical and union else None

    def _find_packed(self, stem: str, fmt: Format) -> PackedFile | None:
        return find_packed(self.folder, self.files.get(name_dump(stem, fmt.name), ()))

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
        graphs = _list_graphs(release.dumps_path, content["graphs"], files)
        return EarlierBuild(release.path, release.dumps_path, keys, parts, files, graphs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ReleaseError):
        return EarlierBuild()


def _list_graphs(
    folder: Path, hashes: Mapping[str, str], files: Mapping[str, tuple[DumpFile, ...]]
) -> dict[str, EarlierGraph]:
    """Return all graphs; none if one has no dump, since then it is not known what went."""
    found = {iri: find_packed(folder, files.get(name_dump(iri, N_TRIPLES.name), ())) for iri in hashes}
    graphs = {iri: EarlierGraph(hashes[iri], packed) for iri, packed in found.items() if packed}
    return graphs if len(graphs) == len(hashes) else {}


def find_packed(folder: Path, files: Iterable[DumpFile]) -> PackedFile | None:
    """Return the one of some files that is packed in Zstandard."""
    packed = (PackedFile(folder / file.name, file.sha256) for file in files if file.coding == "zstd")
    return next(packed, None)


def _list_files(release: Release) -> dict[str, tuple[DumpFile, ...]]:
    files: dict[str, tuple[DumpFile, ...]] = {}
    for dump in release.manifest.dumps:
        name = name_dump(dump.graph or dump.name.partition(".")[0], dump.format)
        files[name] = (*files.get(name, ()), dump)
    return files


def remember_dumps(var: Path, release_id: str, origins: Origins) -> None:
    """Keep what the dumps of a release were made from, for the next build."""
    parts = {name: packed.to_json() for name, packed in origins.parts.items()}
    content = {"release": release_id, "keys": origins.keys, "parts": parts, "graphs": origins.graphs}
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

"""Where things are in the folder of releases and in a release.

var/
  current              symbolic link to releases/<id>, switched by one atomic rename
  history.jsonl        when each release became the current one
  built.json           which release was built last, and from what
  build.lock           held while a build runs; fetch.lock likewise
  dumps.json           what the dumps of the last build were made from, and where their parts are
  verdicts             what has passed the shapes in the last check
  building/            a release in the making; swept by the next build
  fetching/<id>/       a release on its way from elsewhere; the next fetch of it goes on there
  releases/<id>/
    manifest.json      id, base IRI, figures, checksums
    store/             the Oxigraph store
    dumps/             packed dumps, release.json and SHA256SUMS
    texts/<slug>.txt   captured texts of the articles
    iris.txt           IRIs that something is said about, sorted
    context.jsonld     the JSON-LD context, with the base IRI in it
    search.sqlite      names, quotes and facets
    lookups.sqlite     descriptions and links, for pages
    shapes.ttl         the SHACL shapes
    pages/             paths of all pages, for sitemaps
    void.ttl           what the dataset is (VoID, DCAT)
    files.json         all these files with their checksums, and files.json.minisig if the release is signed
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from kg.context import Context
from kg.errors import NoRelease, OtherLayout, ReleaseError, UnknownRelease

_PATHS_KEPT = 64
"""Paths that each request asks for, and that take longer to make than to use."""

LAYOUT_VERSION = 6
"""Part of every release id: a change of what a release holds makes a new id."""

VERDICTS = "verdicts"
"""File in the folder of releases with what has passed the shapes."""
WHOLE = "article-kg"
"""Stem of the dumps of the whole dataset."""
CHECKSUMS = "SHA256SUMS"
IDENTITY = "release.json"
"""Says which release the dumps beside it are of, for whoever has nothing else of it."""
SIGNATURE = "SHA256SUMS.minisig"
"""Signature over the checksums, if the release is signed."""


@dataclass(frozen=True, slots=True)
class DumpFile:
    """One file under ``dumps/``; ``graph`` is the IRI of its named graph, empty for the whole dataset.

    ``coding`` is gzip or zstd, ``unpacked_bytes`` the size without it, ``rdf`` the version of RDF.
    """

    name: str
    graph: str
    size_bytes: int
    sha256: str
    triples: int
    format: str = ""
    coding: str = "gzip"
    unpacked_bytes: int = 0
    rdf: str = "1.1"


@dataclass(frozen=True, slots=True)
class ArticleEntry:
    """An article of a release, as pages need it without a query."""

    slug: str
    iri: str
    headline: str
    url: str
    publisher: str
    published: str
    full_text: bool
    sentences: int
    sentences_with_facts: int
    language: str = ""


@dataclass(frozen=True, slots=True)
class RedirectEntry:
    """A name that was given up, as a path under the base: its ``target``, or the ``reason`` why it went."""

    source: str
    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a release says of itself."""

    id: str
    base_iri: str
    created: str
    software: str
    quads: int
    figures: dict[str, int]
    dumps: tuple[DumpFile, ...]
    articles: tuple[ArticleEntry, ...]
    licence: str = ""
    canonical_sha256: str = ""
    redirects: tuple[RedirectEntry, ...] = ()
    layout: int = field(default=LAYOUT_VERSION)

    def find_dump(self, fmt: str, graph: str = "", coding: str = "gzip") -> DumpFile | None:
        """Return the RDF 1.1 dump of a graph, or of the whole dataset, in a format by its name."""
        wanted = (fmt, graph, coding, "1.1")
        return next((d for d in self.dumps if (d.format, d.graph, d.coding, d.rdf) == wanted), None)


@dataclass(frozen=True, slots=True)
class Release:
    """A release on disk."""

    path: Path
    manifest: Manifest

    @property
    def id(self) -> str:
        """The id, 16 hexadecimal digits."""
        return self.manifest.id

    @property
    def store_path(self) -> Path:
        """Folder of the Oxigraph store."""
        return self.path / "store"

    @property
    def dumps_path(self) -> Path:
        """Folder of the dumps."""
        return self.path / "dumps"

    @property
    def context_path(self) -> Path:
        """File with the JSON-LD context."""
        return self.path / "context.jsonld"

    @property
    def search_path(self) -> Path:
        """The index for search and browsing."""
        return self.path / "search.sqlite"

    @property
    def lookups_path(self) -> Path:
        """The file that pages are read from."""
        return self.path / "lookups.sqlite"

    def text_path(self, slug: str) -> Path:
        """Return the file with the captured text of an article."""
        return self.path / "texts" / f"{slug}.txt"


@lru_cache(maxsize=8)  # a release never changes
def load_context(path: Path) -> Context:
    """Return the JSON-LD context in a file of a release.

    Raises
    ------
    ReleaseError: it is not there, or damaged.
    """
    try:
        context: Context = json.loads(path.read_text(encoding="utf-8"))["@context"]
    except (OSError, ValueError, KeyError) as error:
        raise ReleaseError(
            f"{path}: the context cannot be read: {error}.", "Run `kg build` again."
        ) from error
    return context


@lru_cache(maxsize=_PATHS_KEPT)
def releases_path(var: Path) -> Path:
    """Return the folder of all releases."""
    return var / "releases"


@lru_cache(maxsize=_PATHS_KEPT)
def iris_path(var: Path, release_id: str) -> Path:
    """Return the file of the IRIs that a release says something about."""
    return releases_path(var) / release_id / "iris.txt"


def building_path(var: Path) -> Path:
    """Return the folder of releases in the making."""
    return var / "building"


def fetching_path(var: Path) -> Path:
    """Return the folder of releases that are on their way from elsewhere."""
    return var / "fetching"


@lru_cache(maxsize=_PATHS_KEPT)
def current_link(var: Path) -> Path:
    """Return the link to the current release."""
    return var / "current"


@lru_cache(maxsize=_PATHS_KEPT)
def history_path(var: Path) -> Path:
    """Return the file that says when each release became the current one."""
    return var / "history.jsonl"


def built_path(var: Path) -> Path:
    """Return the file that says which release was built last, and from what."""
    return var / "built.json"


def dumps_path(var: Path) -> Path:
    """Return the file that says what the dumps of the last build were made from."""
    return var / "dumps.json"


def is_release_id(text: str) -> bool:
    """Return whether a text may be the id of a release; such a text is safe as the name of a folder.

    >>> is_release_id("0123456789abcdef"), is_release_id("../..")
    (True, False)
    """
    return re.fullmatch(r"[0-9a-z]{1,64}", text) is not None


def read_current_id(var: Path) -> str:
    """Return the id of the current release; a single ``readlink``, so cheap enough for each request.

    Raises
    ------
    NoRelease: nothing has been built yet.
    """
    try:
        return os.readlink(current_link(var)).rpartition("/")[2]  # noqa: PTH115 - a Path takes longer
    except OSError:
        raise NoRelease(f"there is no release in {var}.", "Run `kg build` first.") from None


def open_release(var: Path, release_id: str) -> Release:
    """Read the manifest of a release.

    Raises
    ------
    UnknownRelease: the release is not there.
    OtherLayout: another version of Article KG made it.
    ReleaseError: its manifest is damaged.
    """
    path = releases_path(var) / release_id
    if not is_release_id(release_id) or not path.is_dir():
        raise UnknownRelease(release_id)
    return Release(path=path, manifest=read_manifest(path / "manifest.json"))


def read_manifest(path: Path) -> Manifest:
    """Read a manifest; raises ``OtherLayout``, or ``ReleaseError`` if it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["layout"] != LAYOUT_VERSION:
            raise OtherLayout(path.parent.name, int(content["layout"]), LAYOUT_VERSION)
        content["dumps"] = tuple(DumpFile(**entry) for entry in content["dumps"])
        content["articles"] = tuple(ArticleEntry(**entry) for entry in content["articles"])
        content["redirects"] = tuple(RedirectEntry(**entry) for entry in content["redirects"])
        return Manifest(**content)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReleaseError(
            f"{path}: the manifest cannot be read: {error}.", "Run `kg build` again."
        ) from error

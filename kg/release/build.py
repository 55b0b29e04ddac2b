"""Builds a release aside and publishes it by one atomic rename.

A crash at any moment leaves the current release as it was: until the rename there is only a folder under
``building/``, which the next build sweeps away, and ``current`` is a link that is replaced as a whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from pyoxigraph import Quad, Store

from kg.check.findings import Report
from kg.errors import CheckFailed, ReleaseError
from kg.publication import find_licence
from kg.release.catalogue import switch_current, sync
from kg.release.dumps import DumpWriter, sort_quads
from kg.release.files import write_list
from kg.release.iris import write_iris
from kg.release.layout import (
    LAYOUT_VERSION,
    Release,
    building_path,
    open_release,
    releases_path,
)
from kg.release.locks import lock_builds
from kg.release.lookups import write_lookups
from kg.release.manifest import describe_articles, make_manifest, write_manifest
from kg.release.search import write_index
from kg.release.site import render_context, render_shapes, write_site
from kg.sources import Sources


def build_release(
    sources: Sources, report: Report, var: Path, on_step: Callable[[str], None] = lambda step: None
) -> Release:
    """Build the release of checked sources and make it the current one.

    The same sources give the same id; where that release is there already, it is only switched to.

    Parameters
    ----------
    report: what ``check_sources`` returned for the sources.
    var: the folder of releases; made if it is missing.

    Raises
    ------
    CheckFailed: the report has findings.
    BuildInProgress: another process is building there.
    ReleaseError: the folder cannot be written, or the disk is full; nothing is left behind.
    """
    if report.findings:
        raise CheckFailed(f"{len(report.findings)} findings.", "Run `kg check` and mend them.")
    quads = sort_quads(report.quads)
    release_id = identify(quads, sources)
    try:
        with lock_builds(var):
            _sweep(var)
            if not _is_whole(var, release_id):
                _build_aside(sources, report, quads, var, release_id, on_step)
            on_step("current link")
            switch_current(var, release_id)
    # pyoxigraph raises RuntimeError for some faults of its storage.
    except (OSError, RuntimeError) as error:
        raise ReleaseError(f"cannot build in {var}: {_reason(error)}.", _remedy(error)) from error
    return open_release(var, release_id)


def identify(quads: list[Quad], sources: Sources) -> str:
    """Return the id of a release: 16 hexadecimal digits over its layout and all that it is made from."""
    digest = hashlib.sha256(f"layout {LAYOUT_VERSION}\n".encode())
    for quad in quads:
        digest.update(f"{quad}\n".encode())
    for article in sources.articles:
        digest.update(f"\x00{article.slug}\x00{article.text.text if article.text else ''}".encode())
    digest.update(f"\x00{render_context(sources)}\x00{render_shapes(sources)}".encode())
    for redirect in sources.redirects:
        digest.update(f"\x00{redirect.source}\x00{redirect.target}\x00{redirect.reason}".encode())
    return digest.hexdigest()[:16]


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def _remedy(error: Exception) -> str:
    text = str(error)
    if "No space left" in text or "File too large" in text:
        return "Free some space and build again; the current release is untouched."
    return "Name a folder that you may write to with --var."


def _sweep(var: Path) -> None:
    if building_path(var).exists():
        shutil.rmtree(building_path(var))


def _is_whole(var: Path, release_id: str) -> bool:
    # A release gets its name only when it is whole; one of an older layout would have another id.
    return (releases_path(var) / release_id / "manifest.json").exists()


def _build_aside(
    sources: Sources,
    report: Report,
    quads: list[Quad],
    var: Path,
    release_id: str,
    on_step: Callable[[str], None],
) -> None:
    folder = building_path(var) / release_id
    folder.mkdir(parents=True)
    try:
        on_step("store")
        _write_store(folder / "store", quads)
        on_step("dumps")
        (folder / "dumps").mkdir()
        articles, licence = describe_articles(sources, report), find_licence(sources)
        writer = DumpWriter(folder / "dumps", release_id, sources.names, articles)
        dumps = writer.write(quads, licence.value if licence else "")
        (folder / "texts").mkdir()
        for article in sources.articles:
            if article.text is not None:
                (folder / "texts" / f"{article.slug}.txt").write_bytes(article.text.text.encode())
        write_iris(folder / "iris.txt", quads, sources.names.base)
        on_step("look-ups")
        write_lookups(folder / "lookups.sqlite", quads, sources.names)
        on_step("search index")
        write_index(folder / "search.sqlite", quads, sources.names)
        manifest = make_manifest(release_id, sources, report, quads, dumps, writer.canonical_sha256)
        write_site(folder, sources, manifest, quads)
        write_manifest(folder / "manifest.json", manifest)
        write_list(folder, release_id)
        on_step("all to disk")
        _sync_tree(folder)
        releases_path(var).mkdir(exist_ok=True)
        folder.rename(releases_path(var) / release_id)
        sync(releases_path(var))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_store(path: Path, quads: list[Quad]) -> None:
    store = Store(str(path))
    store.bulk_extend(quads)
    store.optimize()
    store.flush()


def _sync_tree(folder: Path) -> None:
    for root, _, files in os.walk(folder):
        for name in files:
            sync(Path(root, name))
        sync(Path(root))

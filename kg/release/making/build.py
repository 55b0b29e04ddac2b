"""Builds a release aside and publishes it by one atomic rename.

A crash at any moment leaves the current release as it was: until the rename there is only a folder under
``building/``, which the next build sweeps away, and ``current`` is a link that is replaced as a whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from kg.check.findings import Report
from kg.dataset import Dataset
from kg.errors import CheckFailed, ReleaseError
from kg.parallel import count_processes, run_all, tell_progress
from kg.publication import find_licence
from kg.release.catalogue import switch_current, sync
from kg.release.digests import hash_file
from kg.release.dumps.change import find_change
from kg.release.dumps.orders import sort_dataset
from kg.release.dumps.reuse import EarlierBuild, Origins, read_earlier, remember_dumps
from kg.release.dumps.writer import DumpWriter
from kg.release.files import write_list
from kg.release.iris import write_iris
from kg.release.layout import (
    LAYOUT_VERSION,
    ArticleEntry,
    Release,
    building_path,
    open_release,
    releases_path,
)
from kg.release.locks import lock_builds
from kg.release.making.renewed_lookups import renew_lookups
from kg.release.making.search import write_index
from kg.release.making.site import render_context, render_shapes, write_pages, write_site
from kg.release.making.store import renew_store
from kg.release.manifest import describe_articles, make_manifest, write_manifest
from kg.release.survey import Survey, survey_union
from kg.sources import Sources
from kg.vocab import Names

PARALLEL_QUADS = 50_000
"""From so many quads on, starting other processes gains more time than it takes."""
SYNCED_SINGLY = 2_000
"""Up to so many files are made durable one by one; more of them with all else that waits for the disk."""


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
    WorkLost: a process that builds was ended from outside; nothing is left behind.
    """
    if report.findings:
        raise CheckFailed(f"{len(report.findings)} findings.", "Run `kg check` and mend them.")
    try:
        with lock_builds(var):
            _sweep(var)
            release_id = _build(sources, report, var, on_step)
            on_step("current link")
            switch_current(var, release_id)
    # pyoxigraph raises RuntimeError for some faults of its storage.
    except (OSError, RuntimeError) as error:
        raise ReleaseError(f"cannot build in {var}: {_reason(error)}.", _remedy(error)) from error
    return open_release(var, release_id)


def identify(dataset: Dataset, sources: Sources) -> str:
    """Return the id of a release: 16 hexadecimal digits over its layout and all that it is made from."""
    digest = hashlib.sha256(f"layout {LAYOUT_VERSION}\n".encode())
    for line in dataset.read_lines():
        digest.update(line.removesuffix(b" .\n") + b"\n")
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


def _build(sources: Sources, report: Report, var: Path, on_step: Callable[[str], None]) -> str:
    """Build the release, unless it is there already; returns its id."""
    work, draft = building_path(var) / "work", building_path(var) / "release"
    work.mkdir(parents=True)
    try:
        dataset = replace(report.dataset, folder=work)
        release_id = identify(dataset, sources)
        if not _is_whole(var, release_id):
            draft.mkdir()
            origins = _write_release(draft, release_id, sources, report, dataset, read_earlier(var), on_step)
            on_step("all to disk")
            _sync_tree(draft)
            releases_path(var).mkdir(exist_ok=True)
            draft.rename(releases_path(var) / release_id)
            sync(releases_path(var))
            remember_dumps(var, release_id, origins)
        return release_id
    finally:
        _sweep(var)
        building_path(var).mkdir()


def _write_release(
    folder: Path,
    release_id: str,
    sources: Sources,
    report: Report,
    dataset: Dataset,
    earlier: EarlierBuild,
    on_step: Callable[[str], None],
) -> Origins:
    """Write all files of a release; returns what its dumps were made from."""
    names = sources.names
    processes = count_processes() if len(dataset) >= PARALLEL_QUADS else 1
    articles, licence = describe_articles(sources, report), find_licence(sources)
    on_step("sorted lines")
    hashes = {graph.iri: hash_file(graph.path) for graph in dataset.graphs}
    change = find_change(dataset, hashes, earlier.graphs)
    lines = sort_dataset(dataset, processes, earlier.plan_renewal(change))
    (folder / "dumps").mkdir()
    writer = DumpWriter(
        folder / "dumps", release_id, names, articles, licence.value if licence else "", earlier, hashes
    )
    what = "store, indexes and dumps"
    on_step(what)
    # What takes longest comes first, so that no process waits for it at the end.
    jobs: list[Callable[[], Any]] = [
        partial(renew_store, folder / "store", lines.canonical, earlier.release, change),
        partial(
            renew_lookups,
            folder / "lookups.sqlite",
            dataset,
            lines.canonical,
            names,
            earlier.release,
            change,
        ),
        partial(_write_index, folder / "search.sqlite", dataset, names),
        partial(_survey, folder, lines.union, articles, names),
        *writer.plan(dataset, lines),
    ]
    done = tell_progress(run_all(jobs, processes), len(jobs), lambda part: on_step(f"{what}, {part}"))
    _, _, _, survey, *written = done
    dumps = writer.finish(len(dataset), chain.from_iterable(written), lines.canonical)
    _write_texts(folder / "texts", sources)
    on_step("description")
    manifest = make_manifest(
        release_id, sources, report, len(dataset), survey, dumps, writer.canonical_sha256
    )
    write_site(folder, sources, manifest, survey, dataset)
    write_manifest(folder / "manifest.json", manifest)
    write_list(folder, release_id)
    return writer.tell_origins()


def _write_index(path: Path, dataset: Dataset, names: Names) -> None:
    write_index(path, dataset.read_lines(), names)


def _survey(folder: Path, union: Path, articles: tuple[ArticleEntry, ...], names: Names) -> Survey:
    write_iris(folder / "iris.txt", union, names.base)
    write_pages(folder / "pages", union, articles, names)
    return survey_union(union, names)


def _write_texts(folder: Path, sources: Sources) -> None:
    folder.mkdir()
    for article in sources.articles:
        if article.text is not None:
            (folder / f"{article.slug}.txt").write_bytes(article.text.text.encode())


def _sync_tree(folder: Path) -> None:
    paths = [Path(root, name) for root, _, files in os.walk(folder) for name in ("", *files)]
    if len(paths) > SYNCED_SINGLY and sys.platform == "linux":
        os.sync()  # which waits there (sync(2)); one by one, a hundred thousand files take minutes
        return
    for path in paths:
        sync(path)

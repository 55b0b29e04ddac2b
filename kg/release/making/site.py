"""What a release says beside its data, in files that are served as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count, groupby, islice
from pathlib import Path
from urllib.parse import quote

from kg.dataset import Dataset, read_lines
from kg.formats import TURTLE
from kg.release.layout import ArticleEntry, Manifest
from kg.release.survey import Survey
from kg.release.void import PREFIXES, describe_dataset
from kg.serialization import serialize_statements
from kg.sources import Sources
from kg.vocab import Names

PAGES_AT_ONCE = 50_000
"""The most that a sitemap may hold (sitemaps.org, "Sitemap file requirements")."""


def render_context(sources: Sources) -> str:
    """Return the published JSON-LD context."""
    return json.dumps({"@context": sources.context}, ensure_ascii=False, indent=2) + "\n"


def render_shapes(sources: Sources) -> str:
    """Return the SHACL shapes as their file has them, comments and all, with the base they stand under."""
    text = sources.shapes.read_text(encoding="utf-8") if sources.shapes.is_file() else ""
    return f"@base <{sources.names.base}> .\n{text}"


def write_pages(folder: Path, union: Path, articles: tuple[ArticleEntry, ...], names: Names) -> None:
    """Write the paths of all pages, for sitemaps: files of at most ``PAGES_AT_ONCE`` lines.

    Parameters
    ----------
    folder: made here; the files in it are named by their order.
    union: N-Triples of the dataset, sorted by subject.
    """
    folder.mkdir()
    paths = _list_pages(union, articles, names)
    for number in count(1):
        lines = "".join(f"{path}\n" for path in islice(paths, PAGES_AT_ONCE))
        if not lines:
            break
        (folder / f"{number:06d}.txt").write_text(lines, encoding="utf-8")


def _list_pages(union: Path, articles: tuple[ArticleEntry, ...], names: Names) -> Iterator[str]:
    yield from ("", "ontology", "entities", *(a.iri.removeprefix(names.base) for a in articles))
    start = b"<" + names.thing("").value.encode()
    for subject, _ in groupby(read_lines(union), key=lambda line: line.partition(b" ")[0]):
        if subject.startswith(start):
            yield f"page/{quote(subject[len(start) : -1].decode())}"


def write_site(folder: Path, sources: Sources, manifest: Manifest, survey: Survey, dataset: Dataset) -> None:
    """Write what describes the release into its folder."""
    sizes = {graph.iri: graph.size for graph in dataset.graphs}
    described = describe_dataset(manifest, survey, sizes, sources.names)
    prefixes = {**sources.names.prefixes, **PREFIXES}
    (folder / "void.ttl").write_bytes(serialize_statements(described, TURTLE, prefixes, {}))
    (folder / "context.jsonld").write_text(render_context(sources), encoding="utf-8")
    (folder / "shapes.ttl").write_text(render_shapes(sources), encoding="utf-8")

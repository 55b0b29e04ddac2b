"""What a release says beside its data, in files that are served as they are."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

from pyoxigraph import Quad

from kg.formats import TURTLE
from kg.release.layout import ArticleEntry, Manifest
from kg.release.void import PREFIXES, describe_dataset
from kg.serialization import serialize_statements
from kg.sources import Sources
from kg.vocab import Names, named

PAGES_AT_ONCE = 50_000
"""The most that a sitemap may hold (sitemaps.org, "Sitemap file requirements")."""


def render_context(sources: Sources) -> str:
    """Return the published JSON-LD context."""
    return json.dumps({"@context": sources.context}, ensure_ascii=False, indent=2) + "\n"


def render_shapes(sources: Sources) -> str:
    """Return the SHACL shapes as their file has them, comments and all, with the base they stand under."""
    text = sources.shapes.read_text(encoding="utf-8") if sources.shapes.is_file() else ""
    return f"@base <{sources.names.base}> .\n{text}"


def write_pages(folder: Path, quads: list[Quad], articles: tuple[ArticleEntry, ...], names: Names) -> None:
    """Write the paths of all pages, for sitemaps: files of at most ``PAGES_AT_ONCE`` lines.

    Parameters
    ----------
    folder: made here; the files in it are named by their order.
    """
    space = names.thing("").value
    things = sorted({named(q.subject).value for q in quads if named(q.subject).value.startswith(space)})
    paths = ["", "ontology", "entities", *(article.iri.removeprefix(names.base) for article in articles)]
    paths += [f"page/{quote(thing.removeprefix(space))}" for thing in things]
    folder.mkdir()
    for number, start in enumerate(range(0, len(paths), PAGES_AT_ONCE), start=1):
        lines = "".join(f"{path}\n" for path in paths[start : start + PAGES_AT_ONCE])
        (folder / f"{number:06d}.txt").write_text(lines, encoding="utf-8")


def write_site(folder: Path, sources: Sources, manifest: Manifest, quads: list[Quad]) -> None:
    """Write the files into the folder of a release."""
    described = describe_dataset(manifest, quads, sources.names)
    prefixes = {**sources.names.prefixes, **PREFIXES}
    (folder / "void.ttl").write_bytes(serialize_statements(described, TURTLE, prefixes, {}))
    (folder / "context.jsonld").write_text(render_context(sources), encoding="utf-8")
    write_pages(folder / "pages", quads, manifest.articles, sources.names)
    (folder / "shapes.ttl").write_text(render_shapes(sources), encoding="utf-8")

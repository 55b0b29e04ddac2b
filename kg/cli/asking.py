"""`kg query` and `kg dump`: what the current release answers and holds."""

from __future__ import annotations

import gzip
import shutil
import sys
from pathlib import Path

import click

from kg.cli.group import ReadSettings, cli, open_current
from kg.cli.output import copy_chunks, open_output, show_csv
from kg.errors import KgError
from kg.formats import CSV, GRAPH_FORMATS, N_QUADS, RESULT_FORMATS, TRIG, TURTLE, find_format
from kg.release.layout import WHOLE
from kg.settings import Settings, check_service_prefixes
from kg.store.base import Limits, Query
from kg.store.embedded.pool import PoolSize
from kg.store.embedded.store import EmbeddedStore

DUMP_FORMATS = (N_QUADS, TRIG, *GRAPH_FORMATS)
"""What ``kg dump`` writes; the formats of quads keep the named graphs, the others hold their union."""


@cli.command()
@click.argument("text", metavar="QUERY")
@click.option(
    "--format", "name", help="json, xml, csv, tsv; turtle, ntriples, jsonld, rdfxml [default: a table]."
)
@click.option("--timeout", "timeout_s", type=click.FloatRange(0.01), help="Deadline in seconds.")
@click.pass_obj
def query(read: ReadSettings, text: str, name: str | None, timeout_s: float | None) -> None:
    """Answer a SPARQL query from the current release.

    QUERY is the text of the query, the name of a file that ends in .rq, or - for standard input. In a
    file, {base} stands for the base IRI of the release.
    """
    settings = read(query_timeout_s=timeout_s)
    release = open_current(settings)
    request = _make_query(_read_query(text, release.manifest.base_iri), name, settings)
    size = PoolSize(workers=1, worker_bytes=settings.max_worker_bytes)
    store = EmbeddedStore(release.store_path, size, check_service_prefixes(settings.service_prefixes))
    try:
        answer = store.query(request)
        if name is None and answer.format == CSV and sys.stdout.isatty():
            show_csv(b"".join(answer).decode())
        else:
            copy_chunks(answer, sys.stdout.buffer)
    finally:
        store.close()


@cli.command()
@click.option(
    "--format", "name", default="nquads", show_default=True, help="turtle, ntriples, nquads, trig …"
)
@click.option("--output", type=click.Path(path_type=Path), help="File to write [default: standard output].")
@click.pass_obj
def dump(read: ReadSettings, name: str, output: Path | None) -> None:
    """Write the current release as one file of RDF.

    N-Quads and TriG keep the named graphs; the other formats hold their union. A name that ends in .gz is
    gzipped. The file is there whole or not at all.
    """
    settings = read()
    fmt = find_format(name, DUMP_FORMATS)
    if fmt is None:
        known = ", ".join(f.name for f in DUMP_FORMATS)
        raise click.BadParameter(f"{name!r} is none of {known}.", param_hint="--format")
    release = open_current(settings)
    with (
        gzip.open(release.dumps_path / f"{WHOLE}.{fmt.extension}.gz") as packed,
        open_output(output) as out,
    ):
        shutil.copyfileobj(packed, out)


def _read_query(text: str, base_iri: str) -> str:
    try:
        if text == "-":
            return sys.stdin.buffer.read().decode()
        if text.endswith(".rq"):
            return Path(text).read_text(encoding="utf-8").replace("{base}", base_iri)
    except UnicodeDecodeError as error:
        raise KgError(f"{text}: is not UTF-8: {error}.") from error
    return text


def _make_query(text: str, name: str | None, settings: Settings) -> Query:
    # A table is drawn from CSV, which every SELECT and ASK has.
    result = (CSV,) if name is None else tuple(f for f in [find_format(name, RESULT_FORMATS)] if f)
    graph = (TURTLE,) if name is None else tuple(f for f in [find_format(name, GRAPH_FORMATS)] if f)
    if not result and not graph:
        known = ", ".join(f.name for f in (*RESULT_FORMATS, *GRAPH_FORMATS))
        raise click.BadParameter(f"{name!r} is none of {known}.", param_hint="--format")
    limits = Limits(deadline_s=settings.query_timeout_s, max_result_bytes=settings.max_result_bytes)
    return Query(text, result_formats=result, graph_formats=graph, limits=limits)

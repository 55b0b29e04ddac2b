"""The command line: ``kg check | build | serve | query | dump``.

All errors of ``kg.errors`` end here as one message and exit code 1; a wrong option is exit code 2.
"""

from __future__ import annotations

import gzip
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import click
from pyoxigraph import RdfFormat, parse, serialize
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from kg import __version__
from kg.check.findings import Report, check_sources
from kg.errors import CheckFailed, KgError, ReleaseError
from kg.formats import CSV, GRAPH_FORMATS, N_QUADS, RESULT_FORMATS, TRIG, TURTLE, find_format, to_rdf_format
from kg.model import Finding
from kg.release.build import build_release
from kg.release.dumps import WHOLE, merge_triples
from kg.release.layout import Release, open_release, read_current_id
from kg.settings import Settings, read_settings, to_environment
from kg.sources import Sources, find_root, read_sources
from kg.store.base import Limits, Query
from kg.store.embedded import EmbeddedStore
from kg.vocab import Names

STEPS = 9
"""Steps that checking and building report, besides one for each file that is read."""

DUMP_FORMATS = (N_QUADS, TRIG, *GRAPH_FORMATS)
"""What ``kg dump`` writes; the formats of quads keep the named graphs, the others hold their union."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone, as in `kg dump | head`; what Python flushes last must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except KgError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(f"error: {error.filename or 'output'}: {error.strerror or error}.", err=True)
        sys.exit(1)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--settings", "file", type=click.Path(path_type=Path), help="Settings file [default: kg.toml].")
@click.option("--sources", help="Folder with ontology/ and data/ [default: here].")
@click.option("--var", help="Folder for releases [default: var].")
@click.option("--base-iri", help="IRI under which names are minted [default: the server's address].")
@click.version_option(__version__, prog_name="kg")
@click.pass_context
def cli(context: click.Context, /, file: Path | None, **options: Any) -> None:
    """Publish the facts of articles as linked data, each with the sentence it comes from.

    A newcomer starts with `kg serve`: it checks the sources, builds a release and serves it.
    """
    context.obj = lambda **more: read_settings(file, **options, **more)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Write the findings and the coverage as JSON.")
@click.pass_obj
def check(read: Callable[..., Settings], as_json: bool) -> None:
    """Check the sources: evidence, terms, shapes.

    Lists all findings at once, each with file, line and remedy, and how much of each article rests under
    facts. The exit code is 1 if there is any finding.
    """
    _, report = _check(read(), quiet=as_json)
    if as_json:
        click.echo(json.dumps(_report_as_json(report), indent=2, ensure_ascii=False))
    else:
        _show_findings(report.findings)
        _show_coverage(report)
    if report.findings:
        sys.exit(1)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Write the release, or the findings, as JSON.")
@click.pass_obj
def build(read: Callable[..., Settings], as_json: bool) -> None:
    """Check the sources and build a release of them.

    The release becomes the current one, and a running server follows. The same sources give the same
    release. Where there are findings nothing is built, and the exit code is 1.
    """
    release, report = _build(read(), quiet=as_json)
    if as_json:
        content = _report_as_json(report) | (
            {"release": release.id, "path": str(release.path)} if release else {}
        )
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    elif release:
        facts, evidence = release.manifest.figures["facts"], release.manifest.figures["evidence"]
        click.echo(f"release {release.id}: {facts} facts, {evidence} evidence records, in {release.path}")
    if not release:
        sys.exit(1)


@cli.command()
@click.option("--host", help="Address to listen at [default: 127.0.0.1].")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen at [default: 8000].")
@click.option("--no-build", is_flag=True, help="Serve the current release as it is; needs no sources.")
@click.pass_obj
def serve(read: Callable[..., Settings], host: str | None, port: int | None, no_build: bool) -> None:
    """Check the sources, build a release if they changed, and serve it.

    Runs until Ctrl-C or SIGTERM, and then finishes what is under way.
    """
    settings = read(host=host, port=port)
    check_port(settings.host, settings.port)
    if no_build:
        release = open_current(settings)
    else:
        built, _ = _build(settings)
        if built is None:
            sys.exit(1)
        release = built
    click.echo(f"release {release.id} at http://{_authority(settings)}/ (Ctrl-C ends it)")
    run_server(settings)


@cli.command()
@click.argument("text", metavar="QUERY")
@click.option(
    "--format", "name", help="json, xml, csv, tsv; turtle, ntriples, jsonld, rdfxml [default: a table]."
)
@click.option("--timeout", "timeout_s", type=click.FloatRange(0.01), help="Deadline in seconds.")
@click.pass_obj
def query(read: Callable[..., Settings], text: str, name: str | None, timeout_s: float | None) -> None:
    """Answer a SPARQL query from the current release.

    QUERY is the text of the query, the name of a file that ends in .rq, or - for standard input. In a
    file, {base} stands for the base IRI of the release.
    """
    settings = read(query_timeout_s=timeout_s)
    release = open_current(settings)
    request = _make_query(_read_query(text, release.manifest.base_iri), name, settings)
    store = EmbeddedStore(
        release.store_path,
        workers=1,
        max_worker_bytes=settings.max_worker_bytes,
        queue_s=settings.query_timeout_s,
    )
    try:
        answer = store.query(request)
        if name is None and answer.format == CSV and sys.stdout.isatty():
            _show_csv(b"".join(answer).decode())
        else:
            _copy(answer, sys.stdout.buffer)
    finally:
        store.close()


@cli.command()
@click.option(
    "--format", "name", default="nquads", show_default=True, help="turtle, ntriples, nquads, trig …"
)
@click.option("--output", type=click.Path(path_type=Path), help="File to write [default: standard output].")
@click.pass_obj
def dump(read: Callable[..., Settings], name: str, output: Path | None) -> None:
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
    with gzip.open(release.dumps_path / f"{WHOLE}.nq.gz") as file:
        quads = parse(cast(IO[bytes], file), format=RdfFormat.N_QUADS)
        statements = quads if fmt in (N_QUADS, TRIG) else iter(merge_triples(quads))
        prefixes = Names(release.manifest.base_iri).prefixes if fmt in (TURTLE, TRIG) else None
        with _open_output(output) as out:
            serialize(statements, out, format=to_rdf_format(fmt), prefixes=prefixes)


# --- running -----------------------------------------------------------------------------------------


def open_current(settings: Settings) -> Release:
    """Open the current release.

    Raises
    ------
    NoRelease: nothing has been built yet.
    """
    var = Path(settings.var)
    return open_release(var, read_current_id(var))


def check_port(host: str, port: int) -> None:
    """Raise ``KgError`` if nothing can listen there, so that it is known before a build."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise KgError(
                f"cannot listen at {host}:{port}: {reason}.", "Choose another with --port."
            ) from error


def run_server(settings: Settings) -> None:
    """Serve until a signal ends it. Server processes get the settings through their environment."""
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    os.environ.update(to_environment(settings))
    Server(
        "webapp.wsgi:application",  # a string, since kg never imports webapp
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.processes,
        blocking_threads=settings.threads,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
        websockets=False,
        log_level=LogLevels.error,  # its warning on threads is about CPU-bound views; ours wait for workers
        log_access=True,
        process_name="kg",
    ).serve()


def _authority(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return host if settings.port == 80 else f"{host}:{settings.port}"


def _check(settings: Settings, quiet: bool) -> tuple[Sources, Report]:
    with _progress("Checking", quiet) as on_step:
        return _read_and_check(settings, on_step)


def _read_and_check(settings: Settings, on_step: Callable[[str], None]) -> tuple[Sources, Report]:
    root = find_root(settings.sources)
    sources = read_sources(root, settings.effective_base_iri, lambda path: on_step(f"reading {path}"))
    return sources, check_sources(sources, lambda step: on_step(f"checking {step}"))


def _build(settings: Settings, quiet: bool = False) -> tuple[Release | None, Report]:
    """Return the release, or None where the sources have findings, which are then shown."""
    with _progress("Building", quiet) as on_step:
        sources, report = _read_and_check(settings, on_step)
        try:
            release = build_release(
                sources, report, Path(settings.var), lambda step: on_step(f"writing {step}")
            )
            return release, report
        except CheckFailed:
            pass
    if not quiet:
        _show_findings(report.findings)
    return None, report


# --- input -------------------------------------------------------------------------------------------


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


# --- output ------------------------------------------------------------------------------------------


@contextmanager
def _progress(title: str, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Yield a function that tells a step: a bar on a terminal, a plain line elsewhere, both on stderr."""
    console = Console(stderr=True)
    if quiet:
        yield lambda step: None
    elif not console.is_terminal:
        yield lambda step: click.echo(f"{title}: {step}", err=True)
    else:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(title, total=STEPS)
            yield lambda step: progress.update(task, description=f"{title}: {step}", **_advance(step))


def _advance(step: str) -> dict[str, Any]:
    return {} if step.startswith("reading") else {"advance": 1}


def _show_findings(findings: tuple[Finding, ...]) -> None:
    for finding in findings:
        click.echo(f"{finding.place}: {finding.code}: {finding.message}\n    {finding.remedy}")
    if findings:
        click.echo(f"{len(findings)} {'finding' if len(findings) == 1 else 'findings'}.", err=True)


def _show_coverage(report: Report) -> None:
    table = Table("article", "sentences", "with facts", "facts", "sentences without facts")
    for covered in report.coverage:
        bare = ", ".join(map(str, covered.without_facts)) or "none"
        table.add_row(
            covered.slug,
            str(covered.sentences),
            str(covered.sentences - len(covered.without_facts)),
            str(covered.facts),
            bare,
        )
    _print(table)


def _print(table: Table) -> None:
    # Where there is no terminal there is no width either; rich would fold at 80 columns.
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _report_as_json(report: Report) -> dict[str, Any]:
    return {
        "findings": [
            {
                "code": finding.code,
                "file": str(finding.place.path),
                "line": finding.place.line,
                "message": finding.message,
                "remedy": finding.remedy,
            }
            for finding in report.findings
        ],
        "coverage": [
            {
                "article": covered.slug,
                "sentences": covered.sentences,
                "facts": covered.facts,
                "sentences_without_facts": list(covered.without_facts),
            }
            for covered in report.coverage
        ],
    }


def _show_csv(text: str) -> None:
    import csv

    rows = list(csv.reader(text.splitlines()))
    table = Table(*(rows[0] if rows else ()))
    for row in rows[1:]:
        table.add_row(*(Text(cell) for cell in row))
    _print(table)


def _copy(chunks: Any, out: BinaryIO) -> None:
    for chunk in chunks:
        out.write(chunk)
    out.flush()


@contextmanager
def _open_output(output: Path | None) -> Iterator[BinaryIO]:
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = output.with_name(output.name + ".part")
    try:
        with part.open("wb") as file:
            if output.suffix == ".gz":
                with gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
                    yield packed  # type: ignore[misc]
            else:
                yield file
        part.replace(output)
    except OSError as error:
        raise ReleaseError(f"{output}: cannot be written: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)

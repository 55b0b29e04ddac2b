"""How commands write: steps, findings and tables for people, JSON for programs, files that are whole."""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from kg.check.findings import Report
from kg.errors import ReleaseError
from kg.model import Finding

STEPS = 9
"""Steps that checking and building report, besides one for each file that is read."""


@contextmanager
def show_progress(title: str, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Yield a function that tells a step: a bar on a terminal, a plain line elsewhere, both on stderr.

    Elsewhere the files that are read are passed over, and how far a step is.
    """
    console = Console(stderr=True)
    if quiet:
        yield lambda step: None
    elif not console.is_terminal:
        yield lambda step: None if _is_part(step) else click.echo(f"{title}: {step}", err=True)
    else:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(title, total=STEPS)
            yield lambda step: progress.update(task, description=f"{title}: {step}", **_advance(step))


def _advance(step: str) -> dict[str, Any]:
    return {} if _is_part(step) else {"advance": 1}


def _is_part(step: str) -> bool:
    return step.startswith("reading") or step.endswith("%")


def show_findings(findings: tuple[Finding, ...]) -> None:
    """List findings, each with its remedy."""
    for finding in findings:
        click.echo(f"{finding.place}: {finding.code}: {finding.message}\n    {finding.remedy}")
    if findings:
        click.echo(f"{len(findings)} {'finding' if len(findings) == 1 else 'findings'}.", err=True)


def show_coverage(report: Report) -> None:
    """Show how much of each article rests under facts."""
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
    show_table(table)


def show_table(table: Table) -> None:
    """Show a table."""
    # Where there is no terminal there is no width either; rich would fold at 80 columns.
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def report_as_json(report: Report) -> dict[str, Any]:
    """Return a report as JSON takes it."""
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


def show_json(content: Any) -> None:
    """Write JSON for programs."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))


def show_csv(text: str) -> None:
    """Show CSV as a table."""
    rows = list(csv.reader(text.splitlines()))
    table = Table(*(rows[0] if rows else ()))
    for row in rows[1:]:
        table.add_row(*(Text(cell) for cell in row))
    show_table(table)


def copy_chunks(chunks: Iterable[bytes], out: BinaryIO) -> None:
    """Write all chunks."""
    for chunk in chunks:
        out.write(chunk)
    out.flush()


@contextmanager
def open_output(output: Path | None) -> Iterator[BinaryIO]:
    """Open a file that appears whole or not at all, gzipped if its name says so; None is standard output."""
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

"""`kg check` and `kg build`."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from kg.check.findings import Report, check_sources
from kg.cli.group import ReadSettings, cli
from kg.cli.output import report_as_json, show_coverage, show_findings, show_json, show_progress
from kg.errors import CheckFailed
from kg.release.files import sign_list
from kg.release.layout import VERDICTS, Release
from kg.release.making.build import build_release
from kg.release.making.unchanged import read_state, remember_build
from kg.release.signatures import read_secret_key, sign_release
from kg.settings import Settings
from kg.sources import Sources, find_root, read_sources


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Write the findings and the coverage as JSON.")
@click.pass_obj
def check(read: ReadSettings, as_json: bool) -> None:
    """Check the sources: evidence, terms, shapes.

    Lists all findings at once, each with file, line and remedy, and how much of each article rests under
    facts. The exit code is 1 if there is any finding.
    """
    _, report = check_sources_at(read(), quiet=as_json)
    if as_json:
        show_json(report_as_json(report))
    else:
        show_findings(report.findings)
        show_coverage(report)
    if report.findings:
        sys.exit(1)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Write the release, or the findings, as JSON.")
@click.pass_obj
def build(read: ReadSettings, as_json: bool) -> None:
    """Check the sources and build a release of them.

    The release becomes the current one, and a running server follows. The same sources give the same
    release. Where there are findings nothing is built, and the exit code is 1.
    """
    release, report = build_sources(read(), quiet=as_json)
    if as_json:
        content = report_as_json(report) | (
            {"release": release.id, "path": str(release.path)} if release else {}
        )
        show_json(content)
    elif release:
        facts, evidence = release.manifest.figures["facts"], release.manifest.figures["evidence"]
        click.echo(f"release {release.id}: {facts} facts, {evidence} evidence records, in {release.path}")
    if not release:
        sys.exit(1)


def check_sources_at(settings: Settings, quiet: bool) -> tuple[Sources, Report]:
    """Read and check the sources that the settings name, and tell each step."""
    with show_progress("Checking", quiet) as on_step:
        return read_and_check(settings, on_step)


def read_and_check(settings: Settings, on_step: Callable[[str], None]) -> tuple[Sources, Report]:
    """Read and check the sources that the settings name.

    Parameters
    ----------
    on_step: is told each step and how far it is.
    """
    root = find_root(settings.sources)
    with _without_collector():
        sources = read_sources(root, settings.effective_base_iri, lambda path: on_step(f"reading {path}"))
        verdicts = Path(settings.var) / VERDICTS
        return sources, check_sources(sources, lambda step: on_step(f"checking {step}"), verdicts)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Let Python look for no cycles: what is read has none, and looking takes a quarter of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def build_sources(settings: Settings, quiet: bool = False) -> tuple[Release | None, Report]:
    """Return the release, or None where the sources have findings, which are then shown."""
    root, base_iri, key = find_root(settings.sources), settings.effective_base_iri, settings.signing_key
    state = read_state(root, base_iri, key)
    with show_progress("Building", quiet) as on_step:
        sources, report = read_and_check(settings, on_step)
        try:
            release = build_release(
                sources, report, Path(settings.var), lambda step: on_step(f"writing {step}")
            )
            if settings.signing_key:
                secret = read_secret_key(Path(settings.signing_key))
                sign_release(release.dumps_path, secret)
                sign_list(release, secret)
            remember_build(Path(settings.var), state, release.id)
            return release, report
        except CheckFailed:
            pass
    if not quiet:
        show_findings(report.findings)
    return None, report

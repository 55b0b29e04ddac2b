"""`kg releases`, `kg rollback` and `kg gc`: the releases there are, going back to one, removing old ones."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click
from rich.filesize import decimal
from rich.table import Table

from kg.cli.group import ReadSettings, cli
from kg.cli.output import show_json, show_table
from kg.release.catalogue import (
    ReleaseEntry,
    Verdict,
    entry_as_json,
    list_releases,
    remove_old,
    roll_back,
)
from kg.release.history import format_time


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Write the list as JSON.")
@click.pass_obj
def releases(read: ReadSettings, as_json: bool) -> None:
    """List the releases, in the order in which they were first published.

    Shows when each was built and first published, its size, its quads, and which is the current one.
    """
    entries = list_releases(Path(read().var))
    if as_json:
        show_json([entry_as_json(entry) for entry in entries])
    elif entries:
        show_table(_tabulate(entries))
    else:
        click.echo("There is no release yet: run `kg build`.", err=True)


@cli.command()
@click.argument("release_id", metavar="[ID]", default="")
@click.option("--json", "as_json", is_flag=True, help="Write the release that is current now as JSON.")
@click.pass_obj
def rollback(read: ReadSettings, release_id: str, as_json: bool) -> None:
    """Make an earlier release current again.

    ID is any release of `kg releases`, also a later one; without it, the one that was published before the
    current one. A running server follows at once, and no request fails.
    """
    entry = roll_back(Path(read().var), release_id)
    if as_json:
        show_json(entry_as_json(entry))
    else:
        click.echo(f"release {entry.id} of {format_time(entry.published)} is current")


@cli.command()
@click.option(
    "--keep", type=click.IntRange(0), default=5, show_default=True, help="Latest releases that stay."
)
@click.option(
    "--younger-than", "days", type=click.FloatRange(0), default=0, metavar="DAYS",
    help="Releases published less than so many days ago stay too.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Tell what would be removed, and remove nothing.")
@click.option("--json", "as_json", is_flag=True, help="Write what was kept and removed as JSON.")
@click.pass_obj
def gc(read: ReadSettings, keep: int, days: float, dry_run: bool, as_json: bool) -> None:
    """Remove old releases.

    The current release always stays, and so does one that a running server has open. What was removed can
    be built anew from its sources, with the same id; but a citation of it resolves only while it is here.
    """
    verdicts = remove_old(Path(read().var), keep, timedelta(days=days), dry_run=dry_run)
    freed = sum(verdict.entry.size_bytes for verdict in verdicts if verdict.removed)
    if as_json:
        show_json({"dry_run": dry_run, "freed_bytes": freed, "releases": [*map(_as_json, verdicts)]})
        return
    for verdict in verdicts:
        what = (
            ("would be removed" if dry_run else "removed") if verdict.removed else f"kept: {verdict.reason}"
        )
        click.echo(f"{verdict.entry.id}  {decimal(verdict.entry.size_bytes):>9}  {what}")
    click.echo(f"{decimal(freed)} {'would be' if dry_run else 'were'} freed.")


def _as_json(verdict: Verdict) -> dict[str, object]:
    return entry_as_json(verdict.entry) | {"removed": verdict.removed, "reason": verdict.reason}


def _tabulate(entries: tuple[ReleaseEntry, ...]) -> Table:
    table = Table("release", "built", "first published", "size", "quads", "")
    for entry in entries:
        note = (
            "current" if entry.current else "" if entry.readable else f"layout {entry.layout}, not readable"
        )
        built, published = format_time(entry.created), format_time(entry.published)
        table.add_row(entry.id, built, published, decimal(entry.size_bytes), f"{entry.quads:,}", note)
    return table

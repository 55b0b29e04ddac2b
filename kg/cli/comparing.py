"""`kg diff`: what changed from one release to another."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from kg.cli.group import ReadSettings, cli
from kg.cli.output import copy_chunks, show_json
from kg.errors import ReleaseError
from kg.release.catalogue import find_previous, list_releases
from kg.release.changes import Changes, make_patch, select_quads, tell_changes
from kg.release.layout import open_release, read_current_id

FORMATS = ("text", "json", "added", "removed", "patch")


@cli.command()
@click.argument("before", metavar="[A", default="")
@click.argument("after", metavar="B]", default="")
@click.option("--format", "name", type=click.Choice(FORMATS), default="text", show_default=True)
@click.pass_obj
def diff(read: ReadSettings, before: str, after: str, name: str) -> None:
    """Tell what changed from release A to release B.

    Without B it is the current release, without A the one that was published before B. The format "text"
    tells the changes in words, "json" for programs; "added" and "removed" are the quads as N-Quads, "patch"
    is an RDF Patch that turns A into B.
    """
    var = Path(read().var)
    later = after or read_current_id(var)
    previous = find_previous(list_releases(var), later)
    earlier = before or (previous.id if previous else "")
    if not earlier:
        raise ReleaseError(
            f"no release in {var} was published before {later}.", "Name the one to compare with."
        )
    pair = open_release(var, earlier), open_release(var, later)
    if name == "text":
        _show(tell_changes(*pair))
    elif name == "json":
        show_json(asdict(tell_changes(*pair)))
    elif name == "patch":
        copy_chunks(make_patch(*pair), sys.stdout.buffer)
    else:
        copy_chunks(select_quads(*pair, added=name == "added"), sys.stdout.buffer)


def _show(changes: Changes) -> None:
    counts = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in changes.figures.items())
    click.echo(f"{changes.before} → {changes.after}: {counts}.")
    for fact in changes.facts:
        click.echo(f"  {fact.text}")
    if changes.more:
        click.echo(f"  … and {changes.more} facts more: --format patch has them all.")

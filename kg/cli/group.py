"""The group of all commands, with the options that stand before the command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kg import __version__
from kg.release.layout import Release, open_release, read_current_id
from kg.settings import Settings, read_settings

ReadSettings = Callable[..., Settings]
"""What each command is given: reads the settings, with the values of its own options on top."""


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


def open_current(settings: Settings) -> Release:
    """Open the current release.

    Raises
    ------
    NoRelease: nothing has been built yet.
    """
    var = Path(settings.var)
    return open_release(var, read_current_id(var))

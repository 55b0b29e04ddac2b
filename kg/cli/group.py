"""The group of all commands, with the options that stand before the command."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from kg import __version__
from kg.release.layout import Release, open_release, read_current_id
from kg.settings import Settings, read_settings

ReadSettings = Callable[..., Settings]
"""What each command is given: reads the settings, with the values of its own options on top."""


COMMANDS = {
    "bench": "measuring",
    "build": "building",
    "check": "building",
    "diff": "comparing",
    "dump": "asking",
    "fetch": "fetching",
    "gc": "releases",
    "keygen": "signing",
    "publish": "publishing",
    "query": "asking",
    "releases": "releases",
    "rollback": "releases",
    "serve": "serving",
    "verify": "signing",
}
"""Command → its module. A server must not carry what checks sources, which is most of what there is."""


class LazyGroup(click.Group):
    """Imports the module of a command when that is asked for, and all of them for a list."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None if there is none of that name."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            import_module(f"kg.cli.{COMMANDS[cmd_name]}")
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        for name in COMMANDS:
            self.get_command(ctx, name)
        return super().list_commands(ctx)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
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

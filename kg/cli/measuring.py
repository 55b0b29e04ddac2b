"""`kg bench`: the benchmarks, where there is a checkout."""

from __future__ import annotations

import click

from kg.cli.group import cli
from kg.errors import KgError


@cli.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", metavar="[KIND]... [OPTIONS]", nargs=-1, type=click.UNPROCESSED)
def bench(arguments: tuple[str, ...]) -> None:
    """Ask this service and other engines the same, in turn, and compare.

    KIND is mix, cold or hot, as in `kg bench mix cold hot --triples 1000000`; `kg bench --help` lists the
    options. The benchmarks are part of a checkout, where `make bench` also installs what they need.
    """
    try:
        from bench.run import main
    except ModuleNotFoundError as error:
        raise KgError(
            f"the benchmarks cannot be run here: there is no module {error.name}.",
            "Run `make bench` in a checkout.",
        ) from error
    main(arguments)

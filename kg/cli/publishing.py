"""`kg publish`: the current release goes to where it is served from."""

from __future__ import annotations

from typing import Any

import click

from kg.cli.group import ReadSettings, cli, open_current
from kg.cli.output import show_progress
from kg.errors import SettingsError
from kg.release.engine import publish_to_engine


@cli.command()
@click.option("--store", help="Query address of the SPARQL engine to bring the release to.")
@click.option("--profile", "store_profile", help="What kind of engine it is [default: generic].")
@click.pass_obj
def publish(read: ReadSettings, /, **options: Any) -> None:
    """Bring the current release to a SPARQL engine.

    Graph by graph, each read back and compared by count and hash; a run that broke off is taken up where
    it was. While graphs are loaded, servers in front of the engine answer queries with 503. User, password
    or token come from the environment: KG_STORE_USER, KG_STORE_PASSWORD, KG_STORE_TOKEN.
    """
    settings = read(**options)
    if not settings.store:
        raise SettingsError("nothing says where to publish to.", "Name an engine with --store.")
    release = open_current(settings)
    with show_progress("Publishing", quiet=False) as on_step:
        reports = list(publish_to_engine(release, settings, on_step))
    loaded = sum(report.loaded for report in reports)
    triples = sum(report.triples for report in reports)
    click.echo(
        f"release {release.id}: {len(reports)} graphs with {triples} triples, {loaded} of them loaded anew"
    )

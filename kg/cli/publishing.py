"""`kg publish`: the current release goes to where it is served from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kg.cli.fetching import tell
from kg.cli.group import ReadSettings, cli, open_current
from kg.cli.output import show_progress
from kg.errors import SettingsError
from kg.release.delivery.engine import publish_to_engine
from kg.release.delivery.followers import publish_to_followers
from kg.release.delivery.places import Bucket, Directory, find_place
from kg.release.delivery.transfer import Transfer, publish_to_bucket, publish_to_directory
from kg.settings import Settings


@cli.command()
@click.argument("address", metavar="[URL|PATH]", default="")
@click.option("--no-switch", is_flag=True, help="Only bring it there; what is current there stays so.")
@click.option("--store", help="Query address of the SPARQL engine to bring the release to.")
@click.option("--profile", "store_profile", help="What kind of engine it is [default: generic].")
@click.option("--topic", "store_topic", help="Topic of Apache Kafka that the engines follow.")
@click.pass_obj
def publish(read: ReadSettings, /, address: str, no_switch: bool, **options: Any) -> None:
    """Bring the current release to a folder, a bucket or a SPARQL engine.

    To a folder of releases that `kg serve --var` serves, or to a bucket such as s3://bucket/folder: `kg
    fetch` takes it from either. There it is seen when it is whole, and not before. A bucket's keys and
    address come from the environment, as its client has them: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
    AWS_ENDPOINT_URL.

    With --store to an engine, graph by graph, each read back and compared by count and hash; a run that
    broke off is taken up where it was. While graphs are loaded, servers in front of the engine answer
    queries with 503. User, password or token come from the environment: KG_STORE_USER, KG_STORE_PASSWORD,
    KG_STORE_TOKEN.

    With --topic as well (kafka://host:9092/topic) nothing is written to the engines: what differs goes to
    the topic that all of them follow, and each is asked until it holds the release.
    """
    settings = read(**options)
    if address and options["store"]:
        raise SettingsError(f"both {address} and --store say where to publish to.", "Name one of them.")
    if address:
        click.echo(tell(_publish_files(settings, address, switch=not no_switch)))
    elif options["store_topic"] and not settings.store:
        raise SettingsError(
            "--topic says where to write to, and no engine is named.", "Name them by --store."
        )
    elif settings.store:
        click.echo(_load(settings))
    else:
        raise SettingsError(
            "nothing says where to publish to.", "Name a folder, a bucket, or an engine with --store."
        )


def _publish_files(settings: Settings, address: str, *, switch: bool) -> Transfer:
    place = find_place(address)
    release = open_current(settings)
    with show_progress("Publishing", quiet=False) as on_step:
        if isinstance(place, Directory):
            var = Path(settings.var)
            return publish_to_directory(release, var, place.root, switch=switch, on_step=on_step)
        if isinstance(place, Bucket):
            return publish_to_bucket(release, place, switch=switch, on_step=on_step)
    raise SettingsError(
        f"{place} is a web server, which cannot be written to.",
        "Run `kg fetch` there, or name a folder or a bucket.",
    )


def _load(settings: Settings) -> str:
    release = open_current(settings)
    with show_progress("Publishing", quiet=False) as on_step:
        publish_there = publish_to_followers if settings.store_topic else publish_to_engine
        reports = list(publish_there(release, settings, on_step))
    loaded = sum(report.loaded for report in reports)
    triples = sum(report.triples for report in reports)
    return f"release {release.id}: {len(reports)} graphs with {triples} triples, {loaded} of them loaded anew"

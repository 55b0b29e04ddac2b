"""`kg fetch`: a release comes from where it was built to where it is served."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
from rich.filesize import decimal

from kg.cli.group import ReadSettings, cli
from kg.cli.output import show_json, show_progress
from kg.release.delivery.places import find_place
from kg.release.delivery.transfer import Demand, Transfer, fetch_release
from kg.release.signatures import read_public_key


@cli.command()
@click.argument("address", metavar="URL|PATH")
@click.option(
    "--release", "release_id", default="", help="Id of the release [default: the current one there]."
)
@click.option("--key", "public_key", help="Public key that the release must be signed with.")
@click.option("--no-switch", is_flag=True, help="Only bring it; `kg rollback ID` makes it the current one.")
@click.option("--older", is_flag=True, help="Take what is current there also if it is older than here.")
@click.option("--json", "as_json", is_flag=True, help="Write what was fetched as JSON.")
@click.pass_obj
def fetch(
    read: ReadSettings,
    address: str,
    release_id: str,
    public_key: str | None,
    no_switch: bool,
    older: bool,
    as_json: bool,
) -> None:
    """Bring a release from elsewhere and make it the current one.

    From a folder of releases, a web server over such a folder, another Article KG that gives out releases
    (replication_token), or a bucket that `kg publish` wrote, such as s3://bucket/folder. Every file is
    compared with the checksums of the release, and these with their signature if a public key is named.
    Until all is here and right, nobody sees any of it; a fetch that broke off goes on where it was. A
    running server follows at once.

    A release that was made before the current one is not switched to, since old signatures stay good; for
    one that was put back on purpose there is --older, or its name by --release.
    """
    settings = read(public_key=public_key)
    demand = Demand(
        release_id,
        read_public_key(Path(settings.public_key)) if settings.public_key else None,
        settings.max_fetch_bytes,
        older,
    )
    place = find_place(address, settings.replication_token)
    with show_progress("Fetching", quiet=as_json) as on_step:
        done = fetch_release(place, Path(settings.var), demand, switch=not no_switch, on_step=on_step)
    if as_json:
        show_json(asdict(done))
    else:
        click.echo(tell(done))


def tell(done: Transfer) -> str:
    """Return what became of a release, as one line."""
    what = f"{done.files} files, {decimal(done.size_bytes)}" if done.moved else "is there already"
    return f"release {done.release}: {what}"

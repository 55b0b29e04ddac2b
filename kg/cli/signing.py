"""`kg keygen` and `kg verify`: signed releases, for those who publish and for those who download."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from kg.cli.group import cli
from kg.cli.output import show_json
from kg.release.delivery.verification import Check, verify
from kg.release.signatures import make_keys, read_public_key


@cli.command()
@click.argument("path", type=click.Path(path_type=Path), default="kg-release.key")
def keygen(path: Path) -> None:
    """Make a pair of keys to sign releases with.

    PATH is the secret key, which only its owner can read; name it in the setting signing_key, and `kg build`
    signs each release. The public key beside it, PATH.pub, is for everybody; minisign reads it too.
    """
    public = make_keys(path)
    click.echo(f"secret key: {path} (keep it to yourself)\npublic key: {public}")


@cli.command(name="verify")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--key", type=click.Path(path_type=Path), help="Public key that the release must be signed with."
)
@click.option("--json", "as_json", is_flag=True, help="Write the outcome for each file as JSON.")
def verify_folder(folder: Path, key: Path | None, as_json: bool) -> None:
    """Check dumps that were downloaded into FOLDER, with their SHA256SUMS.

    Tells for each file whether it is as published; with release.json also the canonical hash of the N-Quads,
    with --key the signature. Files that were not downloaded are passed over. The exit code is 1 if anything
    is wrong, or nothing was there to check.
    """
    checks = verify(folder, read_public_key(key) if key else None)
    if as_json:
        show_json([asdict(check) for check in checks])
    else:
        _show(checks, signed=key is not None)
    if any(check.fault for check in checks) or not any(check.present for check in checks):
        sys.exit(1)


def _show(checks: tuple[Check, ...], *, signed: bool) -> None:
    for check in checks:
        if check.present:
            click.echo(f"WRONG  {check.name}: {check.fault}" if check.fault else f"ok     {check.name}")
    absent = sum(not check.present for check in checks)
    if absent:
        click.echo(f"{absent} files of the release are not here.", err=True)
    if not signed:
        click.echo("The signature was not checked: name a public key with --key.", err=True)

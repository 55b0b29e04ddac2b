"""`kg serve`."""

from __future__ import annotations

import gc
import os
import resource
import signal
import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from kg.cli.group import ReadSettings, cli, open_current
from kg.errors import KgError
from kg.release.layout import Release
from kg.release.making.unchanged import find_built, read_state
from kg.settings import Settings, to_environment
from kg.sources import find_root

APPLICATION = "webapp.asgi:application"
"""What is served; a string, since kg never imports webapp."""


@cli.command()
@click.option("--host", help="Address to listen at [default: 127.0.0.1].")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen at [default: 8000].")
@click.option(
    "--store", help="Query address of the SPARQL engine that answers [default: the release itself]."
)
@click.option("--profile", "store_profile", help="What kind of engine it is [default: generic].")
@click.option("--no-build", is_flag=True, help="Serve the current release as it is; needs no sources.")
@click.pass_obj
def serve(read: ReadSettings, /, no_build: bool, **options: Any) -> None:
    """Check the sources, build a release if they changed, and serve it.

    With --store, queries go to an engine that `kg publish --store` has brought the release to; pages take
    their facts from it too, and search and dumps come from the release. Several addresses are separated by
    commas and share the queries; in them {release} stands for the id.

    Runs until Ctrl-C or SIGTERM, and then finishes what is under way.
    """
    settings = read(**options)
    check_port(settings.host, settings.port)
    release = open_current(settings) if no_build else find_or_build(settings)
    if settings.store:
        from kg.release.delivery.engine import to_target  # only they need what speaks to engines

        to_target(release, settings)  # what is wrong with it is told now, not in a request
    click.echo(f"release {release.id} at http://{_authority(settings)}/ (Ctrl-C ends it)")
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # what follows has its own ways to end
    run_server(settings)


def find_or_build(settings: Settings) -> Release:
    """Return the release of the sources, built if they changed; ends the program where they have findings.

    A process of its own checks and builds: what it takes for that, some 60 MB, is given back with its end.
    """
    var, root = Path(settings.var), find_root(settings.sources)
    release = find_built(var, read_state(root, settings.effective_base_iri, settings.signing_key))
    if release is not None:
        return release
    command = [sys.executable, "-m", "kg", "build"]
    with subprocess.Popen(command, env=os.environ | to_environment(settings)) as build:  # noqa: S603
        try:
            code = build.wait()
        except BaseException:  # a signal, for one: a build that nobody waits for must not go on
            build.terminate()
            raise
    if code:
        sys.exit(code)
    return open_current(settings)


def check_port(host: str, port: int) -> None:
    """Raise ``KgError`` if nothing can listen there, so that it is known before a build."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise KgError(
                f"cannot listen at {host}:{port}: {reason}.", "Choose another with --port."
            ) from error


def run_server(settings: Settings) -> None:
    """Serve until a signal ends it. Server processes get the settings through their environment."""
    from granian.constants import HTTPModes, Interfaces, Loops
    from granian.http import HTTP1Settings
    from granian.log import LogLevels
    from granian.server import Server

    _allow_many_connections()
    with TemporaryDirectory(prefix="kg-metrics-") as metrics:
        os.environ.update(to_environment(settings), PROMETHEUS_MULTIPROC_DIR=metrics)
        _share(APPLICATION.partition(":")[0])
        Server(
            APPLICATION,
            address=settings.host,
            port=settings.port,
            interface=Interfaces.ASGI,
            loop=Loops.uvloop,
            workers=settings.processes,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=int(settings.client_patience_s * 1000)),
            respawn_failed_workers=True,
            workers_kill_timeout=10,
            websockets=False,
            log_level=LogLevels.error,
            log_access=settings.access_log,
            process_name="kg",
        ).serve()


def _share(module: str) -> None:
    """Import what all server processes need before they are forked, so that they have it once in memory.

    It opens nothing. What is here by then is never looked at again, so its pages stay shared.
    """
    import_module(module)
    gc.collect()
    gc.freeze()


def _allow_many_connections() -> None:
    """Let the server processes hold as many open files as the system grants: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _authority(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return host if settings.port == 80 else f"{host}:{settings.port}"

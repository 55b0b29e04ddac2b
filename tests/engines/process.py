"""Processes that end with the one that started them, and what a running engine is."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_S = 90
"""How long an engine may take to answer its first query; Virtuoso and Fuseki take 5-10 s on two cores."""

QUERY_LIMIT_S = 20
"""The engines' own limit for a query, so that none runs on for ever after its client has gone."""


class Missing(Exception):
    """The engine is not installed; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine. ``profile`` is the name of its profile in ``kg.store.remote.profiles``.

    ``sql_address`` is where Virtuoso's ``isql`` reaches it.
    """

    profile: str
    query_url: str
    update_url: str
    graphs_url: str
    user: str = ""
    password: str = ""
    pid: int = 0
    sql_address: str = ""


def find_program(name: str, package: str) -> str:
    """Return the path of a program; raises ``Missing`` where it is not installed."""
    found = shutil.which(name)
    if not found:
        raise Missing(f"{name} is missing ({package})")
    return found


def find_free_port() -> int:
    """Return a port of loopback that nothing listens at."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def started(command: list[str], folder: Path, probe_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the block ends; yields as soon as ``probe_url`` answers 200."""

    def ask() -> None:
        with urllib.request.urlopen(probe_url, timeout=5):
            return

    with started_when(command, folder, ask) as process:
        yield process


@contextmanager
def started_when(
    command: list[str], folder: Path, probe: Callable[[], object]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the block ends; yields as soon as ``probe`` raises ``OSError`` no more.

    ``setpriv`` has the kernel kill it when this process ends, however that comes about.
    """
    log = folder / "engine.log"
    guard = [find_program("setpriv", "Debian's package util-linux"), "--pdeathsig", "KILL", "--"]
    with log.open("wb") as output:
        process = subprocess.Popen([*guard, *command], cwd=folder, stdout=output, stderr=output)
    try:
        _wait_until_up(process, probe, log)
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_until_up(process: subprocess.Popen[bytes], probe: Callable[[], object], log: Path) -> None:
    until = time.monotonic() + START_S
    while True:
        try:
            probe()
            return
        except OSError:  # of which urllib's errors are some
            ended = process.poll() is not None
            if ended or time.monotonic() > until:
                raise RuntimeError(f"the engine did not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.1)

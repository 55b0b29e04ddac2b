"""A real server over a folder of releases, for what only one shows."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


@contextmanager
def run_server(var: Path, **settings: object) -> Iterator[int]:
    """Serve the current release of a folder and yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    given = {"var": var, "base_iri": "http://h/", "query_workers": 1, **settings}
    environment = {
        **os.environ,
        **{f"KG_{name.upper()}": str(value) for name, value in given.items()},
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--port", str(port)]
    patience_ms = int(float(str(given.get("client_patience_s", 30))) * 1000)
    command += ["--http", "1", "--no-ws", "--http1-header-read-timeout", str(patience_ms)]
    command += ["--loop", "uvloop", "webapp.asgi:application"]
    server = subprocess.Popen(command, env=environment, cwd=var)
    try:
        _wait_until_healthy(port)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=15)


def get(port: int, path: str) -> tuple[int, bytes]:
    """Ask for a path; return status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        with connection.getresponse() as response:
            return response.status, response.read()
    finally:
        connection.close()


def _wait_until_healthy(port: int) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            if get(port, "/healthz")[0] == 200:
                return
        except OSError:
            assert time.monotonic() < until
        time.sleep(0.1)

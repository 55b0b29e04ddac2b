"""A running cluster as the tests see it, and load on it."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest

from kg.check.findings import check_sources
from kg.release.layout import Release
from kg.release.making.build import build_release
from kg.sources import read_sources

ROOT = Path(__file__).parent.parent.parent
COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
QUERY = "/sparql?" + urlencode({"query": COUNT, "format": "csv"})

Answer = tuple[int, dict[str, str], bytes]


def find_nginx() -> str:
    """Return nginx, or skip the test by its name."""
    found = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if not found:
        pytest.skip("nginx is missing (Debian's package nginx)")
    return found


def ask(host: str, port: int, path: str, headers: Mapping[str, str] | None = None, form: str = "") -> Answer:
    """Ask once, by POST if there is a form; what breaks off raises ``OSError`` or ``HTTPException``."""
    connection = http.client.HTTPConnection(host, port, timeout=40)
    given = {"Accept": "text/html, text/csv, */*;q=0.1", **(headers or {})}
    if form:
        given["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        connection.request("POST" if form else "GET", path, body=form or None, headers=given)
        with connection.getresponse() as response:
            return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def wait_until(holds: Callable[[], bool], seconds: float = 90) -> None:
    """Wait until something holds; what is not there yet may raise ``OSError``."""
    until = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except OSError:
            pass
        assert time.monotonic() < until
        time.sleep(0.2)


class Cluster:
    """A cluster that ``cluster.sh`` runs: its port, and the process groups of its replicas."""

    def __init__(self, port: int, var: Path, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.port, self.var = port, var
        for line in process.stdout:
            if said := re.match(r"cluster: replicas (\d+) (\d+) (\d+), nginx", line):
                self.replicas = [int(pid) for pid in said.groups()]
                break
        self.drain = threading.Thread(target=process.stdout.read, daemon=True)
        self.drain.start()

    def get(self, path: str, port: int | None = None) -> Answer:
        return ask("127.0.0.1", port or self.port, path)

    def publish(self, sources: Path) -> Release:
        read = read_sources(sources, f"http://127.0.0.1:{self.port}/")
        return build_release(read, check_sources(read), self.var)

    def wait_for_replicas(self) -> None:
        for number in (1, 2, 3):
            wait_until(lambda number=number: self.get("/healthz", self.port + number)[0] == 200)  # type: ignore[misc]


@contextmanager
def started(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a session of its own until the block ends."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def start_nginx(folder: Path, servers: list[str], listen: str) -> Iterator[None]:
    """Run nginx with the configuration that is shipped, on other addresses."""
    text = (ROOT / "deploy/nginx/nginx.conf").read_text(encoding="utf-8")
    for number in (1, 2, 3):
        text = text.replace(f"127.0.0.1:810{number}", servers[(number - 1) % len(servers)])
    text = text.replace("127.0.0.1:8100", listen)
    (folder / "tmp").mkdir(parents=True)
    folder.chmod(0o711)
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    command = [find_nginx(), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    if os.geteuid() == 0:  # its workers have to reach a folder that is the tests' alone
        command[-1] += " user root;"
    with started(command, {}, folder / "nginx.log"):
        yield


def find_ports() -> int:
    """Return a port that is free with the three above it."""
    for port in range(21000, 29000, 10):
        try:
            for number in range(4):
                with socket.create_server(("127.0.0.1", port + number)):
                    pass
            return port
        except OSError:
            continue
    raise AssertionError("no ports")


def under_load(
    host: str, port: int, paths: list[str], event: Callable[[], object], seconds: float = 4
) -> list[tuple[int, bytes]]:
    """Ask from four threads, let something happen, go on asking; returns all answers.

    A path that is empty stands for a query by POST. Each thread asks once more after the time is over, so
    that what was broken meanwhile is seen.
    """
    answers: list[tuple[int, bytes]] = []
    ended = threading.Event()

    def go_on_asking() -> None:
        number = 0
        while not ended.is_set():
            path = paths[number % len(paths)]
            number += 1
            form = "" if path else urlencode({"query": COUNT})
            try:
                status, _, body = ask(host, port, path or "/sparql", form=form)
            except (OSError, http.client.HTTPException) as error:
                status, body = 0, repr(error).encode()
            answers.append((status, body))

    threads = [threading.Thread(target=go_on_asking) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(1.5)
    event()
    time.sleep(seconds)
    ended.set()
    for thread in threads:
        thread.join()
    return answers


def list_pages(var: Path) -> list[str]:
    """Return addresses of pages: the start, an article, an entity, the vocabulary."""
    slug = next(path.stem for path in (var / "current" / "texts").glob("*.txt"))
    return ["/", f"/article/{slug}", "/page/river-council", "/ontology"]

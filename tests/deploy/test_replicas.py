"""Three replicas behind nginx, as `make cluster` starts them: what fails, and what must not."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from kg.check.findings import check_sources
from kg.release.build import build_release
from kg.release.layout import Release
from kg.sources import read_sources
from tests.conftest import MINI

pytestmark = [pytest.mark.engines, pytest.mark.slow]

ROOT = Path(__file__).parent.parent.parent
QUERY = "/sparql?" + urlencode({"query": "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", "format": "csv"})


class Cluster:
    """A running cluster: its port, and the process groups of its replicas."""

    def __init__(self, port: int, var: Path, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.port, self.var = port, var
        for line in process.stdout:
            if said := re.match(r"cluster: replicas (\d+) (\d+) (\d+), nginx", line):
                self.replicas = [int(pid) for pid in said.groups()]
                break
        self.drain = threading.Thread(target=process.stdout.read, daemon=True)
        self.drain.start()

    def get(self, path: str, port: int | None = None) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=40)
        try:
            connection.request("GET", path, headers={"Accept": "text/html, text/csv, */*;q=0.1"})
            with connection.getresponse() as response:
                return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def publish(self, sources: Path) -> Release:
        read = read_sources(sources, f"http://127.0.0.1:{self.port}/")
        return build_release(read, check_sources(read), self.var)

    def wait_for_replicas(self) -> None:
        until = time.monotonic() + 90
        for number in (1, 2, 3):
            while True:
                try:
                    if self.get("/healthz", self.port + number)[0] == 200:
                        break
                except OSError:
                    pass
                assert time.monotonic() < until
                time.sleep(0.2)


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


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    if not shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"):
        pytest.skip("nginx is missing (Debian's package nginx)")
    port, var = find_ports(), tmp_path / "var"
    read = read_sources(MINI, f"http://127.0.0.1:{port}/")
    build_release(read, check_sources(read), var)
    environment = {
        **os.environ,
        "PORT": str(port),
        "KG": str(Path(sys.executable).with_name("kg")),
        "KG_VAR": str(var),
        "NO_BUILD": "1",
        "KG_QUERY_WORKERS": "2",
    }
    with (tmp_path / "cluster.log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", str(ROOT / "deploy/nginx/cluster.sh")],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    running = Cluster(port, var, process)
    try:
        running.wait_for_replicas()
        yield running
    finally:
        process.terminate()
        process.wait(timeout=60)
        running.drain.join(timeout=10)
        assert process.stdout is not None
        process.stdout.close()


def under_load(cluster: Cluster, paths: list[str], event: Callable[[], object]) -> list[tuple[int, bytes]]:
    """Ask from four threads, let something happen, go on asking; returns all answers."""
    answers: list[tuple[int, bytes]] = []
    ended = threading.Event()

    def ask() -> None:
        number = 0
        while not ended.is_set():
            path = paths[number % len(paths)]
            number += 1
            try:
                status, _, body = cluster.get(path)
            except OSError as error:
                status, body = 0, repr(error).encode()
            answers.append((status, body))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(1.5)
    event()
    time.sleep(4)
    ended.set()
    for thread in threads:
        thread.join()
    return answers


def list_pages(cluster: Cluster) -> list[str]:
    slug = build_slug(cluster)
    return ["/", f"/article/{slug}", "/ontology"]


def build_slug(cluster: Cluster) -> str:
    return next(path.stem for path in (cluster.var / "current" / "texts").glob("*.txt"))


def test_a_replica_that_is_killed_fails_no_request(cluster: Cluster) -> None:
    answers = under_load(
        cluster, [*list_pages(cluster), QUERY], lambda: os.killpg(cluster.replicas[0], signal.SIGKILL)
    )
    assert len(answers) > 20
    assert {status for status, _ in answers} == {200}, [a for a in answers if a[0] != 200][:3]


def test_a_switch_of_the_release_fails_nothing_and_pages_follow(cluster: Cluster, sources_copy: Path) -> None:
    slug = build_slug(cluster)
    old = (cluster.var / "current").readlink().name
    assert old.encode() in cluster.get("/")[2]
    entities = sources_copy / "data" / "entities.ttl"
    entities.write_text(
        entities.read_text(encoding="utf-8").replace("阿达·林德", "阿达林德", 1), encoding="utf-8"
    )
    published: list[Release] = []
    answers = under_load(
        cluster, ["/", f"/article/{slug}", QUERY], lambda: published.append(cluster.publish(sources_copy))
    )
    assert {status for status, _ in answers} == {200}, [a for a in answers if a[0] != 200][:3]
    assert published[0].id != old
    time.sleep(1.5)
    assert published[0].id.encode() in cluster.get("/")[2]


def test_pages_come_from_the_cache_and_answers_to_queries_do_not(cluster: Cluster) -> None:
    page = list_pages(cluster)[1]
    states = [cluster.get(page)[1].get("X-Cache") for _ in range(20)]
    assert "HIT" in states
    for _ in range(3):
        assert "X-Cache" not in cluster.get(QUERY)[1]


def test_without_any_replica_pages_stay_and_the_rest_says_so(cluster: Cluster) -> None:
    page = list_pages(cluster)[1]
    whole = cluster.get(page)[2]
    for pid in cluster.replicas:
        os.killpg(pid, signal.SIGKILL)
    seen, until = [], time.monotonic() + 20
    while "STALE" not in seen:  # what nginx asked for a moment before is fresh for a second more
        assert time.monotonic() < until, seen
        status, headers, body = cluster.get(page)
        assert (status, body) == (200, whole)
        seen.append(headers["X-Cache"])
        time.sleep(0.2)
    status, headers, body = cluster.get(QUERY)
    assert status == 503
    assert headers["Retry-After"]
    assert headers["Cache-Control"] == "no-store"
    assert cluster.get("/page/never-asked-for-before")[0] == 503


def test_a_replica_that_hangs_is_left(cluster: Cluster) -> None:
    """A stopped process takes connections and answers nothing, as one behind a cut cable."""
    os.killpg(cluster.replicas[1], signal.SIGSTOP)
    try:
        statuses = [cluster.get(path)[0] for path in (*list_pages(cluster), QUERY, QUERY, QUERY)]
    finally:
        os.killpg(cluster.replicas[1], signal.SIGCONT)
    assert set(statuses) == {200}

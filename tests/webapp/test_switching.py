"""A real server under load while releases are switched back and forth: no request fails."""

from __future__ import annotations

import gzip
import http.client
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from kg.release.catalogue import switch_current
from tests.conftest import BASE
from tests.test_end_to_end import find_free_port

ROOT = Path(__file__).parent.parent.parent
SWITCHES = 40
PATHS = (
    "/page/river-council",
    "/data/river-council.ttl",
    "/sparql?query=SELECT%20*%20%7B%20?s%20?p%20?o%20%7D&format=csv",
    "/dumps/article-kg.nq.gz",
    "/dumps/",
    "/article/river-forum",
    "/releases/{old}/page/river-council",
)


@pytest.fixture
def port(three: tuple[Path, list[str]]) -> Iterator[int]:
    number = find_free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KG_")}
    command = [sys.executable, "-m", "kg", "--var", str(three[0]), "--base-iri", BASE, "serve", "--no-build"]
    server = subprocess.Popen([*command, "--port", str(number)], cwd=ROOT, env=environment)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                if get(number, "/healthz")[0] == 200:
                    break
            except OSError:
                assert time.monotonic() < until and server.poll() is None
            time.sleep(0.2)
        yield number
    finally:
        server.terminate()
        server.wait(timeout=30)


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers={"Accept": "text/html, */*;q=0.5"})
        with connection.getresponse() as response:
            return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.slow
def test_no_request_fails_while_releases_are_switched(port: int, three: tuple[Path, list[str]]) -> None:
    var, ids = three
    outcomes: Counter[object] = Counter()
    stop = threading.Event()

    def ask(path: str) -> None:
        while not stop.is_set():
            try:
                status, body = get(port, path.format(old=ids[0]))
                if path.endswith(".gz"):
                    gzip.decompress(body)  # whole, whichever release it is of
            except Exception as error:
                status = repr(error)  # type: ignore[assignment]
            outcomes[path, status] += 1

    askers = [threading.Thread(target=ask, args=(path,)) for path in PATHS]
    for asker in askers:
        asker.start()
    for number in range(SWITCHES):
        switch_current(var, ids[1 + number % 2])
        time.sleep(0.1)
        if number % 10 == 0:
            told = get(port, "/healthz")[1].decode()
            assert ids[1 + number % 2] in told, "the server follows at once"
    stop.set()
    for asker in askers:
        asker.join(90)
    assert {status for _, status in outcomes} == {200}, outcomes
    assert {path for path, _ in outcomes} == set(PATHS)

"""Three replicas behind nginx, as `make cluster` starts them: what fails, and what must not."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from kg.check.findings import check_sources
from kg.release.layout import Release, read_current_id
from kg.release.making.build import build_release
from kg.sources import read_sources
from tests.conftest import MINI
from tests.deploy.cluster import QUERY, ROOT, Cluster, find_nginx, find_ports, list_pages, under_load

pytestmark = [pytest.mark.engines, pytest.mark.slow]

PARTIAL = urlencode({"query": "SELECT * { ?a ?b ?c . ?d ?e ?f }", "format": "csv"})
"""A query whose result is larger than the cluster allows, so that it breaks off on its way."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    find_nginx()
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
        "KG_MAX_RESULT_BYTES": "2000000",
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


def test_a_replica_that_is_killed_fails_no_request(cluster: Cluster) -> None:
    answers = under_load(
        "127.0.0.1",
        cluster.port,
        [*list_pages(cluster.var), QUERY, ""],
        lambda: os.killpg(cluster.replicas[0], signal.SIGKILL),
    )
    assert len(answers) > 20
    assert {status for status, _ in answers} == {200}, [a for a in answers if a[0] != 200][:3]


def test_a_switch_of_the_release_fails_nothing_and_pages_follow(cluster: Cluster, sources_copy: Path) -> None:
    old = read_current_id(cluster.var)
    assert old.encode() in cluster.get("/")[2]
    entities = sources_copy / "data" / "entities.ttl"
    entities.write_text(
        entities.read_text(encoding="utf-8").replace("阿达·林德", "阿达林德", 1), encoding="utf-8"
    )
    published: list[Release] = []
    answers = under_load(
        "127.0.0.1",
        cluster.port,
        [*list_pages(cluster.var)[:3], QUERY, ""],
        lambda: published.append(cluster.publish(sources_copy)),
    )
    assert {status for status, _ in answers} == {200}, [a for a in answers if a[0] != 200][:3]
    assert published[0].id != old
    time.sleep(1.5)
    assert published[0].id.encode() in cluster.get("/")[2]


def test_pages_come_from_the_cache_and_answers_to_queries_do_not(cluster: Cluster) -> None:
    for page in list_pages(cluster.var)[1:3]:
        states = [cluster.get(page)[1].get("X-Cache") for _ in range(20)]
        assert "HIT" in states
    for prefix in ("", f"/releases/{read_current_id(cluster.var)}"):
        for _ in range(3):
            assert "X-Cache" not in cluster.get(prefix + QUERY)[1]


def test_a_result_that_breaks_off_is_never_kept(cluster: Cluster) -> None:
    for prefix in ("", f"/releases/{read_current_id(cluster.var)}"):
        address = f"{prefix}/sparql?{PARTIAL}"
        for _ in range(3):  # whole it would be larger: each time it is cut, and none of it comes from a cache
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                cluster.get(address)
        whole = cluster.get(prefix + QUERY)
        assert (whole[0], "X-Cache" in whole[1]) == (200, False)


def test_without_any_replica_pages_stay_and_the_rest_says_so(cluster: Cluster) -> None:
    pages = list_pages(cluster.var)[1:3]
    whole = {page: cluster.get(page)[2] for page in pages}
    for pid in cluster.replicas:
        os.killpg(pid, signal.SIGKILL)
    for page in pages:
        seen, until = [], time.monotonic() + 20
        while "STALE" not in seen:  # what nginx asked for a moment before is fresh for a second more
            assert time.monotonic() < until, seen
            status, headers, body = cluster.get(page)
            assert (status, body) == (200, whole[page])
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
        statuses = [cluster.get(path)[0] for path in (*list_pages(cluster.var), QUERY, QUERY, QUERY)]
    finally:
        os.killpg(cluster.replicas[1], signal.SIGCONT)
    assert set(statuses) == {200}

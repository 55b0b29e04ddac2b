"""Halyard on HBase: a release is in both region servers, is served, and outlives one of them."""

from __future__ import annotations

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from kg.release.delivery.engine import publish_to_engine
from kg.release.layout import Release
from kg.settings import Settings
from tests.conftest import BASE
from tests.engines import Missing
from tests.engines.sharded import ShardedStore, running_shards
from tests.webapp.conftest import BufferingClient
from webapp.app import create_app

pytestmark = pytest.mark.clusters

QUESTIONS = (
    "SELECT DISTINCT ?type { ?s a ?type }",
    "SELECT ?s ?label { ?s <http://www.w3.org/2004/02/skos/core#prefLabel> ?label }",
    "SELECT ?type (COUNT(?s) AS ?n) { ?s a ?type } GROUP BY ?type",
    "SELECT ?s ?o { ?s ?p ?o . ?o a ?type OPTIONAL { ?o <http://www.w3.org/2000/01/rdf-schema#label> ?l } }",
)
RECOVERY_S = 120


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShardedStore]:
    try:
        with running_shards(tmp_path_factory.mktemp("shards")) as running:
            yield running
    except Missing as error:
        pytest.skip(str(error))


@pytest.fixture
def embedded(mini_var: Path, mini_release: Release) -> Settings:
    return Settings(var=str(mini_var), base_iri=BASE, query_timeout_s=60.0)


def open_site(settings: Settings) -> Any:
    app = create_app(settings)
    app.test_client_class = BufferingClient
    return app


def ask(site: FlaskClient, question: str) -> Counter[str]:
    answer = site.get("/sparql", query_string={"query": question, "format": "json"})
    assert answer.status_code == 200, answer.data
    return Counter(json.dumps(row, sort_keys=True) for row in json.loads(answer.data)["results"]["bindings"])


def count_regions(shards: ShardedStore) -> dict[int, int]:
    """Return how many regions of the table each region server has, by its port."""
    with urllib.request.urlopen(
        shards.engine.query_url.replace("/query", "/regions"), timeout=60
    ) as response:
        lines = response.read().decode().splitlines()
    return {int(port): int(count) for port, count in (line.split() for line in lines)}


def test_a_release_is_spread_served_and_outlives_a_server(
    shards: ShardedStore, embedded: Settings, mini_release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = replace(embedded, store=shards.engine.query_url, store_profile=shards.engine.profile)
    reports = list(publish_to_engine(mini_release, settings))
    assert sum(report.triples for report in reports) == mini_release.manifest.quads
    regions = count_regions(shards)
    assert set(regions) == set(shards.region_servers)
    assert all(regions.values())

    ours, theirs = open_site(embedded), open_site(settings)
    try:
        expected = [ask(ours.test_client(), question) for question in QUESTIONS]
        site = theirs.test_client()
        wait_until_healthy(site)
        assert [ask(site, question) for question in QUESTIONS] == expected
        page = site.get("/article/" + mini_release.manifest.articles[0].slug)
        assert page.status_code == 200

        lost, kept = list(shards.region_servers)
        shards.region_servers[lost].kill()
        began = time.monotonic()
        wait_until_healthy(site)
        assert [ask(site, f"{question} # again") for question in QUESTIONS] == expected
        elapsed = time.monotonic() - began
        assert count_regions(shards) == {kept: sum(regions.values())}
        with capsys.disabled():
            print(f"\nregions {regions}; all answers again {elapsed:.1f} s after one server was killed")
    finally:
        ours.extensions["kg_contexts"].close()
        theirs.extensions["kg_contexts"].close()


def wait_until_healthy(site: FlaskClient) -> None:
    until = time.monotonic() + RECOVERY_S
    while site.get("/healthz").status_code != 200:
        assert time.monotonic() < until
        time.sleep(0.5)

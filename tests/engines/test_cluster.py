"""Fuseki nodes behind a topic of Apache Kafka: releases reach all, and one that was away catches up."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyoxigraph as ox
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from flask.testing import FlaskClient

from kg.errors import SettingsError, StoreUnavailable
from kg.release.delivery.engine import list_graphs, read_dump
from kg.release.delivery.followers import publish_to_followers
from kg.release.layout import Release, open_release
from kg.settings import Settings
from kg.store.remote.connection import Credentials
from kg.store.remote.loading import RemoteGraphs, hash_triples
from kg.store.remote.profiles import find_profile
from kg.store.remote.topic import Change, Topic, write_patches
from tests.conftest import BASE, MINI, build_variant
from tests.engines import Missing
from tests.engines.cluster import TOPIC, FusekiCluster, Node, running_cluster
from tests.engines.lag import measure_lag
from tests.webapp.conftest import BufferingClient
from webapp.app import create_app

pytestmark = pytest.mark.clusters

EVENTS = 40
"""Of which the lag is measured."""

QUESTIONS = (
    "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }",
    "SELECT DISTINCT ?type { ?s a ?type }",
    "SELECT ?s ?label { ?s <http://www.w3.org/2004/02/skos/core#prefLabel> ?label }",
    "SELECT ?type (COUNT(?s) AS ?n) { ?s a ?type } GROUP BY ?type",
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FusekiCluster]:
    try:
        with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
            yield running
    except Missing as error:
        pytest.skip(str(error))


@pytest.fixture
def settings(cluster: FusekiCluster, mini_var: Path, mini_release: Release) -> Settings:
    return Settings(
        var=str(mini_var),
        base_iri=BASE,
        store=cluster.store,
        store_profile="fuseki",
        store_topic=cluster.topic,
        query_timeout_s=60.0,
    )


@pytest.fixture
def site(settings: Settings) -> Iterator[FlaskClient]:
    app = create_app(settings)
    app.test_client_class = BufferingClient
    yield app.test_client()
    app.extensions["kg_contexts"].close()


def open_graphs(node: Node) -> RemoteGraphs:
    return RemoteGraphs(f"{node.url}/query", find_profile("fuseki"), Credentials())


def find_departures(node: Node, release: Release) -> list[str]:
    """Return the graphs that a node does not hold as the release does."""
    graphs = open_graphs(node)
    held = set(graphs.list_graphs()) - {BASE + "release"}
    departing = held ^ set(list_graphs(release))
    for graph in held - departing:
        if hash_triples(graphs.read(graph)) != hash_triples(read_dump(release, graph)):
            departing.add(graph)
    return sorted(departing)


def read_marker(node: Node) -> list[str]:
    triples = open_graphs(node).read(BASE + "release")
    return [triple.object.value for triple in triples if isinstance(triple.object, ox.Literal)]


def count_events(cluster: FusekiCluster) -> int:
    consumer = Consumer({"bootstrap.servers": cluster.brokers, "group.id": "counting"})
    try:
        _, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=30)
        return end
    finally:
        consumer.close()


def ask(site: FlaskClient, question: str) -> Counter[str]:
    answer = site.get("/sparql", query_string={"query": question, "format": "json"})
    assert answer.status_code == 200, answer.data
    return to_rows(json.loads(answer.data))


def ask_node(node: Node, question: str, release: Release) -> Counter[str]:
    graphs = [("default-graph-uri", graph) for graph in list_graphs(release)]
    body = urlencode([("query", question), *graphs]).encode()
    request = urllib.request.Request(f"{node.url}/query", body, {"Accept": "application/sparql-results+json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return to_rows(json.load(response))


def to_rows(answer: Any) -> Counter[str]:
    return Counter(json.dumps(row, sort_keys=True) for row in answer["results"]["bindings"])


def wait_for_health(site: FlaskClient) -> None:
    until = time.monotonic() + 60
    while site.get("/healthz").status_code != 200:
        assert time.monotonic() < until
        time.sleep(0.5)


def test_a_release_reaches_every_node(
    cluster: FusekiCluster, settings: Settings, site: FlaskClient, mini_release: Release
) -> None:
    reports = list(publish_to_followers(mini_release, settings))
    assert sum(report.triples for report in reports) == mini_release.manifest.quads
    assert all(report.loaded for report in reports)
    for node in cluster.nodes:
        assert find_departures(node, mini_release) == []
        assert read_marker(node) == [mini_release.id]

    again = list(publish_to_followers(mini_release, settings))
    assert not any(report.loaded for report in again)

    wait_for_health(site)
    for question in QUESTIONS:
        there = [ask_node(node, question, mini_release) for node in cluster.nodes]
        assert there[0] and there == [there[0]] * len(there)
        # In other words each time, so that the engines are asked, one after the other, and no cache.
        answers = [ask(site, f"{question} # {number}") for number in range(2 * len(cluster.nodes))]
        assert answers == [there[0]] * len(answers)


def test_a_node_is_killed_and_comes_back(
    cluster: FusekiCluster, settings: Settings, site: FlaskClient, mini_release: Release, tmp_path: Path
) -> None:
    list(publish_to_followers(mini_release, settings))
    wait_for_health(site)
    expected = ask(site, QUESTIONS[0])
    gone, *others = cluster.nodes
    gone.kill()
    assert [ask(site, f"{QUESTIONS[0]} # gone {number}") for number in range(12)] == [expected] * 12

    # A new release goes to those that are there, and is what differs.
    later = build_later(tmp_path, mini_release)
    before = count_events(cluster)
    left = replace(settings, store=",".join(f"{node.url}/query" for node in others))
    list(publish_to_followers(later, left))
    changed = sum(
        hash_triples(read_dump(later, graph)) != hash_triples(read_dump(mini_release, graph))
        for graph in list_graphs(later)
        if graph in list_graphs(mini_release)
    )
    new = len(set(list_graphs(later)) ^ set(list_graphs(mini_release)))
    assert count_events(cluster) - before == changed + new + 3, "and the marker, three times"

    gone.start()
    for node in cluster.nodes:
        assert find_departures(node, later) == []
        assert read_marker(node) == [later.id]


def build_later(folder: Path, earlier: Release) -> Release:
    sources = Path(shutil.copytree(MINI, folder / "sources"))
    later = open_release(folder / "var", build_variant(sources, folder / "var", 1))
    assert later.id != earlier.id
    return later


def test_a_node_that_differs_is_put_right(
    cluster: FusekiCluster, settings: Settings, mini_release: Release
) -> None:
    list(publish_to_followers(mini_release, settings))
    graph = list_graphs(mini_release)[0]
    lost = next(read_dump(mini_release, graph))
    odd = ox.Triple(
        ox.NamedNode("urn:x"), ox.NamedNode("urn:y"), ox.Literal("“odd”\n\\ 北京", language="zh-Hant")
    )
    first, second, third = cluster.nodes
    send_to_one(first, Change(graph, [lost], []))
    send_to_one(second, Change(graph, [], [odd]))
    assert [find_departures(node, mini_release) for node in (first, second, third)] == [[graph], [graph], []]
    reports = list(publish_to_followers(mini_release, settings))
    assert [report.graph for report in reports if report.loaded] == [graph]
    assert [find_departures(node, mini_release) for node in cluster.nodes] == [[], [], []]


def send_to_one(node: Node, change: Change) -> None:
    """Apply a change to a node by HTTP, past the topic."""
    for patch in write_patches(change):
        request = urllib.request.Request(node.url, patch, {"Content-Type": "application/rdf-patch"})
        urllib.request.urlopen(request, timeout=60).close()


def test_events_that_come_while_a_run_begins_are_dealt_with(
    cluster: FusekiCluster, settings: Settings, mini_release: Release
) -> None:
    """What another run left on the topic, its marker too, does not pass for what this one sends."""
    marker = BASE + "release"
    stray = ox.Triple(ox.NamedNode(marker), ox.NamedNode("urn:y"), ox.Literal("stray"))
    events = [write_patches(Change(marker, [], [stray])) for _ in range(50)]
    Topic(cluster.topic).send(event for patches in events for event in patches)
    list(publish_to_followers(mini_release, settings))
    assert [read_marker(node) for node in cluster.nodes] == [[mini_release.id]] * 3


def test_a_topic_that_is_not_fit(cluster: FusekiCluster) -> None:
    client = AdminClient({"bootstrap.servers": cluster.brokers})
    client.create_topics([NewTopic("wide", num_partitions=2)])["wide"].result(60)
    with pytest.raises(SettingsError, match="2 partitions"):
        Topic(f"kafka://{cluster.brokers}/wide")
    with pytest.raises(StoreUnavailable, match="Unknown topic"):
        Topic(f"kafka://{cluster.brokers}/missing")
    with pytest.raises(StoreUnavailable, match="transport failure"):
        Topic("kafka://127.0.0.1:9/kg")


def test_events_reach_all_nodes_and_the_lag_is_told(
    cluster: FusekiCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    lags = measure_lag(cluster, EVENTS)
    assert len(lags.seconds) == EVENTS * len(cluster.nodes)
    with capsys.disabled():
        print(f"\n{lags.describe()}")

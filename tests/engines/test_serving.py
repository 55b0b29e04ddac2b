"""A release goes to an engine, and the site is served in front of it."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pyoxigraph as ox
import pytest
from flask import Flask
from flask.testing import FlaskClient

from kg.errors import ReleaseError, SettingsError, StoreUnavailable
from kg.release.delivery.engine import publish_to_engine, to_target
from kg.release.layout import Release
from kg.settings import Settings
from kg.store.remote.connection import Credentials
from kg.store.remote.loading import RemoteGraphs, hash_triples
from kg.store.remote.profiles import PROFILES, find_profile
from tests.conftest import BASE
from tests.engines import Engine
from tests.engines.start import VIRTUOSO_ROW_CAP
from tests.webapp.conftest import BufferingClient
from webapp.app import create_app

COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"


@pytest.fixture
def settings(engine: Engine, mini_var: Path) -> Settings:
    return Settings(
        var=str(mini_var),
        base_iri=BASE,
        store=engine.query_url,
        store_profile=engine.profile,
        store_user=engine.user,
        store_password=engine.password,
        query_timeout_s=60.0,
    )


def open_site(settings: Settings) -> tuple[Flask, FlaskClient]:
    app = create_app(settings)
    app.test_client_class = BufferingClient
    return app, app.test_client()


def open_graphs(engine: Engine) -> RemoteGraphs:
    profile = find_profile(engine.profile)
    credentials = Credentials(profile.auth, engine.user, engine.password) if engine.user else Credentials()
    return RemoteGraphs(engine.query_url, profile, credentials)


@pytest.mark.engines
def test_publish_then_serve(engine: Engine, settings: Settings, mini_release: Release) -> None:
    first = list(publish_to_engine(mini_release, settings))
    assert {report.graph for report in first} == set(to_target(mini_release, settings).graphs)
    assert sum(report.triples for report in first) == mini_release.manifest.quads

    # What was left out, or came to be there otherwise, is found and put right; the rest stays.
    graphs = open_graphs(engine)
    graphs.update(f"INSERT DATA {{ GRAPH <{first[0].graph}> {{ <urn:x> <urn:y> <urn:z> }} }}")
    again = list(publish_to_engine(mini_release, settings))
    assert [report.loaded for report in again] == [True] + [False] * (len(first) - 1)

    app, client = open_site(settings)
    try:
        wait_for_status(client, 200)  # the first look at an engine may take longer than a health check
        rows = json.loads(client.get("/sparql", query_string={"query": COUNT, "format": "json"}).data)
        counted = int(rows["results"]["bindings"][0]["n"]["value"])
        triples = len({(q.subject, q.predicate, q.object) for q in read_quads(mini_release)})
        assert counted in (triples, triples + 1), "the marker may be one more"
        page = client.get("/article/" + mini_release.manifest.articles[0].slug)
        assert page.status_code == 200
        graphs.replace(BASE + "release", [])
        time.sleep(5.5)
        refused = client.get("/healthz")
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]
        assert refused.headers["Cache-Control"] == "no-store"
    finally:
        app.extensions["kg_contexts"].close()


def read_quads(release: Release) -> list[ox.Quad]:
    store = ox.Store.read_only(str(release.store_path))
    return list(store)


@pytest.mark.engines
def test_an_engine_that_stops_is_told_and_comes_back(
    engine: Engine, settings: Settings, mini_release: Release
) -> None:
    list(publish_to_engine(mini_release, settings))
    app, client = open_site(replace(settings, query_timeout_s=5.0))
    try:
        wait_for_status(client, 200)
        os.kill(engine.pid, signal.SIGSTOP)
        try:
            wait_for_status(client, 503)
        finally:
            os.kill(engine.pid, signal.SIGCONT)
        wait_for_status(client, 200)
    finally:
        app.extensions["kg_contexts"].close()


def wait_for_status(client: FlaskClient, status: int) -> None:
    until = time.monotonic() + 40
    while client.get("/healthz").status_code != status:
        assert time.monotonic() < until
        time.sleep(0.5)


@pytest.mark.engines
def test_graphs_by_update_and_read_by_key(engine: Engine) -> None:
    """The way of engines without a Graph Store Protocol, on one that has it."""
    profile = replace(find_profile(engine.profile), graphs_path="")
    graphs = open_graphs(engine)
    by_update = RemoteGraphs(engine.query_url, profile, graphs._credentials)
    triples = [
        ox.Triple(ox.NamedNode(f"urn:s:{number}"), ox.NamedNode("urn:p"), ox.Literal(f"“{number}”\n\\ 北京"))
        for number in range(1200)
    ]
    by_update.replace("urn:by-update", triples)
    assert by_update.count("urn:by-update") == 1200
    assert hash_triples(by_update.read("urn:by-update")) == hash_triples(triples)
    assert "urn:by-update" in by_update.list_graphs()
    by_update.remove("urn:by-update")
    assert "urn:by-update" not in by_update.list_graphs()


@pytest.mark.engines
def test_a_graph_that_an_engine_would_cut_is_read_whole(engine: Engine) -> None:
    graphs = open_graphs(engine)
    triples = [
        ox.Triple(
            ox.NamedNode(f"urn:s:{number // 10}"), ox.NamedNode(f"urn:p:{number % 10}"), ox.Literal(number)
        )
        for number in range(VIRTUOSO_ROW_CAP + 500)
    ]
    graphs.replace("urn:large", triples)
    assert hash_triples(graphs.read("urn:large")) == hash_triples(triples)
    graphs.remove("urn:large")


@pytest.mark.parametrize(
    ("store", "profile"),
    [("localhost:3030", "fuseki"), ("http://u:p@h/", "fuseki"), ("http://h/", "no-such")],
)
def test_bad_addresses_are_told_at_the_start(mini_release: Release, store: str, profile: str) -> None:
    with pytest.raises(SettingsError):
        to_target(mini_release, Settings(store=store, store_profile=profile))


def test_a_release_may_have_an_address_of_its_own(mini_release: Release) -> None:
    target = to_target(mini_release, Settings(store="http://a/{release}/query, http://b/query"))
    assert target.urls == (f"http://a/{mini_release.id}/query", "http://b/query")


def test_nobody_listens(mini_release: Release) -> None:
    with pytest.raises(StoreUnavailable, match="does not answer"):
        list(publish_to_engine(mini_release, Settings(store="http://127.0.0.1:9/query")))


def test_an_engine_that_changes_what_it_is_given(
    mini_release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*args: object) -> list[str]:
        return []

    for name, value in {"list_graphs": nothing, "replace": nothing, "count": lambda *_: 1}.items():
        monkeypatch.setattr(RemoteGraphs, name, value)
    with pytest.raises(ReleaseError, match="were sent, and the engine holds 1"):
        list(publish_to_engine(mini_release, Settings(store="http://h/query")))


def test_every_profile_is_documented_with_its_tier() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "scaling.md").read_text(encoding="utf-8")
    for profile in PROFILES:
        tier = "tested" if profile.tested else "untested"
        assert f"| `{profile.name}` | {profile.title} | {tier} |" in page

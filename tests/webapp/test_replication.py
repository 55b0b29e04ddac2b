"""Whole releases for replicas: who gets them, and that `kg fetch` takes them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.serving import make_server

from kg.errors import ReleaseError
from kg.release.delivery.places import find_place
from kg.release.delivery.transfer import Demand, fetch_release
from kg.release.files import LIST, read_list
from kg.release.layout import Release, read_current_id
from kg.settings import Settings
from webapp.app import create_app

HEADERS = {"Authorization": "Bearer secret"}


@pytest.fixture
def giving(mini_var: Path, mini_release: Release) -> Iterator[Flask]:
    app = create_app(Settings(var=str(mini_var), query_workers=1, replication_token="secret"))
    yield app
    app.extensions["kg_contexts"].close()


def test_no_release_is_given_out_unless_the_settings_say_so(mini_var: Path, mini_release: Release) -> None:
    app = create_app(Settings(var=str(mini_var), query_workers=1))
    response = app.test_client().get(f"/replication/current/{LIST}", headers=HEADERS)
    assert response.status_code == 404
    app.extensions["kg_contexts"].close()


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", "Basic c2VjcmV0", "secret", "Bearer sécret"])
def test_who_does_not_know_the_secret_gets_nothing(giving: Flask, mini_release: Release, given: str) -> None:
    for path in (f"/replication/current/{LIST}", f"/replication/releases/{mini_release.id}/iris.txt"):
        response = giving.test_client().get(path, headers={"Authorization": given})
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer ")
        assert response.headers["Cache-Control"] == "no-store"


def test_files_are_given_with_ranges_and_kept_by_no_cache(giving: Flask, mini_release: Release) -> None:
    client = giving.test_client()
    for entry in read_list(mini_release).files:
        response = client.get(
            f"/replication/releases/{mini_release.id}/{entry.path}", headers=HEADERS, buffered=True
        )
        assert response.status_code == 200
        assert response.data == (mini_release.path / entry.path).read_bytes()
        assert response.headers["Cache-Control"] == "private, no-store"
    path = f"/replication/releases/{mini_release.id}/iris.txt"
    response = client.get(path, headers={**HEADERS, "Range": "bytes=10-"}, buffered=True)
    assert (response.status_code, response.data) == (206, (mini_release.path / "iris.txt").read_bytes()[10:])


@pytest.mark.parametrize(
    "name",
    [
        "../../history.jsonl",
        "%2e%2e/%2e%2e/history.jsonl",
        "store",
        "dumps/..%2f..%2firis.txt",
        "no",
        LIST + "x",
    ],
)
def test_nothing_else_is_given(giving: Flask, mini_release: Release, name: str) -> None:
    client = giving.test_client()
    assert client.get(f"/replication/releases/{mini_release.id}/{name}", headers=HEADERS).status_code == 404
    assert client.get(f"/replication/releases/{'0' * 16}/{LIST}", headers=HEADERS).status_code == 404
    assert client.get(f"/replication/releases/../{LIST}", headers=HEADERS).status_code == 404


def test_a_replica_fetches_from_a_server(giving: Flask, mini_release: Release, tmp_path: Path) -> None:
    server = make_server("127.0.0.1", 0, giving, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(ReleaseError, match=r"(?i)401 unauthorized; KG_REPLICATION_TOKEN"):
            fetch_release(find_place(url), tmp_path / "var")
        for demand in (Demand(), Demand(mini_release.id)):
            fetch_release(find_place(url, "secret"), tmp_path / "var", demand)
    finally:
        server.shutdown()
        thread.join()
    assert read_current_id(tmp_path / "var") == mini_release.id

"""The dumps over HTTP."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kg.errors import StoreUnavailable
from kg.store.base import Query


def test_listing_and_files(client: FlaskClient) -> None:
    listed = client.get("/dumps/").get_json()["dumps"]
    assert [dump["name"] for dump in listed] == ["all.nq.gz"]
    assert "all.nq.gz" in client.get("/dumps/", headers={"Accept": "text/html"}).text
    dump = client.get(listed[0]["href"])
    assert dump.mimetype == "application/gzip"
    assert "Content-Encoding" not in dump.headers
    assert dump.headers["ETag"] == f'"{listed[0]["sha256"]}"'
    assert b"id/a" in gzip.decompress(dump.data)
    assert "all.nq.gz" in client.get("/dumps/SHA256SUMS").text


def test_ranges_and_conditions(client: FlaskClient) -> None:
    whole = client.get("/dumps/all.nq.gz")
    part = client.get("/dumps/all.nq.gz", headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.data) == (206, whole.data[2:6])
    assert client.get("/dumps/all.nq.gz", headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304


def test_nothing_else_is_served(client: FlaskClient) -> None:
    for path in ("/dumps/none.gz", "/dumps/..%2Fmanifest.json", "/dumps/../manifest.json"):
        assert client.get(path).status_code == 404


def test_a_dump_gives_its_release_back(
    app: Flask, client: FlaskClient, publish: Callable[[str], None]
) -> None:
    for path in ("/dumps/all.nq.gz", "/dumps/SHA256SUMS", "/sparql?query=ASK%7B%7D", "/dumps/none"):
        client.get(path)
    context = app.extensions["kg_contexts"].acquire()
    context.release_user()
    publish("r2")
    client.get("/healthz")
    with pytest.raises(StoreUnavailable):
        context.store.query(Query("ASK {}"))

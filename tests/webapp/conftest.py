"""A small release and an application over it."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kg.check.findings import check_sources
from kg.release.layout import DumpFile, Manifest
from kg.release.making.build import build_release
from kg.release.making.search import write_index
from kg.release.manifest import write_manifest
from kg.settings import Settings
from kg.sources import read_sources
from kg.vocab import Names
from tests.conftest import BASE
from tests.webapp.both_ways import ThroughBridge
from webapp.app import create_app

ROOT = Path(__file__).parent.parent.parent
DATA = '<http://h/id/a> <http://h/p> "A" <http://h/g1> .\n'
DATA += '<http://h/id/b> <http://h/p> "B"@en <http://h/g2> .\n'

MakeRelease = Callable[..., None]


def make_release(var: Path, release_id: str, data: str = DATA) -> None:
    """Write a release and make it the current one."""
    path = var / "releases" / release_id
    (path / "dumps").mkdir(parents=True)
    store = ox.Store(path / "store")
    store.load(data.encode(), ox.RdfFormat.N_QUADS)
    store.flush()
    write_index(path / "search.sqlite", (f"{quad} .\n".encode() for quad in store), Names("http://h/"))
    del store
    body = gzip.compress(data.encode(), mtime=0)
    (path / "dumps" / "all.nq.gz").write_bytes(body)
    digest = hashlib.sha256(body).hexdigest()
    (path / "dumps" / "SHA256SUMS").write_text(f"{digest}  all.nq.gz\n")
    dump = DumpFile("all.nq.gz", "", len(body), digest, 2)
    created = "2025-01-01T00:00:00Z"
    manifest = Manifest(release_id, "http://h/", created, "test", 2, {}, (dump,), ())
    write_manifest(path / "manifest.json", manifest)
    link = var / "next"
    link.symlink_to(path)
    link.replace(var / "current")


@pytest.fixture(autouse=True)
def _bridges_end() -> Iterator[None]:
    """What a bridge tells a moment later it tells within its own test."""
    yield
    while ThroughBridge.running:
        ThroughBridge.running.pop().end()


class BufferingClient(FlaskClient):
    """Reads each answer to its end and closes it, as a real server does."""

    def open(self, *args: Any, buffered: bool = True, **kwargs: Any) -> TestResponse:
        return super().open(*args, buffered=buffered, **kwargs)


@pytest.fixture
def publish(tmp_path: Path) -> MakeRelease:
    return lambda release_id, data=DATA: make_release(tmp_path, release_id, data)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        var=str(tmp_path),
        base_iri="http://h/",
        query_workers=1,
        query_timeout_s=5.0,
        query_queue_s=0.3,
        max_result_bytes=4_000_000,
        max_query_bytes=100_000,
        max_url_bytes=20_000,
    )


@pytest.fixture
def empty_app(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    app.test_client_class = BufferingClient
    yield app
    app.extensions["kg_contexts"].close()


@pytest.fixture
def app(empty_app: Flask, publish: MakeRelease) -> Flask:
    publish("r1")
    return empty_app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def article_var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of releases whose current one is made from the sources of this project."""
    var = tmp_path_factory.mktemp("article-var")
    sources = read_sources(ROOT, BASE)
    build_release(sources, check_sources(sources), var)
    return var


@pytest.fixture(scope="module")
def article_client(article_var: Path) -> Iterator[FlaskClient]:
    """A client of the first article's release."""
    app = create_app(Settings(var=str(article_var), query_workers=1))
    app.test_client_class = BufferingClient
    yield app.test_client()
    app.extensions["kg_contexts"].close()

"""The application over one release that holds the data of all W3C tests.

Each file of data is a named graph, and a test names its dataset in the request, as the protocol provides.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest
from flask.testing import FlaskClient

from kg.release.layout import Manifest
from kg.release.manifest import write_manifest
from kg.settings import Settings
from tests.conformance.w3c import FOLDER, to_quads
from tests.webapp.conftest import BufferingClient
from webapp.app import create_app

SUFFIXES = {".ttl", ".rdf", ".nt"}


@pytest.fixture(scope="session")
def w3c_var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of releases whose current one holds the data of the query tests."""
    var = tmp_path_factory.mktemp("w3c")
    release = var / "releases" / "w3c"
    release.mkdir(parents=True)
    paths = [
        path for path in sorted(FOLDER.glob("*/*")) if path.suffix in SUFFIXES and path.name != "manifest.ttl"
    ]
    store = ox.Store(release / "store")
    store.bulk_extend(to_quads(paths))
    quads = len(store)
    store.flush()
    del store
    manifest = Manifest("w3c", "http://h/", "2025-01-01T00:00:00Z", "test", quads, {}, (), ())
    write_manifest(release / "manifest.json", manifest)
    (var / "current").symlink_to(release)
    return var


@pytest.fixture(scope="module")
def w3c_client(w3c_var: Path) -> Iterator[FlaskClient]:
    app = create_app(Settings(var=str(w3c_var), base_iri="http://h/", query_workers=2))
    app.test_client_class = BufferingClient
    yield app.test_client()
    app.extensions["kg_contexts"].close()

"""The stores that the contract holds for, each over the same tiny dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.store.base import Store
from kg.store.embedded.pool import PoolSize
from kg.store.embedded.store import EmbeddedStore
from kg.store.remote.connection import Credentials
from kg.store.remote.loading import RemoteGraphs
from kg.store.remote.profiles import find_profile
from kg.store.remote.store import RemoteStore
from kg.store.remote.target import Target
from tests.engines import ENGINES, Engine, Missing, running

DATA = """
<urn:a> <urn:name> "A" <urn:g1> .
<urn:a> <urn:knows> <urn:b> <urn:g1> .
<urn:b> <urn:name> "B"@en <urn:g2> .
<urn:c> <urn:name> "C" <urn:g3> .
"""
GRAPHS = ("urn:g1", "urn:g2", "urn:g3")

OpenStore = Callable[[Path], AbstractContextManager[Store]]


@contextmanager
def open_embedded(store_path: Path) -> Iterator[Store]:
    store = EmbeddedStore(store_path, PoolSize(workers=2, worker_bytes=512 * 1024**2, wait_s=0.5))
    yield store
    store.close()


@contextmanager
def open_remote(store_path: Path, name: str) -> Iterator[Store]:
    try:
        with running(name, store_path.parent / name) as engine:
            load(engine)
            target = Target((engine.query_url,), find_profile(engine.profile), graphs=GRAPHS)
            store = RemoteStore(target, workers=2, queue_s=0.5)
            yield store
            store.close()
    except Missing as error:
        pytest.skip(str(error))


def load(engine: Engine) -> None:
    profile = find_profile(engine.profile)
    credentials = Credentials(profile.auth, engine.user, engine.password) if engine.user else Credentials()
    graphs = RemoteGraphs(engine.query_url, profile, credentials)
    quads = list(ox.parse(DATA, format=ox.RdfFormat.N_QUADS))
    for graph in GRAPHS:
        part = [q for q in quads if q.graph_name == ox.NamedNode(graph)]
        graphs.replace(graph, [ox.Triple(q.subject, q.predicate, q.object) for q in part])


STORES = [
    pytest.param(open_embedded, id="embedded"),
    *(pytest.param(partial(open_remote, name=name), id=name, marks=pytest.mark.engines) for name in ENGINES),
]


@pytest.fixture(scope="session")
def store_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("contract") / "store"
    store = ox.Store(path)
    store.load(DATA.encode(), ox.RdfFormat.N_QUADS)
    store.flush()
    del store
    return path


@pytest.fixture(scope="module", params=STORES)
def store(request: pytest.FixtureRequest, store_path: Path) -> Iterator[Store]:
    open_store: OpenStore = request.param
    with open_store(store_path) as store:
        yield store

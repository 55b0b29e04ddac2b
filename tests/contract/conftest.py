"""The stores that the contract holds for, each over the same tiny dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.store.base import Store
from kg.store.embedded import EmbeddedStore
from kg.store.pool import PoolSize

DATA = """
<urn:a> <urn:name> "A" <urn:g1> .
<urn:a> <urn:knows> <urn:b> <urn:g1> .
<urn:b> <urn:name> "B"@en <urn:g2> .
<urn:c> <urn:name> "C" <urn:g3> .
"""


def make_embedded(store_path: Path) -> Store:
    return EmbeddedStore(store_path, PoolSize(workers=2, worker_bytes=512 * 1024**2, wait_s=0.5))


STORES: list[Callable[[Path], Store]] = [make_embedded]


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
    made: Store = request.param(store_path)
    yield made
    made.close()

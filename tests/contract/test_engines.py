"""What single engines are known for, seen on the real thing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kg import errors
from kg.formats import CSV
from kg.store.base import Query
from kg.store.remote.profiles import find_profile
from kg.store.remote.store import RemoteStore
from kg.store.remote.target import Target
from tests.contract.conftest import GRAPHS, load
from tests.engines import Missing, running

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def virtuoso(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemoteStore]:
    try:
        with running("virtuoso", Path(tmp_path_factory.mktemp("virtuoso")) / "data") as engine:
            load(engine)
            target = Target((engine.query_url,), find_profile("virtuoso"), graphs=GRAPHS)
            store = RemoteStore(target, workers=2, queue_s=0.5)
            yield store
            store.close()
    except Missing as error:
        pytest.skip(str(error))


NUMBERS = " ".join(map(str, range(400)))
LONG = f"{{ VALUES ?a {{ {NUMBERS} }} VALUES ?b {{ {NUMBERS} }} }}"


def test_the_cap_of_virtuoso_is_found_and_told(virtuoso: RemoteStore) -> None:
    with pytest.raises(errors.QueryTooLarge, match="at most 10000 rows"):
        virtuoso.query(Query(f"SELECT * {LONG}"))
    with pytest.raises(errors.QueryTooLarge, match="at most 10000 rows"):
        virtuoso.query(Query(f"CONSTRUCT {{ <urn:a> ?a ?b }} {LONG}".replace("?a ?b }", "<urn:p> ?b }")))
    rows = b"".join(virtuoso.query(Query(f"SELECT * {LONG} LIMIT 9000", result_formats=(CSV,))))
    assert rows.count(b"\n") == 9001


def test_graphs_that_virtuoso_keeps_for_itself_are_not_seen(virtuoso: RemoteStore) -> None:
    body = b"".join(virtuoso.query(Query("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", result_formats=(CSV,))))
    assert body == b"n\r\n4\r\n"

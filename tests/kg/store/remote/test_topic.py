"""Changes as events for a topic, and what is refused before a broker is asked; clusters test the rest."""

from __future__ import annotations

import sys

import pyoxigraph as ox
import pytest
from click.testing import CliRunner

from kg.cli import cli
from kg.errors import SettingsError
from kg.store.remote.topic import PATCH_BYTES, Change, Topic, write_patches


def make_triples(count: int, length: int) -> list[ox.Triple]:
    return [
        ox.Triple(ox.NamedNode(f"urn:s:{number}"), ox.NamedNode("urn:p"), ox.Literal("語" * length))
        for number in range(count)
    ]


def test_a_large_change_is_several_events_each_whole() -> None:
    removed, added = make_triples(3000, 100), make_triples(2000, 200)
    patches = list(write_patches(Change("urn:g", removed, added)))
    assert len(patches) > 2
    rows: list[str] = []
    for patch in patches:
        first, *middle, last = patch.decode().splitlines()
        assert (first, last) == ("TX .", "TC .")
        assert len(patch) < PATCH_BYTES + 1000
        rows += middle
    assert [row[0] for row in rows] == ["D"] * 3000 + ["A"] * 2000
    quads = ox.parse("\n".join(row[2:] for row in rows), format=ox.RdfFormat.N_QUADS)
    graph = ox.NamedNode("urn:g")
    assert list(quads) == [ox.Quad(t.subject, t.predicate, t.object, graph) for t in removed + added]


def test_no_change_is_no_event() -> None:
    assert list(write_patches(Change("urn:g", [], []))) == []


@pytest.mark.parametrize(
    "address", ["host:9092/kg", "http://host/kg", "kafka://host:9092", "kafka:///kg", "kafka://h/a/b"]
)
def test_bad_addresses_are_told(address: str) -> None:
    with pytest.raises(SettingsError, match="no address of a topic"):
        Topic(address)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        Topic("kafka://user:secret@host:9092/kg")
    assert "secret" not in str(caught.value)


def test_the_client_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(SettingsError, match=r"pip install 'article-kg\[kafka\]'"):
        Topic("kafka://host:9092/kg")


def test_a_topic_without_an_engine_to_ask() -> None:
    result = CliRunner().invoke(cli, ["publish", "--topic", "kafka://host:9092/kg"])
    assert result.exit_code != 0
    assert "no engine is named" in str(result.exception or result.output)

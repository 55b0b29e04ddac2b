"""Descriptions: what they hold, within bounds, in few queries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from pyoxigraph import NamedNode

from kg import description
from kg.description import LinkLists, Reader, query_incoming
from kg.release.layout import Release
from kg.store.base import Answer, Limits, Query
from kg.store.embedded.pool import PoolSize
from kg.store.embedded.store import EmbeddedStore
from kg.vocab import ORG, TYPE, Names, named
from tests.conftest import BASE

NAMES = Names(BASE)


@dataclass
class Counted:
    """Counts the queries that a store is asked."""

    store: EmbeddedStore
    texts: list[str] = field(default_factory=list)

    def query(self, query: Query) -> Answer:
        self.texts.append(query.text)
        return self.store.query(query)

    def close(self) -> None:
        self.store.close()


@pytest.fixture(scope="module")
def store(mini_release: Release) -> Iterator[Counted]:
    counted = Counted(EmbeddedStore(mini_release.store_path, PoolSize(1, 512 * 1024**2)))
    yield counted
    counted.close()


@pytest.fixture
def reader(store: Counted) -> Reader:
    store.texts.clear()
    return Reader(store, NAMES, Limits())  # type: ignore[arg-type]


def test_a_description_takes_three_queries(reader: Reader, store: Counted) -> None:
    found = reader.describe(NAMES.thing("ada-lind"), 100)
    assert found.own
    assert found.nodes
    assert found.axioms
    assert found.records
    assert len(store.texts) == 3


def test_the_parts_are_told_apart(reader: Reader) -> None:
    iri = NAMES.thing("ada-lind")
    found = reader.describe(iri, 100)
    assert {t.subject for t in found.own} == {iri}
    memberships = {t.subject for t in found.nodes if t.predicate == TYPE and t.object == ORG("Membership")}
    assert len(memberships) > 1
    assert all(iri in (t.subject, t.object) for t in found.incoming)
    assert not {t.subject for t in found.axioms} & {t.subject for t in found.nodes}


def test_links_are_bounded_in_a_stable_order(reader: Reader) -> None:
    whole = reader.describe(NAMES.thing("city"), 100)
    assert not whole.more_incoming
    count = len(whole.incoming)
    assert count > 1
    cut = reader.describe(NAMES.thing("city"), count - 1)
    assert cut.more_incoming
    assert cut.incoming == whole.incoming[:-1]
    assert not reader.describe(NAMES.thing("city"), count).more_incoming


def test_nodes_are_bounded_too(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = reader.describe(NAMES.thing("ada-lind"), 100)
    nodes = {t.subject for t in whole.nodes}
    monkeypatch.setattr(description, "MAX_NODES", len(nodes) - 1)
    cut = reader.describe(NAMES.thing("ada-lind"), 100)
    assert cut.more_incoming
    assert {t.subject for t in cut.nodes} < nodes
    assert f"<{BASE}id/ada-lind>" in query_incoming(NAMES.thing("ada-lind"))


def test_evidence_brings_its_fact_and_a_sentence_what_rests_on_it(reader: Reader) -> None:
    sentence = reader.describe(NAMES.sentence("river-forum", 2), 100)
    bodies = {
        t.object for t in sentence.records if t.predicate == NamedNode("http://www.w3.org/ns/oa#hasBody")
    }
    assert len(bodies) > 1
    record = next(t.subject for t in sentence.records if t.predicate == NAMES.term("quotedText"))
    assert isinstance(record, NamedNode)
    triples = reader.describe(record, 100).triples
    assert any(t.predicate == NamedNode("http://www.w3.org/ns/oa#exact") for t in triples)


def test_graphs_are_those_of_the_store(reader: Reader) -> None:
    triples = reader.describe(NAMES.thing("ada-lind"), 100).triples
    quads = reader.find_graphs(triples)
    assert {quad.triple for quad in quads} == set(triples)
    assert {str(q.graph_name) for q in quads} == {
        f"<{BASE}{name}>" for name in ("article/river-forum", "entities", "ontology")
    }


def test_nothing_is_known_of_what_is_not_there(reader: Reader) -> None:
    assert not reader.knows(NAMES.thing("nobody"))
    assert reader.knows(NAMES.text("river-forum"))  # it is spoken of, and says nothing itself
    assert reader.describe(NAMES.thing("nobody"), 100).triples == []


def test_a_long_list_of_links_is_read_once(
    reader: Reader, store: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(description, "WORTH_KEEPING", 2)
    kind, after, found = NAMES.term("Evidence"), "", []
    more = True
    while more:
        page = reader.list_incoming(kind, TYPE, after, 3)
        found += [named(triple.subject).value for triple in page.triples]
        after, more = found[-1], page.more
    assert found == sorted(set(found)) and len(found) == page.known > 3
    assert sum(f"<{kind.value}> FILTER" in text for text in store.texts) == 1


def test_lists_of_links_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(description, "WORTH_KEEPING", 2)
    lists = LinkLists(kept=5)
    for key, length in (("a", 2), ("b", 2), ("short", 1), ("vast", 6)):
        lists.keep((key, "p"), ["s"] * length)
    assert lists.find(("short", "p")) is None and lists.find(("vast", "p")) is None
    assert lists.find(("a", "p")) is not None, "now the last used one"
    lists.keep(("c", "p"), ["s"] * 2)
    assert lists.find(("b", "p")) is None and lists.find(("a", "p")) and lists.find(("c", "p"))

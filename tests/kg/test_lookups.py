"""Look-ups give what queries give, for every IRI that occurs, and what they read is bounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox
import pytest
from pyoxigraph import NamedNode

from bench.graph import BASE as BENCH
from bench.graph import make_graph
from kg import description
from kg.description import Description, Reader
from kg.errors import ReleaseError
from kg.lookups import Lookups, hash_iri
from kg.release.layout import Release
from kg.release.making.lookups import write_lookups
from kg.store.base import Limits
from kg.store.embedded.pool import PoolSize
from kg.store.embedded.store import EmbeddedStore
from kg.vocab import OWL, PREF_LABEL, TYPE, Names
from tests.conftest import BASE

EVERYTHING = 1_000_000


@dataclass
class Both:
    """The same release read both ways."""

    queried: Reader
    looked_up: Reader
    iris: list[NamedNode]

    @property
    def lookups(self) -> Lookups:
        assert self.looked_up.lookups
        return self.looked_up.lookups


def open_both(store_path: Path, lookups_path: Path, base: str) -> Iterator[Both]:
    quads = list(ox.Store.read_only(str(store_path)))
    terms = {term for quad in quads for term in (quad.subject, quad.object)}
    store = EmbeddedStore(store_path, PoolSize(1, 512 * 1024**2))
    lookups = Lookups(lookups_path, base)
    iris = sorted((term for term in terms if isinstance(term, NamedNode)), key=str)
    names = Names(base)
    yield Both(Reader(store, names, Limits()), Reader(store, names, Limits(), lookups=lookups), iris)
    lookups.close()
    store.close()


@pytest.fixture(scope="module")
def mini(mini_release: Release) -> Iterator[Both]:
    yield from open_both(mini_release.store_path, mini_release.lookups_path, BASE)


def write_lines(text: str) -> Iterator[bytes]:
    """Yield quads as a build has them: canonical lines."""
    return (f"{quad} .\n".encode() for quad in ox.parse(text.encode(), format=ox.RdfFormat.N_QUADS))


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("generated")
    lines = list(write_lines("".join(make_graph(12_000))))
    store = ox.Store(str(folder / "store"))
    store.bulk_load(b"".join(lines), format=ox.RdfFormat.N_QUADS)
    store.flush()
    del store
    write_lookups(folder / "lookups.sqlite", lines, Names(BENCH))
    yield from open_both(folder / "store", folder / "lookups.sqlite", BENCH)


def assert_same(queried: Description, looked_up: Description) -> None:
    assert looked_up.triples == queried.triples
    for part in ("own", "nodes", "axioms", "labels"):
        assert set(getattr(looked_up, part)) == set(getattr(queried, part)), part
    assert looked_up.incoming == queried.incoming
    assert looked_up.more_incoming == queried.more_incoming


@pytest.fixture
def unbounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(description, "MAX_NODES", EVERYTHING)


@pytest.mark.usefixtures("unbounded")
def test_every_iri_of_the_tiny_dataset(mini: Both) -> None:
    assert sum(mini.lookups.covers(iri.value) for iri in mini.iris) > 40
    for iri in mini.iris:
        assert_same(mini.queried.describe(iri, EVERYTHING), mini.looked_up.describe(iri, EVERYTHING))
        assert mini.looked_up.knows(iri)


@pytest.mark.usefixtures("unbounded")
def test_things_of_a_generated_graph_with_hubs(generated: Both) -> None:
    things = [iri for iri in generated.iris if iri.value.startswith(f"{BENCH}id/")]
    for iri in [*things[::25], NamedNode(f"{BENCH}id/edition-0"), NamedNode(f"{BENCH}id/body-0")]:
        queried = generated.queried.describe(iri, EVERYTHING)
        assert_same(queried, generated.looked_up.describe(iri, EVERYTHING))


def test_within_bounds_as_many_and_no_others(generated: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = NamedNode(f"{BENCH}id/edition-0")
    queried, looked_up = (reader.describe(hub, 5) for reader in (generated.queried, generated.looked_up))
    monkeypatch.setattr(description, "MAX_NODES", EVERYTHING)
    everything = set(generated.queried.describe(hub, EVERYTHING).triples)
    assert set(looked_up.triples) <= everything
    assert looked_up.more_incoming and queried.more_incoming
    assert len(looked_up.incoming) == len(queried.incoming) == 5


def test_a_bound_is_shared_by_the_relations(generated: Both) -> None:
    body = f"{BENCH}id/body-0"
    for is_fact in (True, False):
        whole = generated.lookups.find_links(body, EVERYTHING, is_fact=is_fact)
        relations = {relation for _, relation, _ in whole}
        few = generated.lookups.find_links(body, len(relations), is_fact=is_fact)
        assert {relation for _, relation, _ in few} == relations
        assert len(few) == len(relations) < len(whole)


def test_lists_of_links_page_by_page(generated: Both) -> None:
    hub = NamedNode(f"{BENCH}id/edition-0")
    for relation in (Names(BENCH).term("event"), Names(BENCH).term("participatedIn")):
        after, seen = "", list[str]()
        while True:
            pages = [
                r.list_incoming(hub, relation, after, 7) for r in (generated.queried, generated.looked_up)
            ]
            assert [page.triples for page in pages[:1]] == [page.triples for page in pages[1:]]
            assert pages[0].known == pages[1].known and pages[0].more == pages[1].more
            assert set(pages[0].labels) == set(pages[1].labels)
            seen += [str(triple.subject) for triple in pages[1].triples]
            if not pages[1].more:
                break
            after = seen[-1][1:-1]
        assert len(seen) == len(set(seen)) == pages[1].known > 0


def test_nothing_is_known_of_what_is_not_there(mini: Both) -> None:
    nobody = Names(BASE).thing("nobody")
    assert not mini.looked_up.knows(nobody)
    assert mini.looked_up.describe(nobody, 10).triples == []
    unknown = mini.looked_up.list_incoming(nobody, NamedNode("urn:no-such-relation"), "", 10)
    assert (unknown.known, len(unknown.triples)) == (0, 0)


def test_the_vocabulary_has_labels_and_no_documents(mini: Both) -> None:
    claim = Names(BASE).term("Claim").value
    assert not mini.lookups.covers(claim)
    assert mini.lookups.read([claim]) == []
    assert mini.lookups.read_labels([claim])


def write(path: Path, lines: Iterable[str]) -> Lookups:
    write_lookups(path, write_lines("\n".join(lines)), Names("http://h/"))
    return Lookups(path, "http://h/")


def test_what_several_graphs_say_is_in_one_document_once(tmp_path: Path) -> None:
    same = f'<http://h/id/a> {PREF_LABEL} "A"'
    axiom = f"<http://h/fact/1> {TYPE} {OWL('Axiom')} <http://h/g1> ."
    source = f"<http://h/fact/1> {OWL('annotatedSource')} <http://h/id/a> <http://h/g2> ."
    lookups = write(tmp_path / "l", [f"{same} <http://h/g1> .", axiom, f"{same} <http://h/g2> .", source])
    found = lookups.read(["http://h/id/a"])
    assert len(found) == len(set(found)) == 3, "an axiom is with its thing, whichever graph says what of it"
    assert set(lookups.read(["http://h/fact/1"])) == set(found)
    assert len(lookups.read_labels(["http://h/id/a"])) == 1
    lookups.close()


def test_an_empty_release_has_a_file_too(tmp_path: Path) -> None:
    lookups = write(tmp_path / "l", [])
    assert not lookups.knows("http://h/id/a")
    lookups.close()


def test_the_same_quads_give_the_same_bytes(tmp_path: Path) -> None:
    lines = list(write_lines("".join(make_graph(3_000))))
    for name in ("a", "b"):
        write_lookups(tmp_path / name, lines, Names(BENCH))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_another_file_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "l").write_bytes(b"not a database" * 100)
    with pytest.raises(ReleaseError, match="kg build"):
        Lookups(tmp_path / "l", BASE)
    with pytest.raises(ReleaseError, match="cannot be written"):
        write_lookups(tmp_path / "none" / "l", [], Names(BASE))


def test_keys_fit_into_a_signed_column() -> None:
    assert all(-(2**63) <= hash_iri(f"urn:{number}") < 2**63 for number in range(1_000))

"""Sorting on disk gives what sorting in memory gives, however little fits into memory."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg import sorting
from kg.check.findings import Report
from kg.dataset import decode_triple, encode_triple, write_dataset
from kg.sorting import sort_lines
from kg.vocab import TYPE

CONTROLS = ("\n", "\r", "\t", "\x00", "\x01", "\x010", "\x7f")
MESSY = (*CONTROLS, '"', "\\", " .", "> <", "{|", "你好", "😀", "\U0010ffff", "é", "é")


def make_lines(count: int) -> list[bytes]:
    rng = random.Random(7)
    return [b"%x\n" % rng.getrandbits(12) for _ in range(count)]


@pytest.mark.parametrize("run_bytes", [1, 100, 10_000_000])
def test_lines_come_sorted_and_once(tmp_path: Path, run_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "MOST_RUNS", 5)
    lines = make_lines(700)
    assert list(sort_lines(lines, tmp_path, run_bytes)) == sorted(set(lines))
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_what_is_sorted(tmp_path: Path) -> None:
    def measure(count: int) -> int:
        tracemalloc.start()
        try:
            assert (
                sum(1 for _ in sort_lines((b"%099d\n" % n for n in range(count)), tmp_path, 100_000)) == count
            )
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = measure(5_000), measure(50_000)
    # Each run that is merged has a buffer; that is all that grows.
    assert many < few + 100 * sorting.READ_BYTES < 50_000 * 133 + 100 * sorting.READ_BYTES


def make_messy_quads() -> list[ox.Quad]:
    def iri(name: str) -> ox.NamedNode:
        return ox.NamedNode(f"http://h/{name}")

    rng = random.Random(11)
    values = [ox.Literal("".join(rng.choices(MESSY, k=rng.randrange(5)))) for _ in range(100)]
    values += [ox.Literal(v.value, language="zh-hant") for v in values[:30]]
    values += [ox.Literal(v.value, datatype=iri("a")) for v in values[:30]]
    names = ["a", "a/b", "a-b", "a#b", "ab", "é"]
    predicates = [iri(name) for name in names] + [TYPE]
    return [
        ox.Quad(
            iri(rng.choice(names)),
            rng.choice(predicates),
            rng.choice([*values, iri("a")]),
            iri(rng.choice(names)),
        )
        for _ in range(2_000)
    ]


def test_the_order_for_readers_is_that_of_terms(tmp_path: Path) -> None:
    def key(quad: ox.Quad) -> tuple[object, ...]:
        graph, subject = quad.graph_name.value, quad.subject.value
        return graph, subject, quad.predicate != TYPE, quad.predicate.value, str(quad.object)

    quads = make_messy_quads()
    dataset = write_dataset(quads, tmp_path)
    assert list(dataset.read_quads()) == sorted(set(quads), key=key)
    assert len(dataset) == len(set(quads))
    assert [graph.size for graph in dataset.graphs] == [
        len({quad for quad in quads if quad.graph_name.value == graph.iri}) for graph in dataset.graphs
    ]


def test_lines_are_those_of_the_serialiser(tmp_path: Path) -> None:
    dataset = write_dataset(make_messy_quads(), tmp_path)
    expected = ox.serialize(dataset.read_quads(), format=ox.RdfFormat.N_QUADS)
    assert b"".join(dataset.read_lines()) == expected


def test_a_key_stands_for_its_triple(tmp_path: Path, mini_report: Report) -> None:
    for quads in (make_messy_quads(), mini_report.quads):
        folder = tmp_path / str(len(quads))
        folder.mkdir()
        for line in write_dataset(quads, folder).read_lines():
            (quad,) = ox.parse(line, format=ox.RdfFormat.N_QUADS)
            (plain,) = ox.parse(decode_triple(encode_triple(line)), format=ox.RdfFormat.N_QUADS)
            assert plain.triple == quad.triple

"""What dumps say of anything that can be said, made from lines in pieces, is what was stated."""

from __future__ import annotations

import random
from pathlib import Path

import pyoxigraph as ox
import pytest
import zstandard

from kg.dataset import Dataset, write_dataset
from kg.formats import GRAPH_FORMATS, N_QUADS, RDF_XML, TRIG, TURTLE, Format, to_rdf_format
from kg.release.dumps import fragments, writer
from kg.release.dumps.orders import sort_dataset
from kg.release.dumps.reification import part, restore
from kg.release.dumps.writer import Dump, WholeDump, write_dumps, write_whole
from kg.vocab import AXIOM, OWL, TYPE, Names

BASE = "http://h/"
PREFIXES = Names(BASE).prefixes
GRAPHS = [ox.NamedNode(iri) for iri in ("http://h/article/a", "http://h/id/b", "http://h/g(3).", "urn:g:四")]
LOCALS = [
    "a",
    "b.",
    ".c",
    "d(e)",
    "f%20g",
    "紙",
    "h'i",
    "j/k",
    "-n",
    "o:p",
    "q~r",
    "1s",
    "",
    "t,u;v",
    "%25w&x",
]
SPACES = ["http://h/id/", "http://h/ontology#", "http://h/other/", "https://schema.org/", "urn:x:"]
PREDICATES = ["http://h/ontology#p", "http://h/other/q", "https://schema.org/名", str(TYPE.value)]
TEXTS = [
    "",
    "\\",
    "\\\\",
    'say "so"',
    '"""',
    "two\nlines",
    "\r\n",
    "\ttab ",
    "ends in \\",
    'quote at the end"',
    "'''",
    "\ud7ff\ue000\ufffd",
    "\U0001f600\U0010ffff",
    "名<字>&amp;]]>",
    "<!-- -- -->",
    "\u0085\u2028",
    " <http://h/id/b> .",
    f"> {TYPE} {AXIOM} ",
    f'" {TYPE} {AXIOM} .\n',
    "\\u0041",
    "@en",
    '"^^<urn:t>',
    "true",
    "1e5",
    "{} .",
    "\x7f",
]
DATATYPES = ["integer", "boolean", "decimal", "double", "date", "gYear"]
LANGUAGES = ["en", "zh-hant", "de-ch-1996"]
SEEDS = range(60)


def make_quads(rng: random.Random, fmt: Format) -> set[ox.Quad]:
    """Return some quads, some about axioms, which stand among the other subjects."""
    texts = [text for text in TEXTS if fmt != RDF_XML or "\x7f" not in text]
    return {quad for _ in range(rng.randrange(1, 25)) for quad in make_statements(rng, texts)}


def make_statements(rng: random.Random, texts: list[str]) -> list[ox.Quad]:
    graph = rng.choice(GRAPHS)
    subject, predicate = make_node(rng), ox.NamedNode(rng.choice(PREDICATES))
    values = [make_value(rng, texts) for _ in range(rng.randrange(1, 4))]
    if predicate == TYPE:
        values = [value for value in values if isinstance(value, ox.NamedNode)]
    quads = [ox.Quad(subject, predicate, value, graph) for value in values]
    if not values or rng.random() < 0.5:
        return quads
    axiom = ox.NamedNode(f"http://h/{rng.choice('af')}{rng.random()}")
    parts = {"annotatedSource": subject, "annotatedProperty": predicate, "annotatedTarget": values[0]}
    return [
        *quads,
        ox.Quad(axiom, TYPE, AXIOM, graph),
        *(ox.Quad(axiom, OWL(name), term, graph) for name, term in parts.items()),
        ox.Quad(axiom, ox.NamedNode(PREDICATES[0]), make_value(rng, texts), graph),
    ]


def make_node(rng: random.Random) -> ox.NamedNode:
    return ox.NamedNode(rng.choice(SPACES) + rng.choice(LOCALS))


def make_value(rng: random.Random, texts: list[str]) -> ox.NamedNode | ox.Literal:
    kind, text = rng.random(), "".join(rng.choices(texts, k=rng.randrange(1, 3)))
    if kind < 0.3:
        return make_node(rng)
    if kind < 0.5:
        return ox.Literal(text, language=rng.choice(LANGUAGES))
    if kind < 0.7:
        datatype = ox.NamedNode("http://www.w3.org/2001/XMLSchema#" + rng.choice(DATATYPES))
        return ox.Literal(rng.choice(["1", "-01", "+1.0", "1E0", ".5", "true", "x", text]), datatype=datatype)
    return ox.Literal(text)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files be read and parted often."""
    for name in ("SUBJECTS", "SUBJECTS_OF_GRAPHS"):
        monkeypatch.setattr(writer, name, 3)
    monkeypatch.setattr(fragments, "_READ_BYTES", 300)


def read(path: Path, fmt: Format) -> list[ox.Quad]:
    packed = path.with_name(f"{path.name}.{fmt.extension}.zst").open("rb")
    with packed, zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as content:
        return list(ox.parse(content.read(), format=to_rdf_format(fmt)))


def list_sources(dataset: Dataset, fmt: Format) -> tuple[Path, ...]:
    if fmt == TRIG:
        return tuple(graph.path for graph in dataset.graphs)
    lines = sort_dataset(dataset)
    return (lines.canonical if fmt == N_QUADS else lines.union,)


@pytest.mark.parametrize("fmt", [N_QUADS, TRIG, *GRAPH_FORMATS], ids=lambda fmt: fmt.name)
def test_the_whole_is_what_was_stated(tmp_path: Path, fmt: Format) -> None:
    for seed in SEEDS:
        quads = make_quads(random.Random(seed), fmt)
        dataset = write_dataset(quads, tmp_path)
        write_whole(tmp_path, list_sources(dataset, fmt), (WholeDump("whole", fmt),), PREFIXES)
        found = read(tmp_path / "whole", fmt)
        wanted = quads if fmt in (N_QUADS, TRIG) else {ox.Quad(*quad.triple) for quad in quads}
        assert set(found) == wanted, seed
        assert len(found) == len(wanted), seed


@pytest.mark.parametrize("fmt", [N_QUADS, TRIG, TURTLE], ids=lambda fmt: fmt.name)
def test_so_is_the_whole_in_rdf_1_2(tmp_path: Path, fmt: Format) -> None:
    """Both versions are made in one pass, and share what has no axioms in it."""
    for seed in SEEDS:
        quads = make_quads(random.Random(seed), fmt)
        dataset = write_dataset(quads, tmp_path)
        both = WholeDump("whole", fmt), WholeDump("newer", fmt, rdf="1.2")
        write_whole(tmp_path, list_sources(dataset, fmt), both, PREFIXES)
        wanted = quads if fmt in (N_QUADS, TRIG) else {ox.Quad(*quad.triple) for quad in quads}
        newer = read(tmp_path / "newer", fmt)
        assert set(read(tmp_path / "whole", fmt)) == wanted, seed
        assert set(restore(newer)) == wanted, seed
        assert not any(quad.object == AXIOM for quad in newer), seed


@pytest.mark.parametrize("held", [0, 10_000], ids=["parsed for each format", "parsed once"])
def test_so_is_each_graph(tmp_path: Path, held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "PARSED_ONCE_BYTES", held)
    for seed in SEEDS:
        quads = make_quads(random.Random(seed), RDF_XML)
        dataset = write_dataset(quads, tmp_path)
        for graph in dataset.graphs:
            some = [
                Dump("graph", fmt, graph.path, graph.size, ("head",), graph.iri, "", None)
                for fmt in GRAPH_FORMATS
            ]
            write_dumps(tmp_path, some, PREFIXES)
            wanted = {ox.Quad(*quad.triple) for quad in quads if quad.graph_name.value == graph.iri}
            for fmt in GRAPH_FORMATS:
                assert set(read(tmp_path / "graph", fmt)) == wanted, (seed, fmt.name)


def test_lines_are_parted_where_axioms_begin_and_end(tmp_path: Path) -> None:
    for seed in SEEDS:
        lines = sort_dataset(write_dataset(make_quads(random.Random(seed), TURTLE), tmp_path))
        for content in (lines.union.read_bytes(), lines.canonical.read_bytes()):
            pieces = list(part(content))
            assert b"".join(piece for piece, _ in pieces) == content
            subjects = [{line.partition(b" ")[0] for line in piece.splitlines()} for piece, _ in pieces]
            assert sum(map(len, subjects)) == len(set().union(*subjects))
            axioms = f"> {TYPE} {AXIOM} ".encode()
            assert not any(axioms in piece for piece, has_axioms in pieces if not has_axioms)

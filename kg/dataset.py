"""The published quads on disk, while they are checked and a release is made of them.

There is a file of N-Quads for each named graph, sorted for readers. All is made from these lines, one after
the other, so that no step takes memory for all of them. The order for readers is by graph, subject, predicate
(``rdf:type`` first) and object, each by code points; the bytes of UTF-8 have the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

from pyoxigraph import Quad, RdfFormat, parse

from kg.model import Block
from kg.sorting import READ_BYTES, sort_lines
from kg.vocab import TYPE

_TYPE = str(TYPE)

LINES_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class GraphFile:
    """A named graph: its IRI, the file of its lines, and how many these are."""

    iri: str
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """All graphs, sorted by IRI; ``folder`` is where steps put what they need for a while."""

    graphs: tuple[GraphFile, ...]
    folder: Path

    def __len__(self) -> int:
        return sum(graph.size for graph in self.graphs)

    def read_lines(self) -> Iterator[bytes]:
        """Yield all lines in the order for readers."""
        for graph in self.graphs:
            yield from read_lines(graph.path)

    def read_quads(self) -> Iterator[Quad]:
        """Yield all quads in the order for readers."""
        for graph in self.graphs:
            yield from read_quads(graph.path)


def write_dataset(quads: Iterable[Quad | Block], folder: Path) -> Dataset:
    """Write the files of all graphs.

    Parameters
    ----------
    quads: in any order, one by one or those about a subject together; what comes twice is written once.
    folder: is there, and stays while the dataset is used.

    Raises
    ------
    TypeError: a quad has a blank node; with one, sorted lines would not be canonical.
    """
    keys = sort_lines(map(_encode, quads), folder)
    groups = groupby(keys, key=lambda key: key.partition(b"\t")[0])
    return Dataset(
        tuple(
            _write_graph(graph.decode(), folder / f"graph-{number}.nq", members)
            for number, (graph, members) in enumerate(groups)
        ),
        folder,
    )


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file."""
    with path.open("rb", READ_BYTES) as file:
        yield from file


def read_quads(path: Path) -> Iterator[Quad]:
    """Yield the quads of a file of N-Quads or N-Triples that was written here."""
    # Lenient, since the lines were made of quads that are valid.
    yield from parse(path=str(path), format=RdfFormat.N_QUADS, lenient=True)


def _write_graph(iri: str, path: Path, keys: Iterable[bytes]) -> GraphFile:
    size, end = 0, b" <%b> .\n" % iri.encode()
    with path.open("wb", READ_BYTES) as file:
        for subject, blocks in groupby((key[:-1].split(b"\t", 2)[1:] for key in keys), key=itemgetter(0)):
            pairs = _unite([pairs for _, pairs in blocks])
            size += pairs.count(_NEXT) + 1
            file.write(_decode(subject, pairs, end))
    return GraphFile(iri, path, size)


def write_lines(path: Path, lines: Iterable[bytes]) -> int:
    """Write lines to a file; returns how many there were."""
    size, rest = 0, iter(lines)
    with path.open("wb", READ_BYTES) as file:
        while some := list(islice(rest, LINES_AT_ONCE)):
            file.writelines(some)
            size += len(some)
    return size


# --- sort keys ---------------------------------------------------------------------------------------

# A key is the parts of a line in the order in which they count, parted by tabs. No IRI has a tab or a lesser
# character in it, and the object, which may, comes last; so keys sort as lists of their parts would. A key of
# a block has all its pairs, sorted, with a character between them that N-Quads never have.

_NEXT = b"\x01"


def _encode(quad: Quad | Block) -> bytes:
    block = _to_block(quad) if isinstance(quad, Quad) else quad
    # A set, since the grounds of a fact may say the same twice.
    pairs = sorted({f"{'0' if p == _TYPE else '1'}{p[1:-1]}\t{value}" for p, value in block.pairs})
    joined = "\x01".join(pairs)
    if block.subject[0] == "_" or "\t_:" in joined:
        raise TypeError(f"{quad} has a blank node")
    return f"{block.graph[1:-1]}\t{block.subject[1:-1]}\t{joined}\n".encode()


def _to_block(quad: Quad) -> Block:
    pair = str(quad.predicate), str(quad.object)
    return Block(str(quad.graph_name), str(quad.subject), (pair,))


def _unite(blocks: list[bytes]) -> bytes:
    """Return the pairs of all blocks, each once."""
    if len(blocks) == 1:
        return blocks[0]
    return _NEXT.join(sorted({pair for block in blocks for pair in block.split(_NEXT)}))


def _decode(subject: bytes, pairs: bytes, end: bytes) -> bytes:
    """Return the lines about a subject, which end with a graph."""
    start = b"<%b> <" % subject
    between = end + start
    text = pairs[1:].replace(b"\t", b"> ").replace(b"\x010", between).replace(b"\x011", between)
    return start + text + end


def encode_triple(line: bytes) -> bytes:
    """Return the key of the triple in a line of N-Quads."""
    subject, predicate, rest = line.split(b" ", 2)
    value = rest.rpartition(b" <")[0]
    flag = b"0" if predicate == _TYPE.encode() else b"1"
    return b"%b\t%b%b\t%b\n" % (subject[1:-1], flag, predicate[1:-1], value)


def decode_triple(key: bytes) -> bytes:
    """Return the line of N-Triples that a key stands for."""
    subject, predicate, value = key.split(b"\t", 2)
    return b"<%b> <%b> %b .\n" % (subject, predicate[1:], value[:-1])

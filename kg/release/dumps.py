"""Writes the dumps of a release: sorted, gzipped, with the same bytes from the same data.

Sources: RDF 1.1 Turtle; RDF 1.1 N-Quads; RFC 1952 (gzip), whose time stamp is left at zero.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, cast

from pyoxigraph import Quad, RdfFormat, Triple, serialize

from kg.release.layout import DumpFile
from kg.vocab import TYPE, Names, named

WHOLE = "article-kg"
"""Stem of the dumps of the whole dataset."""


def sort_quads(quads: Iterable[Quad]) -> list[Quad]:
    """Sort by graph, subject, predicate and object in code point order, with ``rdf:type`` first."""
    return sorted(quads, key=_sort_key)


def _sort_key(quad: Quad) -> tuple[object, ...]:
    return (named(quad.graph_name).value, *_triple_key(quad))


def _triple_key(statement: Quad | Triple) -> tuple[object, ...]:
    predicate = statement.predicate
    return (named(statement.subject).value, predicate != TYPE, predicate.value, str(statement.object))


def write_dumps(folder: Path, quads: list[Quad], names: Names) -> Iterator[DumpFile]:
    """Write all dumps and ``SHA256SUMS``; yields each file as it is done.

    Parameters
    ----------
    quads: sorted by ``sort_quads``.
    """
    written = [write_nquads(folder / f"{WHOLE}.nq.gz", quads)]
    written.append(_write_turtle(folder / f"{WHOLE}.ttl.gz", merge_triples(quads), names))
    for graph in dict.fromkeys(named(quad.graph_name) for quad in quads):
        triples = [_triple(quad) for quad in quads if quad.graph_name == graph]
        name = graph.value.removeprefix(names.base).replace("/", "-")
        written.append(_write_turtle(folder / f"{name}.ttl.gz", triples, names, graph.value))
    sums = "".join(f"{dump.sha256}  {dump.name}\n" for dump in sorted(written, key=lambda d: d.name))
    (folder / "SHA256SUMS").write_text(sums, encoding="ascii")
    yield from written


def merge_triples(quads: Iterable[Quad]) -> list[Triple]:
    """Return the union of all graphs, in the order of ``sort_quads``."""
    return sorted({_triple(quad) for quad in quads}, key=_triple_key)


def _triple(quad: Quad) -> Triple:
    return Triple(quad.subject, quad.predicate, quad.object)


def write_nquads(path: Path, quads: list[Quad]) -> DumpFile:
    """Write a dump of quads."""
    return _write(path, RdfFormat.N_QUADS, quads, None, "")


def _write_turtle(path: Path, triples: list[Triple], names: Names, graph: str = "") -> DumpFile:
    return _write(path, RdfFormat.TURTLE, triples, names.prefixes, graph)


def _write(
    path: Path,
    fmt: RdfFormat,
    statements: list[Quad] | list[Triple],
    prefixes: dict[str, str] | None,
    graph: str,
) -> DumpFile:
    # The name in the gzip header is left out too: it would carry the name of the file in the making.
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        serialize(statements, cast(IO[bytes], packed), format=fmt, prefixes=prefixes)
    with path.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    return DumpFile(path.name, graph, path.stat().st_size, digest, len(statements))

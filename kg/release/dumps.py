"""Writes the dumps of a release: sorted, packed, with the same bytes from the same data.

The N-Quads are canonical: there are no blank nodes to name, so the lines of canonical N-Quads in the order of
their code points are what RDF Dataset Canonicalization gives, and the SHA-256 of that file is the canonical
hash of the dataset. Two such files are compared line by line. The other formats are sorted for readers and
state where they are from at their top.

Sources: RDF Dataset Canonicalization 1.0 (RDFC-1.0), section 4; RDF 1.1 Turtle, TriG, N-Triples, N-Quads, XML
Syntax; JSON-LD 1.1; RDF 1.2 Concepts, section 1.5 (reifying triples).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from pyoxigraph import BlankNode, NamedNode, Quad, Triple

from kg.formats import GRAPH_FORMATS, N_QUADS, TRIG, TURTLE, Format
from kg.release.layout import CHECKSUMS, IDENTITY, LAYOUT_VERSION, ArticleEntry, DumpFile
from kg.release.writing import Written, write_packed
from kg.vocab import AXIOM, OWL, REIFIES, TYPE, Names, named

WHOLE = "article-kg"
"""Stem of the dumps of the whole dataset."""

RDF_1_2 = f"{WHOLE}-rdf12"
"""Stem of the dumps in which a simple relation is reified by a triple term."""

_PARTS = ("annotatedSource", "annotatedProperty", "annotatedTarget")


def sort_quads(quads: Iterable[Quad]) -> list[Quad]:
    """Sort by graph, subject, predicate and object in code point order, with ``rdf:type`` first."""
    return sorted(quads, key=_sort_key)


def _sort_key(quad: Quad) -> tuple[object, ...]:
    return (named(quad.graph_name).value, *_triple_key(quad))


def _triple_key(statement: Quad | Triple) -> tuple[object, ...]:
    predicate = statement.predicate
    return (named(statement.subject).value, predicate != TYPE, predicate.value, str(statement.object))


def canonicalize(quads: Iterable[Quad]) -> list[Quad]:
    """Sort by the code points of the canonical lines; raises ``TypeError`` at a blank node."""
    return sorted(quads, key=_canonical_line)


def _canonical_line(quad: Quad) -> str:
    # Nothing published is a blank node; with one, this order would not be the canonical one.
    for term in (quad.subject, quad.object, quad.graph_name):
        if isinstance(term, BlankNode):
            raise TypeError(f"{quad} has a blank node")
    return f"{quad} ."


def merge_triples(quads: Iterable[Quad]) -> list[Triple]:
    """Return the union of all graphs, in the order of ``sort_quads``."""
    return sorted({quad.triple for quad in quads}, key=_triple_key)


class DumpWriter:
    """Writes all dumps of one release into a folder.

    Parameters
    ----------
    articles: what the heads of the dumps name as sources.
    """

    def __init__(
        self, folder: Path, release_id: str, names: Names, articles: tuple[ArticleEntry, ...]
    ) -> None:
        self.folder = folder
        self.release_id = release_id
        self.names = names
        self.articles = articles
        self.canonical_sha256 = ""
        self._dumps: list[DumpFile] = []

    def write(self, quads: list[Quad], licence: str) -> tuple[DumpFile, ...]:
        """Write all dumps, ``release.json`` and ``SHA256SUMS``, and return the dumps.

        Parameters
        ----------
        quads: sorted by ``sort_quads``.
        licence: IRI of the licence of what is published; empty if the ontology names none.
        """
        head = (*self._describe(licence),)
        self._write_dataset(quads, head)
        union = merge_triples(quads)
        for fmt in GRAPH_FORMATS:
            self._write(WHOLE, fmt, union, (*head, "Holds: the union of all named graphs"))
        self._write_rdf_1_2(quads, head)
        for graph, members in groupby(quads, key=lambda quad: named(quad.graph_name)):
            triples = [quad.triple for quad in members]
            for fmt in GRAPH_FORMATS:
                about = (*head, f"Holds: the named graph {graph.value}")
                self._write(name_graph(graph, self.names), fmt, triples, about, graph=graph.value)
        self._write_identity(len(quads), licence)
        self._write_checksums()
        return tuple(self._dumps)

    def _describe(self, licence: str) -> Iterator[str]:
        yield "Article KG: facts of news articles, each with the sentence that it comes from"
        yield f"Release: {self.release_id}, {self.names.base}releases/{self.release_id}"
        if licence:
            yield f"Licence: {licence} for the facts and the vocabulary; quoted words are of their publishers"
        for article in self.articles:
            said = f"{article.headline}; {article.publisher}, {article.published}; {article.url}"
            yield "Source: " + " ".join(said.split())

    def _write_dataset(self, quads: list[Quad], head: tuple[str, ...]) -> None:
        written = self._write(WHOLE, N_QUADS, canonicalize(quads), ())
        self.canonical_sha256 = written.sha256
        self._write(WHOLE, TRIG, quads, (*head, "Holds: all named graphs"))

    def _write_rdf_1_2(self, quads: list[Quad], head: tuple[str, ...]) -> None:
        said = "Holds: RDF 1.2, in which rdf:reifies and a triple term stand for each owl:Axiom of RDF 1.1"
        reified = list(reify(quads))
        union = sorted({quad.triple for quad in reified}, key=_triple_key)
        self._write(RDF_1_2, N_QUADS, canonicalize(reified), (), version="1.2")
        self._write(RDF_1_2, TRIG, reified, (*head, said), version="1.2")
        self._write(RDF_1_2, TURTLE, union, (*head, said), version="1.2")

    def _write(
        self,
        stem: str,
        fmt: Format,
        statements: list[Quad] | list[Triple],
        head: tuple[str, ...],
        *,
        graph: str = "",
        version: str = "1.1",
    ) -> Written:
        # A line-based format of RDF 1.2 may be read line by line, so it gets no directive.
        directive = version if version != "1.1" and fmt in (TURTLE, TRIG) else ""
        written = write_packed(self.folder / stem, fmt, statements, self.names.prefixes, head, directive)
        for file in written.files:
            self._dumps.append(
                DumpFile(
                    file.name,
                    graph,
                    file.size_bytes,
                    file.sha256,
                    len(statements),
                    format=fmt.name,
                    coding=file.coding,
                    unpacked_bytes=written.size_bytes,
                    rdf=version,
                )
            )
        return written

    def _write_identity(self, quads: int, licence: str) -> None:
        identity = {
            "release": self.release_id,
            "base_iri": self.names.base,
            "layout": LAYOUT_VERSION,
            "quads": quads,
            # Canonical N-Quads and JSON-LD can state neither at their top.
            "licence": licence or None,
            "sources": [
                {"article": a.iri, "url": a.url, "publisher": a.publisher, "published": a.published}
                for a in self.articles
            ],
            "description": f"{self.names.base}.well-known/void",
            "canonical_hash": {"algorithm": "RDFC-1.0, SHA-256", "value": self.canonical_sha256},
        }
        text = json.dumps(identity, indent=2) + "\n"
        (self.folder / IDENTITY).write_text(text, encoding="utf-8")

    def _write_checksums(self) -> None:
        sums = {dump.name: dump.sha256 for dump in self._dumps}
        sums[IDENTITY] = hash_file(self.folder / IDENTITY)
        lines = (f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
        (self.folder / CHECKSUMS).write_text("".join(lines), encoding="ascii")


def name_graph(graph: NamedNode, names: Names) -> str:
    """Return the stem of the dumps of a named graph.

    >>> names = Names("http://h/")
    >>> name_graph(names.article("a"), names), name_graph(names.article("kg"), names)
    ('article-a', 'graph-article-kg')
    """
    stem = graph.value.removeprefix(names.base).replace("/", "-")
    return f"graph-{stem}" if stem.startswith(WHOLE) else stem


def reify(quads: Iterable[Quad]) -> Iterator[Quad]:
    """Yield RDF 1.2: an axiom becomes a reifier of its relation, and keeps all that is said about it.

    Parameters
    ----------
    quads: sorted by ``sort_quads``, so that what is said about a thing in a graph stands together.
    """
    for _, said in groupby(quads, key=lambda quad: (quad.graph_name, quad.subject)):
        yield from _reify_one(list(said))


def _reify_one(said: list[Quad]) -> Iterator[Quad]:
    if not any(quad.predicate == TYPE and quad.object == AXIOM for quad in said):
        yield from said
        return
    parts = {quad.predicate: quad.object for quad in said}
    subject, predicate, value = (parts[OWL(part)] for part in _PARTS)
    relation = Triple(named(subject), named(predicate), value)
    replaced = {OWL(part) for part in _PARTS}
    yield Quad(said[0].subject, REIFIES, relation, said[0].graph_name)
    for quad in said:
        if quad.predicate not in replaced and quad.object != AXIOM:
            yield quad


def restore(quads: Iterable[Quad]) -> Iterator[Quad]:
    """Undo ``reify``: yield RDF 1.1, in no order."""
    for quad in quads:
        if quad.predicate == REIFIES and isinstance(quad.object, Triple):
            relation = quad.object
            yield Quad(quad.subject, TYPE, AXIOM, quad.graph_name)
            for part, term in zip(
                _PARTS, (relation.subject, relation.predicate, relation.object), strict=True
            ):
                yield Quad(quad.subject, OWL(part), term, quad.graph_name)
        else:
            yield quad


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

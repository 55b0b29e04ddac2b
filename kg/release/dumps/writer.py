"""Writes the dumps of a release: sorted, packed, with the same bytes from the same data.

The N-Quads are canonical: there are no blank nodes to name, so the lines of canonical N-Quads in the order of
their code points are what RDF Dataset Canonicalization gives, and the SHA-256 of that file is the canonical
hash of the dataset. Two such files are compared line by line. The other formats are sorted for readers and
state where they are from at their top.

Sources: RDF Dataset Canonicalization 1.0 (RDFC-1.0), section 4; RDF 1.1 Turtle, TriG, N-Triples, N-Quads, XML
Syntax; JSON-LD 1.1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, groupby
from pathlib import Path

from kg.dataset import Dataset, GraphFile
from kg.formats import GRAPH_FORMATS, N_QUADS, TRIG, TURTLE, Format
from kg.release.digests import hash_file, hash_texts
from kg.release.dumps.fragments import (
    SUBJECTS,
    SUBJECTS_OF_GRAPHS,
    Fragment,
    Wording,
    read_whole,
    split,
    word,
)
from kg.release.dumps.orders import Lines
from kg.release.dumps.packing import Written, describe_writing, open_packed, render_head
from kg.release.dumps.parts import EarlierDump, PackedParts, PartsWriter, open_parts
from kg.release.dumps.reuse import Earlier, EarlierBuild, Origins, name_dump, take_over
from kg.release.layout import CHECKSUMS, IDENTITY, LAYOUT_VERSION, WHOLE, ArticleEntry, DumpFile
from kg.vocab import Names

RDF_1_2 = f"{WHOLE}-rdf12"
"""Stem of the dumps in which a simple relation is reified by a triple term."""

DUMPS_A_JOB = 40
"""Dumps of single graphs that are written by one job; most of them are small."""

PARSED_ONCE_BYTES = 4 * 1024 * 1024
"""Lines of a graph that are held at once; parsed they take ten times as much."""


@dataclass(frozen=True, slots=True)
class Dump:
    """A dump of one graph that is to be written, from the file of its lines.

    ``key`` stands for all that the files depend on, which may be taken from an ``earlier`` build.
    """

    stem: str
    fmt: Format
    source: Path
    triples: int
    head: tuple[str, ...]
    graph: str
    key: str
    earlier: Earlier | None


@dataclass(frozen=True, slots=True)
class WholeDump:
    """A dump of the whole dataset that is to be written; ``earlier`` is what parts may be copied from."""

    stem: str
    fmt: Format
    head: tuple[str, ...] = ()
    rdf: str = "1.1"
    earlier: EarlierDump | None = None

    @property
    def name(self) -> str:
        """Its name among all dumps."""
        return name_dump(self.stem, self.fmt.name)


@dataclass(frozen=True, slots=True)
class WrittenDump:
    """The files of a dump, and its parts, if it has any."""

    files: tuple[DumpFile, ...]
    name: str = ""
    parts: PackedParts | None = None


class DumpWriter:
    """Writes all dumps of one release into a folder.

    Parameters
    ----------
    articles: what the heads of the dumps name as sources.
    licence: IRI of the licence of what is published; empty if the ontology names none.
    earlier: dumps that need not be written again where nothing changed.
    hashes: of the file of each graph.
    """

    def __init__(
        self,
        folder: Path,
        release_id: str,
        names: Names,
        articles: tuple[ArticleEntry, ...],
        licence: str,
        earlier: EarlierBuild,
        hashes: Mapping[str, str],
    ) -> None:
        self.folder = folder
        self.release_id = release_id
        self.names = names
        self.articles = articles
        self.licence = licence
        self.earlier = earlier
        self.hashes = hashes
        self.canonical_sha256 = ""
        self._keys: dict[str, str] = {}
        self._parts: dict[str, PackedParts] = {}

    def plan(self, dataset: Dataset, lines: Lines) -> list[Callable[[], tuple[WrittenDump, ...]]]:
        """Return the jobs that write the dumps; they may run at once."""
        graphs, prefixes = self._list_graphs(dataset), self.names.prefixes
        some = [graphs[start : start + DUMPS_A_JOB] for start in range(0, len(graphs), DUMPS_A_JOB)]
        whole = self._list_whole(dataset, lines)
        return [
            *(partial(write_whole, self.folder, sources, dumps, prefixes) for sources, dumps in whole),
            *(partial(write_dumps, self.folder, dumps, prefixes) for dumps in some),
        ]

    def finish(self, quads: int, dumps: Iterable[WrittenDump], canonical: Path) -> tuple[DumpFile, ...]:
        """Write ``release.json`` and ``SHA256SUMS`` beside the dumps, and return all their files.

        Parameters
        ----------
        dumps: what the jobs returned.
        canonical: the unpacked canonical N-Quads.
        """
        files: list[DumpFile] = []
        for dump in dumps:
            files += dump.files
            if dump.parts is not None:
                self._parts[dump.name] = dump.parts
        self.canonical_sha256 = hash_file(canonical)
        self._write_identity(quads)
        self._write_checksums(files)
        return tuple(files)

    def tell_origins(self) -> Origins:
        """Return what the dumps were made from, once all are there."""
        return Origins(self._keys, self._parts, self.hashes)

    def _list_whole(
        self, dataset: Dataset, lines: Lines
    ) -> Iterator[tuple[tuple[Path, ...], tuple[WholeDump, ...]]]:
        """Yield the files of the lines in each order, with the dumps that are made from them."""
        head = tuple(self._describe(self.articles, of_release=True))
        union = (*head, "Holds: the union of all named graphs")
        said = "Holds: RDF 1.2, in which rdf:reifies and a triple term stand for each owl:Axiom of RDF 1.1"
        graphs = tuple(graph.path for graph in dataset.graphs)
        yield (
            (lines.union,),
            (
                *(self._plan_whole(fmt, union) for fmt in GRAPH_FORMATS),
                self._plan_whole(TURTLE, (*head, said), "1.2"),
            ),
        )
        yield (lines.canonical,), (self._plan_whole(N_QUADS), self._plan_whole(N_QUADS, rdf="1.2"))
        named = self._plan_whole(TRIG, (*head, "Holds: all named graphs"))
        yield graphs, (named, self._plan_whole(TRIG, (*head, said), "1.2"))

    def _plan_whole(self, fmt: Format, head: tuple[str, ...] = (), rdf: str = "1.1") -> WholeDump:
        stem = WHOLE if rdf == "1.1" else RDF_1_2
        return WholeDump(stem, fmt, head, rdf, self.earlier.find_parts(name_dump(stem, fmt.name)))

    def _list_graphs(self, dataset: Dataset) -> list[Dump]:
        articles = {article.iri: article for article in self.articles}
        dumps: list[Dump] = []
        for graph in dataset.graphs:
            # The ontology and the shared entities are from no article; the dumps of all graphs name them all.
            sources = (articles[graph.iri],) if graph.iri in articles else ()
            head = (*self._describe(sources), f"Holds: the named graph {graph.iri}")
            dumps += self._plan_graph(graph, head)
        return dumps

    def _plan_graph(self, graph: GraphFile, head: tuple[str, ...]) -> Iterator[Dump]:
        content, stem = self.hashes[graph.iri], name_graph(graph.iri, self.names)
        for fmt in GRAPH_FORMATS:
            parts = (content, fmt.name, *head, *chain(*self.names.prefixes.items()), *describe_writing())
            key = self._keys[name_dump(graph.iri, fmt.name)] = hash_texts(parts)
            earlier = self.earlier.find(graph.iri, fmt.name)
            yield Dump(stem, fmt, graph.path, graph.size, head, graph.iri, key, earlier)

    def _describe(self, articles: Iterable[ArticleEntry], *, of_release: bool = False) -> Iterator[str]:
        yield "Article KG: facts of news articles, each with the sentence that it comes from"
        if of_release:  # the dump of a graph is the same in each release in which the graph is
            yield f"Release: {self.release_id}, {self.names.base}releases/{self.release_id}"
        if self.licence:
            said = "for the facts and the vocabulary; quoted words are of their publishers"
            yield f"Licence: {self.licence} {said}"
        for article in articles:
            said = f"{article.headline}; {article.publisher}, {article.published}; {article.url}"
            yield "Source: " + " ".join(said.split())

    def _write_identity(self, quads: int) -> None:
        identity = {
            "release": self.release_id,
            "base_iri": self.names.base,
            "layout": LAYOUT_VERSION,
            "quads": quads,
            # Canonical N-Quads and JSON-LD can state neither at their top.
            "licence": self.licence or None,
            "sources": [
                {"article": a.iri, "url": a.url, "publisher": a.publisher, "published": a.published}
                for a in self.articles
            ],
            "description": f"{self.names.base}.well-known/void",
            "canonical_hash": {"algorithm": "RDFC-1.0, SHA-256", "value": self.canonical_sha256},
        }
        text = json.dumps(identity, indent=2) + "\n"
        (self.folder / IDENTITY).write_text(text, encoding="utf-8")

    def _write_checksums(self, dumps: Iterable[DumpFile]) -> None:
        sums = {dump.name: dump.sha256 for dump in dumps}
        sums[IDENTITY] = hash_file(self.folder / IDENTITY)
        lines = (f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
        (self.folder / CHECKSUMS).write_text("".join(lines), encoding="ascii")


def write_whole(
    folder: Path, sources: tuple[Path, ...], dumps: Iterable[WholeDump], prefixes: dict[str, str]
) -> tuple[WrittenDump, ...]:
    """Write dumps of the whole dataset into a folder, from files of lines in the order of all of them."""
    with ExitStack() as stack:
        writers = [
            (dump, stack.enter_context(_open_whole(folder / dump.stem, dump, prefixes))) for dump in dumps
        ]
        subjects = SUBJECTS_OF_GRAPHS if any(dump.fmt == TRIG for dump, _ in writers) else SUBJECTS
        for fragment in split(sources, subjects):
            for _, writer in writers:
                writer.add(fragment)
        return tuple(_finish_whole(dump, writer) for dump, writer in writers)


def _open_whole(stem: Path, dump: WholeDump, prefixes: dict[str, str]) -> AbstractContextManager[PartsWriter]:
    # Only formats that are not read line by line announce their version.
    announced = dump.rdf if dump.rdf != "1.1" and dump.fmt != N_QUADS else ""
    head = render_head(dump.fmt, dump.head, announced)
    return open_parts(stem, word(dump.fmt, prefixes, dump.rdf), head, prefixes, dump.earlier)


def _finish_whole(dump: WholeDump, writer: PartsWriter) -> WrittenDump:
    written, parts = writer.finish()
    return WrittenDump(_describe_files(written, dump.fmt, writer.statements, rdf=dump.rdf), dump.name, parts)


def write_dumps(folder: Path, dumps: Iterable[Dump], prefixes: dict[str, str]) -> tuple[WrittenDump, ...]:
    """Write dumps of graphs into a folder; those of a graph come one after the other.

    Each is there once for each compression, or is taken over as it is.
    """
    wordings = {fmt: word(fmt, prefixes) for fmt in GRAPH_FORMATS}
    return tuple(
        WrittenDump(files)
        for source, some in groupby(dumps, key=lambda dump: dump.source)
        for files in _write_graph(folder, source, some, wordings)
    )


def _write_graph(
    folder: Path, source: Path, dumps: Iterable[Dump], wordings: Mapping[Format, Wording]
) -> Iterator[tuple[DumpFile, ...]]:
    # Lines that are few are parsed once for all formats; others once for each, so that memory stays small.
    held = list[Fragment]()
    for dump in dumps:
        if dump.earlier and dump.earlier.key == dump.key and take_over(dump.earlier, folder):
            yield dump.earlier.files
        elif source.stat().st_size > PARSED_ONCE_BYTES:
            fragments = (_cut_graph(fragment, dump.graph) for fragment in split((source,)))
            yield _write_dump(folder, dump, wordings[dump.fmt], fragments)
        else:
            held = held or [_cut_graph(read_whole(source), dump.graph)]
            yield _write_dump(folder, dump, wordings[dump.fmt], held)


def _cut_graph(fragment: Fragment, graph: str) -> Fragment:
    """Return lines of a graph as N-Triples."""
    # No literal has a line break in it, so this is only found where lines end.
    content = fragment.content.replace(f" <{graph}> .\n".encode(), b" .\n")
    return replace(fragment, content=content, has_axioms_apart=False)


def _write_dump(
    folder: Path, dump: Dump, wording: Wording, fragments: Iterable[Fragment]
) -> tuple[DumpFile, ...]:
    with open_packed(folder / dump.stem, dump.fmt) as packer:
        packer.pack(render_head(dump.fmt, dump.head) + wording.head)
        for fragment in fragments:
            packer.pack(wording.write(fragment)[0])
        packer.pack(wording.tail)
    return _describe_files(packer.describe(), dump.fmt, dump.triples, dump.graph)


def _describe_files(
    written: Written, fmt: Format, triples: int, graph: str = "", rdf: str = "1.1"
) -> tuple[DumpFile, ...]:
    return tuple(
        DumpFile(
            file.name,
            graph,
            file.size_bytes,
            file.sha256,
            triples,
            format=fmt.name,
            coding=file.coding,
            unpacked_bytes=written.size_bytes,
            rdf=rdf,
        )
        for file in written.files
    )


def name_graph(graph: str, names: Names) -> str:
    """Return the stem of the dumps of a named graph.

    >>> names = Names("http://h/")
    >>> name_graph("http://h/article/a", names), name_graph("http://h/article/kg", names)
    ('article-a', 'graph-article-kg')
    """
    stem = graph.removeprefix(names.base).replace("/", "-")
    return f"graph-{stem}" if stem.startswith(WHOLE) else stem

"""The SPARQL page: a query, its answer as people look at it, and what else can be done with both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flask import Response, url_for
from pyoxigraph import NamedNode

from kg.description import Description
from kg.description_index import Index
from kg.formats import GRAPH_FORMATS, RESULT_FORMATS, Format
from kg.vocab import COMMENT, RDFS, SH, shorten
from webapp import current
from webapp.links import Linker, Shown, pick_text
from webapp.negotiation import HTML
from webapp.protocol import SparqlRequest
from webapp.snippets import write_snippets
from webapp.tables import Cell, GraphText, Table
from webapp.templating import render
from webapp.views.documents import Download, linker, names, reader

MAX_LINKED_BYTES = 6000
"""Bytes of a query in links to it; servers and proxies take addresses of 8 KiB."""

_TITLES = {
    "json": "JSON", "xml": "XML", "csv": "CSV", "tsv": "TSV",
    "turtle": "Turtle", "ntriples": "N-Triples", "jsonld": "JSON-LD", "rdfxml": "RDF/XML",
}  # fmt: skip

_PREFIXES_SHOWN = ("id", "kg", "org", "prov", "rdfs", "schema", "skos")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a query: a table, a graph or an error."""

    table: Table | None = None
    graph: GraphText | None = None
    error: Exception | None = None


def write_first_query() -> str:
    """Return the query that the page opens with: the usual prefixes, and something to change."""
    prefixes = names().prefixes
    head = "".join(f"PREFIX {prefix}: <{prefixes[prefix]}>\n" for prefix in _PREFIXES_SHOWN)
    return (
        f"{head}\nSELECT ?person ?name ?post WHERE {{\n"
        '  ?person a schema:Person ; skos:prefLabel ?name . FILTER(lang(?name) = "en")\n'
        "  OPTIONAL { ?person org:holds ?post }\n} ORDER BY ?name LIMIT 100\n"
    )


def show_introduction() -> Response:
    """Return the page before a query was asked."""
    return _render(write_first_query(), None)


def show_outcome(asked: SparqlRequest, outcome: Outcome, status: int = 200) -> Response:
    """Return the page of a query that was answered or refused."""
    if outcome.table is not None:
        outcome = replace(outcome, table=name_things(outcome.table))
    return _render(asked.text or "", outcome, asked, status)


def _render(
    text: str, outcome: Outcome | None, asked: SparqlRequest | None = None, status: int = 200
) -> Response:
    graph = outcome is not None and outcome.graph is not None
    endpoint = f"{names().base}sparql"
    page = render(
        "sparql.html",
        text=text,
        outcome=outcome,
        limits=current.settings(),
        endpoint=endpoint,
        examples=list_examples(),
        prefixes=names().prefixes,
        downloads=link_downloads(asked, GRAPH_FORMATS if graph else RESULT_FORMATS) if asked else [],
        snippets=write_snippets(endpoint, text, graph),
    )
    return Response(page, status=status, content_type=HTML.content_type)


def link_downloads(asked: SparqlRequest, formats: tuple[Format, ...]) -> list[Download]:
    """Return links to the whole answer in all formats; none where the query is too long for an address."""
    text = asked.text or ""
    if len(text.encode()) > MAX_LINKED_BYTES:
        return []
    dataset: dict[str, Any] = {
        "default-graph-uri": list(asked.dataset.default_graphs),
        "named-graph-uri": list(asked.dataset.named_graphs),
    }
    return [
        Download(
            url_for("sparql.query", query=text, format=fmt.name, **dataset), fmt.media_type, _TITLES[fmt.name]
        )
        for fmt in formats
    ]


def name_things(table: Table) -> Table:
    """Give the IRIs of a table the names of what they stand for, and links to its page."""
    iris = {cell.iri for row in table.rows for cell in row if cell.iri}
    own = [NamedNode(iri) for iri in iris if iri.startswith(names().base)]
    index = Index(Description(iri=names().ontology, own=reader().read_labels(own)), names())
    shown = {iri: _name_cell(iri, index, linker()) for iri in iris}
    return replace(table, rows=tuple(tuple(shown.get(cell.iri, cell) for cell in row) for row in table.rows))


def _name_cell(iri: str, index: Index, linker: Linker) -> Cell:
    short = shorten(iri, linker.names)
    thing = linker.show(NamedNode(iri), index)
    labelled = bool(index.labels(NamedNode(iri)))
    return Cell(
        text=thing.label if labelled else short,
        lang=thing.lang,
        href=thing.href,
        iri=iri,
        kind="iri",
        short=short if labelled else "",
    )


@dataclass(frozen=True, slots=True)
class ListedExample:
    """An example query in the language of the reader."""

    title: Shown
    description: Shown
    text: str


def list_examples() -> list[ListedExample]:
    """Return the example queries of the release, by title."""
    index = Index(Description(iri=names().ontology, own=reader().list_examples()), names())
    languages = current.interface().language.fallback
    examples = [
        ListedExample(
            pick_text(index.values(query, RDFS("label")), languages),
            pick_text(index.values(query, COMMENT), languages),
            index.text(query, SH("select")),
        )
        for query in index.subjects
    ]
    return sorted(examples, key=lambda example: example.title.label)

"""Reads the W3C test files: manifests, data, expected results; and compares results as the suites ask.

The files lie in the folder that KG_W3C_TESTS names (``sparql11`` of the repository w3c/rdf-tests), or beside
the checkout. Result documents are read here with the standard library, not with the parser of the engine
that wrote them.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from xml.etree import ElementTree

import pyoxigraph as ox
import pytest
from rdflib import RDF, BNode, Graph, Literal, Namespace, URIRef
from rdflib.collection import Collection
from rdflib.compare import isomorphic
from rdflib.term import Node

ROOT = Path(__file__).parent.parent.parent
BESIDE = ROOT.parent / "shared" / "conformance" / "sparql" / "sparql11"
FOLDER = Path(os.environ.get("KG_W3C_TESTS", BESIDE))
ABSENT = pytest.mark.skip(reason="the W3C test files are absent; KG_W3C_TESTS names their folder sparql11")
BASE = "http://w3c.example/sparql11/"
"""Where the files are said to be: the IRI of a file names the graph with its triples."""

MF = Namespace("http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#")
QT = Namespace("http://www.w3.org/2001/sw/DataAccess/tests/test-query#")
RS = Namespace("http://www.w3.org/2001/sw/DataAccess/tests/result-set#")
XSD = "http://www.w3.org/2001/XMLSchema#"
_SRX = "{http://www.w3.org/2005/sparql-results#}"

Row = frozenset[tuple[str, ox.NamedNode | ox.BlankNode | ox.Literal]]


@dataclass(frozen=True)
class Case:
    """One test of a manifest; ``name`` is its folder and its name there."""

    name: str
    kind: str
    query: str
    query_iri: str
    data: tuple[str, ...]
    graph_data: tuple[str, ...]
    result: Path | None


@dataclass(frozen=True)
class Rows:
    """A table: its variables, and its rows as often as they occur."""

    variables: frozenset[str]
    rows: tuple[Row, ...]


def read_cases(folder: str) -> Iterator[Case]:
    """Yield the query tests of a folder; nothing where the files are absent."""
    path = FOLDER / folder / "manifest.ttl"
    if not path.is_file():
        return
    manifest = read_rdf(path)
    for entry in Collection(manifest, next(manifest.objects(None, MF.entries))):
        yield _to_case(folder, manifest, entry)


def _to_case(folder: str, manifest: Graph, entry: Node) -> Case:
    action = manifest.value(entry, MF.action)
    query = manifest.value(action, QT.query) or action
    result = manifest.value(entry, MF.result)
    return Case(
        name=f"{folder}/{str(entry).rpartition('#')[2]}",
        kind=str(manifest.value(entry, RDF.type)).rpartition("#")[2],
        query=to_path(str(query)).read_text(encoding="utf-8"),
        query_iri=str(query),
        data=tuple(sorted(map(str, manifest.objects(action, QT.data)))),
        graph_data=tuple(sorted(map(str, manifest.objects(action, QT.graphData)))),
        result=to_path(str(result)) if result else None,
    )


def to_iri(path: Path) -> str:
    """Return the IRI that a file is said to have."""
    return BASE + path.relative_to(FOLDER).as_posix()


def to_path(iri: str) -> Path:
    """Return the file of an IRI."""
    return FOLDER / iri.removeprefix(BASE)


def read_rdf(path: Path) -> Graph:
    """Read a file of RDF."""
    return Graph().parse(path, publicID=to_iri(path), format="xml" if path.suffix == ".rdf" else None)


def to_quads(paths: Iterable[Path]) -> Iterator[ox.Quad]:
    """Yield the triples of each file in the graph that its IRI names."""
    for path in paths:
        graph = ox.NamedNode(to_iri(path))
        for quad in ox.parse(path=path, base_iri=graph.value):
            yield ox.Quad(quad.subject, quad.predicate, quad.object, graph)


def read_expected(path: Path) -> bool | Rows | Graph:
    """Read an expected result: a truth value, a table or a graph."""
    if path.suffix == ".srx":
        return read_xml(path.read_bytes())
    if path.suffix == ".srj":
        return read_json(path.read_bytes())
    if path.suffix == ".tsv":
        return read_tsv(path.read_bytes())
    graph = read_rdf(path)
    return read_result_set(graph) if (None, RDF.type, RS.ResultSet) in graph else graph


def read_json(body: bytes) -> bool | Rows:
    """Read a result in JSON (SPARQL 1.1 Query Results JSON Format)."""
    document = json.loads(body)
    if "boolean" in document:
        return bool(document["boolean"])
    rows = [
        frozenset(
            (name, _to_term(cell["type"], cell["value"], cell.get("xml:lang"), cell.get("datatype")))
            for name, cell in row.items()
        )
        for row in document["results"]["bindings"]
    ]
    return Rows(frozenset(document["head"].get("vars", ())), tuple(rows))


def read_xml(body: bytes) -> bool | Rows:
    """Read a result in XML (SPARQL Query Results XML Format)."""
    document = ElementTree.fromstring(body)
    boolean = document.find(f"{_SRX}boolean")
    if boolean is not None:
        return (boolean.text or "").strip() == "true"
    rows = []
    for result in document.iter(f"{_SRX}result"):
        cells = []
        for binding in result:
            cell = binding[0]
            lang = cell.get("{http://www.w3.org/XML/1998/namespace}lang")
            term = _to_term(cell.tag.removeprefix(_SRX), cell.text or "", lang, cell.get("datatype"))
            cells.append((binding.attrib["name"], term))
        rows.append(frozenset(cells))
    variables = {variable.attrib["name"] for variable in document.iter(f"{_SRX}variable")}
    return Rows(frozenset(variables), tuple(rows))


def read_tsv(body: bytes) -> Rows:
    """Read a result in TSV; the only reader of its terms at hand is the engine's."""
    solutions = ox.parse_query_results(body, format=ox.QueryResultsFormat.TSV)
    assert isinstance(solutions, ox.QuerySolutions)
    names = [variable.value for variable in solutions.variables]
    rows = [
        frozenset((name, _copy(row[name])) for name in names if row[name] is not None) for row in solutions
    ]
    return Rows(frozenset(names), tuple(rows))


def read_csv(text: str) -> Rows:
    """Read a result in CSV, where all but the names of blank nodes is text; unbound is empty."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    rows = [
        frozenset(
            (name, _to_term("bnode" if value.startswith("_:") else "literal", value, None, None))
            for name, value in row.items()
        )
        for row in reader
    ]
    return Rows(frozenset(reader.fieldnames or ()), tuple(rows))


def read_result_set(graph: Graph) -> bool | Rows:
    """Read a result that is written as RDF (DAWG result set vocabulary)."""
    node = graph.value(None, RDF.type, RS.ResultSet)
    boolean = graph.value(node, RS.boolean)
    if boolean is not None:
        return str(boolean) == "true"
    rows = []
    for solution in graph.objects(node, RS.solution):
        cells = []
        for binding in graph.objects(solution, RS.binding):
            value = graph.value(binding, RS.value)
            cells.append((str(graph.value(binding, RS.variable)), _from_rdflib(value)))
        rows.append(frozenset(cells))
    return Rows(frozenset(map(str, graph.objects(node, RS.resultVariable))), tuple(rows))


def read_graph(body: bytes, format_: str) -> Graph:
    """Read a graph."""
    return Graph().parse(data=body, format=format_, publicID=BASE)


def is_same(actual: bool | Rows | Graph, expected: bool | Rows | Graph) -> bool:
    """Compare results: tables as multisets, both tables and graphs up to the names of blank nodes."""
    if isinstance(actual, Graph) and isinstance(expected, Graph):
        return isomorphic(actual, expected)
    if isinstance(actual, Rows) and isinstance(expected, Rows):
        return actual.variables == expected.variables and _have_same_rows(actual.rows, expected.rows)
    return actual == expected


def _have_same_rows(actual: tuple[Row, ...], expected: tuple[Row, ...]) -> bool:
    if Counter(actual) == Counter(expected):
        return True
    return len(actual) == len(expected) and isomorphic(_to_graph(actual), _to_graph(expected))


def _to_graph(rows: tuple[Row, ...]) -> Graph:
    """Return a graph that is isomorphic to another exactly if their rows are the same multiset."""
    graph = Graph()
    for number, row in enumerate(rows):
        node = BNode()
        graph.add((node, RDF.type, RS.ResultSet))
        for name, term in row:
            graph.add((node, URIRef(f"urn:variable:{name}"), _to_node(term)))
        assert number < 1000, "the comparison is meant for small results"
    return graph


def _to_node(term: ox.NamedNode | ox.BlankNode | ox.Literal) -> Node:
    # As text with its type, since rdflib takes literals of equal value for the same.
    return BNode(term.value) if isinstance(term, ox.BlankNode) else Literal(str(term))


def _to_term(
    kind: str, value: str, lang: str | None, datatype: str | None
) -> ox.NamedNode | ox.BlankNode | ox.Literal:
    if kind == "uri":
        return ox.NamedNode(value)
    if kind == "bnode":
        return ox.BlankNode("b" + value.encode().hex())
    if lang:
        return ox.Literal(value, language=lang)
    if datatype is None:
        return ox.Literal(value)
    return ox.Literal(_to_canonical(value, datatype.removeprefix(XSD)), datatype=ox.NamedNode(datatype))


def _to_canonical(value: str, datatype: str) -> str:
    """Return one text for all that write the same value, which is how the suites compare them."""
    try:
        if datatype in ("integer", "decimal"):
            return format(Decimal(value).normalize(), "f")
        if datatype == "boolean":
            return {"1": "true", "0": "false"}.get(value, value)
        return repr(float(value)) if datatype in ("float", "double") else value
    except (ValueError, InvalidOperation):
        return value


def _copy(term: object) -> ox.NamedNode | ox.BlankNode | ox.Literal:
    if isinstance(term, ox.Literal):
        return _to_term("literal", term.value, term.language, term.datatype.value)
    assert isinstance(term, ox.NamedNode | ox.BlankNode)
    return term


def _from_rdflib(term: Node | None) -> ox.NamedNode | ox.BlankNode | ox.Literal:
    if isinstance(term, URIRef):
        return _to_term("uri", str(term), None, None)
    if isinstance(term, BNode):
        return _to_term("bnode", str(term), None, None)
    assert isinstance(term, Literal)
    return _to_term("literal", str(term), term.language, str(term.datatype) if term.datatype else None)

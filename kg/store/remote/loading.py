"""Loads graphs into an engine and reads them back: by the Graph Store Protocol, or by SPARQL update.

Sources: SPARQL 1.1 Graph Store HTTP Protocol (PUT, POST, GET); SPARQL 1.1 Update (INSERT DATA with GRAPH,
since some engines accept no update without one). Graphs here have no blank nodes, so parts of one can be
sent one after the other.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import IO, cast

import pyoxigraph as ox

from kg import errors
from kg.formats import JSON, N_TRIPLES, TURTLE
from kg.store.remote.connection import Credentials, Line, Operation, open_request
from kg.store.remote.conversion import is_page, quote_message
from kg.store.remote.profiles import EngineProfile

BATCH = 20_000
"""Triples in one request: a few megabytes, which every engine takes."""

UPDATE_BATCH = 500
"""Triples in one INSERT DATA; Virtuoso refuses texts of more than some 10,000 lines."""

PAGE = 2_000
"""Subjects read at a time where graphs are read by query."""

_REQUEST_S = 300.0
_XSD = "http://www.w3.org/2001/XMLSchema#"


class RemoteGraphs:
    """The graphs of an engine, for writing.

    Parameters
    ----------
    query_url: where queries go; the profile knows where the rest is from there.
    """

    def __init__(self, query_url: str, profile: EngineProfile, credentials: Credentials) -> None:
        self._query_url = query_url
        self._profile = profile
        self._credentials = credentials
        self._update_url = profile.update_url(query_url)
        self._graphs_url = profile.graphs_url(query_url)

    def replace(self, graph: str, triples: Iterable[ox.Triple]) -> None:
        """Make the triples the content of a graph.

        Raises
        ------
        StoreUnavailable: the engine refuses or does not answer; the message says which graph and why.
        """
        rest = iter(triples)
        if self._graphs_url:
            self._send_part("PUT", graph, list(islice(rest, BATCH)))
            while part := list(islice(rest, BATCH)):
                self._send_part("POST", graph, part)
            return
        self.update(f"DROP SILENT GRAPH <{graph}>")
        while part := list(islice(rest, UPDATE_BATCH)):
            lines = "\n".join(f"{triple} ." for triple in part)
            self.update(f"INSERT DATA {{ GRAPH <{graph}> {{\n{lines}\n}} }}")

    def update(self, text: str) -> None:
        """Run an update; raises ``StoreUnavailable``."""
        line = Line(time.monotonic() + _REQUEST_S)
        with _translate(f"update at {self._update_url}"):
            Operation(self._update_url, "INSERT", text, line, self._credentials).send().read()

    def remove(self, graph: str) -> None:
        """Remove a graph that is there; raises ``StoreUnavailable``."""
        if self._graphs_url:
            request = urllib.request.Request(self._graph_url(graph), method="DELETE")  # noqa: S310
            with _translate(f"graph {graph}"):
                self._open(request).read()
        else:
            self.update(f"DROP SILENT GRAPH <{graph}>")

    def list_graphs(self) -> list[str]:
        """Return the names of all graphs that hold a triple."""
        rows = self._select("SELECT DISTINCT ?g WHERE { GRAPH ?g { ?s ?p ?o } }")
        return [row["g"]["value"] for row in rows]

    def count(self, graph: str) -> int:
        """Return the number of triples of a graph."""
        rows = self._select(f"SELECT (COUNT(*) AS ?n) WHERE {{ GRAPH <{graph}> {{ ?s ?p ?o }} }}")
        return int(rows[0]["n"]["value"])

    def read(self, graph: str) -> Iterator[ox.Triple]:
        """Yield the triples of a graph."""
        triples = list(self._read_at_once(graph)) if self._graphs_url else []
        # Virtuoso cuts a graph, too, at the number of rows that it gives at most, and no status says so.
        is_cut = self._profile.may_cap_rows and len(triples) < self.count(graph)
        yield from triples if self._graphs_url and not is_cut else self._read_by_key(graph)

    def _read_at_once(self, graph: str) -> Iterator[ox.Triple]:
        fmt = self._profile.graph_format
        request = urllib.request.Request(self._graph_url(graph), headers={"Accept": fmt.media_type})  # noqa: S310
        with _translate(f"graph {graph}"), self._open(request) as response:
            to_ox = ox.RdfFormat.TURTLE if fmt == TURTLE else ox.RdfFormat.N_TRIPLES
            for quad in ox.parse(cast(IO[bytes], io.BytesIO(response.read())), format=to_ox):
                yield ox.Triple(quad.subject, quad.predicate, quad.object)

    def _read_by_key(self, graph: str) -> Iterator[ox.Triple]:
        """Read subject by subject in their order, so that no cap on rows can cut."""
        last = ""
        while True:
            subjects = self._select(
                f"SELECT DISTINCT ?s WHERE {{ GRAPH <{graph}> {{ ?s ?p ?o }} "
                f'FILTER(STR(?s) > "{last}") }} ORDER BY STR(?s) LIMIT {PAGE}'
            )
            if not subjects:
                return
            for start in range(0, len(subjects), 100):
                names = " ".join(f"<{row['s']['value']}>" for row in subjects[start : start + 100])
                where = f"GRAPH <{graph}> {{ VALUES ?s {{ {names} }} ?s ?p ?o }}"
                text = f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ {where} }}"
                for quad in ox.parse(
                    self._query("CONSTRUCT", text, N_TRIPLES.media_type), format=ox.RdfFormat.N_TRIPLES
                ):
                    yield ox.Triple(quad.subject, quad.predicate, quad.object)
            last = subjects[-1]["s"]["value"]

    def _send_part(self, method: str, graph: str, triples: list[ox.Triple]) -> None:
        # N-Triples are Turtle, which is what the protocol has every server take.
        body = ox.serialize(triples, format=ox.RdfFormat.N_TRIPLES)
        headers = {"Content-Type": "text/turtle; charset=utf-8"}
        request = urllib.request.Request(self._graph_url(graph), body, headers, method=method)  # noqa: S310
        with _translate(f"graph {graph}"):
            self._open(request).read()

    def _graph_url(self, graph: str) -> str:
        return f"{self._graphs_url}?{urllib.parse.urlencode({'graph': graph})}"

    def _open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return open_request(request, Line(time.monotonic() + _REQUEST_S), self._credentials)

    def _select(self, text: str) -> list[dict[str, dict[str, str]]]:
        rows: list[dict[str, dict[str, str]]] = json.loads(self._query("SELECT", text, JSON.media_type))[
            "results"
        ]["bindings"]
        return rows

    def _query(self, form: str, text: str, media_type: str) -> bytes:
        line = Line(time.monotonic() + _REQUEST_S)
        operation = Operation(self._query_url, form, text, line, self._credentials)
        operation.accept(media_type)
        with _translate(self._query_url):
            return operation.send().read()


@contextmanager
def _translate(what: str) -> Iterator[None]:
    """Turn what can go wrong on the way to an engine into ``StoreUnavailable``."""
    try:
        yield
    except urllib.error.HTTPError as error:
        with error:
            body = error.read(64 * 1024)
        said = "" if is_page(error.headers.get("Content-Type", "")) else quote_message(body)
        remedy = {401: "Check user and password.", 403: "Check that it may be written to."}.get(
            error.code, ""
        )
        raise errors.StoreUnavailable(f"{what}: the engine answered {error.code}. {said}", remedy) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise errors.StoreUnavailable(f"{what}: the engine does not answer: {reason}.") from None
    except (SyntaxError, ValueError, KeyError) as error:
        raise errors.StoreUnavailable(f"{what}: the engine's answer cannot be read: {error}.") from None


def hash_triples(triples: Iterable[ox.Triple]) -> tuple[int, str]:
    """Return how many different triples there are, and a hash that does not depend on their order.

    Engines keep the value of a number and not its writing (``"01"`` comes back as ``1``), so values are
    hashed.

    >>> one = ox.Triple(ox.NamedNode("x:a"), ox.NamedNode("x:p"), ox.Literal("01", datatype=_INTEGER))
    >>> other = ox.Triple(ox.NamedNode("x:a"), ox.NamedNode("x:p"), ox.Literal(1))
    >>> hash_triples([one]) == hash_triples([other])
    True
    """
    lines = sorted({_to_line(triple) for triple in triples})
    return len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()


def compare_triples(
    held: Iterable[ox.Triple], wanted: Iterable[ox.Triple]
) -> tuple[list[ox.Triple], list[ox.Triple]]:
    """Return what has to leave a graph and what has to come, by value as ``hash_triples`` has it.

    >>> one, two = (ox.Triple(ox.NamedNode("x:a"), ox.NamedNode("x:p"), ox.Literal(n)) for n in (1, 2))
    >>> compare_triples([one], [one, two]) == ([], [two])
    True
    """
    here = {_to_line(triple): triple for triple in held}
    there = {_to_line(triple): triple for triple in wanted}
    return (
        [here[line] for line in sorted(here.keys() - there.keys())],
        [there[line] for line in sorted(there.keys() - here.keys())],
    )


def _to_line(triple: ox.Triple) -> str:
    return f"{triple.subject} {triple.predicate} {_normalise(triple.object)}"


_INTEGER = ox.NamedNode(_XSD + "integer")


def _normalise(term: object) -> object:
    if not isinstance(term, ox.Literal):
        return term
    if term.language:
        return ox.Literal(term.value, language=term.language.lower())
    kind = term.datatype.value.removeprefix(_XSD)
    try:
        if kind == "integer":
            return ox.Literal(int(term.value))
        if kind == "boolean":
            return ox.Literal(term.value in ("1", "true"))
        if kind == "dateTime" and term.value.endswith((".000Z", ".000")):
            return ox.Literal(term.value.replace(".000", ""), datatype=term.datatype)
    except ValueError:
        return term
    return term

"""Asks a server one query, and reads the answer as rows that can be compared between servers."""

from __future__ import annotations

import http.client
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode, urlsplit

from pyoxigraph import RdfFormat, parse

from bench.mix import Shape
from bench.servers import Server

TIMEOUT_S = 60.0
"""How long an answer may take; the servers have limits of their own below it."""

_XSD = "http://www.w3.org/2001/XMLSchema#"
_NUMBERS = {_XSD + name for name in ("integer", "decimal", "double", "float", "int", "long")}
_DIGITS = 6
"""Of averages; engines compute them as decimals or as doubles."""

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One answer: how long it took, its rows each with their number, and "" or what went wrong."""

    server: str
    shape: str
    group: str
    turn: int
    seconds: float
    rows: Counter[Row] = field(default_factory=Counter)
    fault: str = ""


class Client:
    """One connection to a server, kept open from query to query where the server does so.

    ``address`` is one of this machine's, from which it asks.
    """

    def __init__(self, server: Server, address: str = "127.0.0.1") -> None:
        self.server = server
        parts = urlsplit(server.url)
        self._path = parts.path
        self._connection = http.client.HTTPConnection(
            parts.netloc, timeout=TIMEOUT_S, source_address=(address, 0)
        )

    def send(self, query: str, accept: str) -> tuple[int, str, bytes]:
        """Return status, media type and body; raises ``OSError`` or ``HTTPException``."""
        body = urlencode([("query", query), *self.server.parameters])
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": accept}
        self._connection.request("POST", self._path, body, headers)
        response = self._connection.getresponse()
        kind = response.headers.get_content_type()
        return response.status, kind, response.read()

    def close(self) -> None:
        """Close the connection; the next query opens another."""
        self._connection.close()


def ask(client: Client, shape: Shape, turn: int, query: str) -> Measurement:
    """Ask a query and measure until the last byte; reading the rows is not measured."""
    accept = "application/n-triples" if shape.is_graph else "application/sparql-results+json"
    begun = time.perf_counter()
    rows, fault = Counter[Row](), ""
    try:
        status, kind, body = client.send(query, accept)
    except (OSError, http.client.HTTPException) as error:
        seconds = time.perf_counter() - begun
        client.close()
        fault = type(error).__name__
    else:
        seconds = time.perf_counter() - begun
        fault = "" if status == 200 else f"status {status}"
    if not fault:
        try:
            rows = read_triples(body, kind) if shape.is_graph else read_rows(body)
        except (ValueError, KeyError, SyntaxError, ArithmeticError) as error:
            fault = f"unreadable: {error}"
    return Measurement(client.server.name, shape.name, shape.group, turn, seconds, rows, fault)


def read_rows(body: bytes) -> Counter[Row]:
    """Return the rows of SPARQL 1.1 Query Results JSON, each with their number.

    >>> read_rows(b'{"head": {}, "boolean": true}')
    Counter({(True,): 1})
    """
    answer = json.loads(body)
    if "boolean" in answer:
        return Counter([(answer["boolean"],)])
    bindings = answer["results"]["bindings"]
    return Counter(tuple(sorted((name, read_term(term)) for name, term in row.items())) for row in bindings)


def read_term(term: dict[str, str]) -> tuple[str, ...]:
    """Return a term such that equal terms of different servers are equal.

    Numbers are compared by value, whatever their type: an average is a decimal here and a double there.
    ``typed-literal`` is what older servers write, and a language is the same in capitals.

    >>> read_term({"type": "typed-literal", "datatype": _XSD + "double", "value": "2.50E0"})
    ('number', '2.5')
    """
    if term["type"] in ("uri", "bnode"):
        return term["type"], term["value"]
    datatype = term.get("datatype", "")
    if datatype in _NUMBERS:
        number = Decimal(term["value"])
        return "number", f"{round(number, _DIGITS).normalize() if number.is_finite() else number:f}"
    return "literal", term["value"], datatype.removeprefix(_XSD + "string"), term.get("xml:lang", "").lower()


def read_triples(body: bytes, kind: str) -> Counter[Row]:
    """Return the triples of a graph, each once: a graph is a set."""
    fmt = RdfFormat.from_media_type(kind) or RdfFormat.N_TRIPLES  # Virtuoso calls it text/plain
    return Counter(
        {(str(quad.subject), str(quad.predicate), str(quad.object)): 1 for quad in parse(body, fmt)}
    )

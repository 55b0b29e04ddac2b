"""Fetches values of properties through the store seam, bounded, for data extension and for matching."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import monotonic

from kg.errors import QueryTimeout, QueryTooLarge
from kg.formats import JSON
from kg.store.base import Limits, Query, Store

MAX_VALUES = 20_000
"""Values of one request; one with more is refused rather than answered in part."""

_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]+")

_VALUES = """SELECT DISTINCT ?thing ?property ?value WHERE {{
  VALUES ?thing {{ {things} }}
  VALUES ?property {{ {properties} }}
  ?thing ?property ?value }} ORDER BY ?thing ?property ?value LIMIT {limit}"""

_HAVING = """SELECT DISTINCT ?thing WHERE {{
  VALUES ?value {{ {values} }}
  ?thing <{property}> ?value }} LIMIT {limit}"""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a property: an IRI, or the text of a literal with its language and datatype."""

    text: str
    is_iri: bool
    lang: str = ""
    datatype: str = ""


def is_iri(text: str) -> bool:
    """Return whether a text can stand in a query as an IRI.

    >>> is_iri("http://h/id/x"), is_iri("http://h/> ?p"), is_iri("x")
    (True, False, False)
    """
    return _IRI.fullmatch(text) is not None


class ValueReader:
    """Reads values from one store; ``limits`` hold for all that one reader is asked, together."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self.store = store
        self.limits = limits
        self._end = monotonic() + limits.deadline_s

    def read_values(
        self, things: Sequence[str], properties: Sequence[str]
    ) -> dict[tuple[str, str], list[Value]]:
        """Return the values of properties of things, by (thing, property); all of them are IRIs.

        Raises
        ------
        QueryTooLarge: there are more than ``MAX_VALUES``.
        StoreError: the store could not answer.
        """
        if not things or not properties:
            return {}
        text = _VALUES.format(things=_write(things), properties=_write(properties), limit=MAX_VALUES + 1)
        rows = self._select(text)
        if len(rows) > MAX_VALUES:
            raise QueryTooLarge(
                f"There are more than {MAX_VALUES:,} values.", "Ask for fewer things or properties at once."
            )
        found: dict[tuple[str, str], list[Value]] = {}
        for row in rows:
            key = row["thing"]["value"], row["property"]["value"]
            found.setdefault(key, []).append(_read(row["value"]))
        return found

    def find_having(self, prop: str, values: Iterable[Value], limit: int) -> list[str]:
        """Return things that have one of the values, in any order, up to a limit."""
        written = " ".join(sorted({_write_value(value) for value in values}))
        rows = self._select(_HAVING.format(property=prop, values=written, limit=limit)) if written else []
        return [row["thing"]["value"] for row in rows if row["thing"]["type"] == "uri"]

    def _select(self, text: str) -> list[dict[str, dict[str, str]]]:
        left_s = self._end - monotonic()
        if left_s <= 0:
            raise QueryTimeout("The request took too long.", "Ask for fewer things at once.")
        limits = Limits(left_s, self.limits.max_result_bytes)
        answer = self.store.query(Query(text, result_formats=(JSON,), graph_formats=(), limits=limits))
        try:
            content = b"".join(answer)
        finally:
            answer.close()
        rows: list[dict[str, dict[str, str]]] = json.loads(content)["results"]["bindings"]
        return rows


def _write(iris: Iterable[str]) -> str:
    return " ".join(f"<{iri}>" for iri in iris if is_iri(iri))


def _write_value(value: Value) -> str:
    if value.is_iri:
        return _write([value.text])
    # JSON escapes all that a string of SPARQL has to escape, and both read \u escapes alike; a lone
    # surrogate cannot be said in SPARQL.
    text = json.dumps(value.text.encode("utf-8", "replace").decode(), ensure_ascii=False)
    return f"{text}@{value.lang}" if value.lang else text


def _read(term: dict[str, str]) -> Value:
    if term["type"] == "uri":
        return Value(term["value"], True)
    return Value(term["value"], False, term.get("xml:lang", ""), term.get("datatype", ""))

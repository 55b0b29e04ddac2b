"""Reads reconciliation and data extension queries: JSON goes in, checked values come out.

Source: Reconciliation Service API 0.2, sections 4.1 (structure of a reconciliation query) and 7.3 (data
extension query requests). Fields that the specification does not name are passed over.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from kg.errors import BatchTooLarge, ReconciliationError

MAX_QUERIES = 50
"""Queries of one batch, as the manifest says in ``batchSize``; OpenRefine sends 10."""

MAX_CANDIDATES = 50
MAX_IDS = 500
MAX_PROPERTIES = 20
DEFAULT_CANDIDATES = 5
STRICTNESS = ("should", "any", "all")


@dataclass(frozen=True, slots=True)
class WantedValue:
    """A value that a candidate should have: an entity by its identifier, or a text, number or boolean."""

    text: str
    is_id: bool = False


@dataclass(frozen=True, slots=True)
class WantedProperty:
    """A property and the values of which one should be there."""

    id: str
    values: tuple[WantedValue, ...]


@dataclass(frozen=True, slots=True)
class ReconciliationQuery:
    """One query of a batch; at least one of ``text`` and ``properties`` is given."""

    text: str = ""
    types: tuple[str, ...] = ()
    limit: int = DEFAULT_CANDIDATES
    properties: tuple[WantedProperty, ...] = ()
    strictness: str = "should"


@dataclass(frozen=True, slots=True)
class ExtensionProperty:
    """A property to fetch; ``limit`` 0 means all values, ``lang`` empty means texts in all languages."""

    id: str
    limit: int = 0
    lang: str = ""


@dataclass(frozen=True, slots=True)
class ExtensionQuery:
    """Which properties of which things to fetch."""

    ids: tuple[str, ...]
    properties: tuple[ExtensionProperty, ...]


def parse_batch(text: str) -> dict[str, ReconciliationQuery]:
    """Read a reconciliation query batch.

    Raises
    ------
    ReconciliationError: it is no JSON object of queries; the message names the query and the field.
    BatchTooLarge: it holds more than ``MAX_QUERIES``.

    >>> parse_batch('{"q0": {"query": "Wang Yi", "type": "schema:Person"}}')["q0"].types
    ('schema:Person',)
    """
    batch = _load(text, "queries")
    if len(batch) > MAX_QUERIES:
        raise BatchTooLarge(f"{len(batch)} queries in one batch, but at most {MAX_QUERIES} are answered.")
    return {key: _parse_query(query, f"queries.{key}") for key, query in batch.items()}


def _load(text: str, name: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReconciliationError(f"{name} is not JSON: {error}.") from error
    content: dict[str, Any] = _expect(value, dict, name)
    return content


def _expect(value: Any, kind: type, where: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        wanted = {dict: "an object", list: "an array", str: "a string", int: "a whole number"}[kind]
        raise ReconciliationError(f"{where} has to be {wanted}.")
    return value


def _parse_query(value: Any, where: str) -> ReconciliationQuery:
    query = _expect(value, dict, where)
    text = _expect(query.get("query") or "", str, f"{where}.query").strip()
    properties = tuple(
        _parse_property(item, f"{where}.properties[{number}]")
        for number, item in enumerate(_expect(query.get("properties") or [], list, f"{where}.properties"))
    )
    if not text and not properties:
        raise ReconciliationError(f"{where} needs a query or properties.")
    if len(properties) > MAX_PROPERTIES:
        raise BatchTooLarge(f"{where} has {len(properties)} properties, but at most {MAX_PROPERTIES} may be.")
    strictness = query.get("type_strict") or "should"
    if strictness not in STRICTNESS:
        raise ReconciliationError(f"{where}.type_strict has to be one of {', '.join(STRICTNESS)}.")
    return ReconciliationQuery(
        text, _parse_types(query.get("type"), where), _parse_limit(query, where), properties, strictness
    )


def _parse_types(value: Any, where: str) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value] if value else []
    # A type may come as an object too, as it stands in a manifest.
    ids = [item.get("id") if isinstance(item, dict) else item for item in items]
    return tuple(_expect(kind, str, f"{where}.type") for kind in ids if kind)


def _parse_limit(query: dict[str, Any], where: str) -> int:
    limit = query.get("limit")
    if limit is None:
        return DEFAULT_CANDIDATES
    if isinstance(limit, float) and limit.is_integer():
        limit = int(limit)
    if _expect(limit, int, f"{where}.limit") < 1:
        raise ReconciliationError(f"{where}.limit has to be 1 or more.")
    return min(limit, MAX_CANDIDATES)


def _parse_property(value: Any, where: str) -> WantedProperty:
    item = _expect(value, dict, where)
    name = _expect(item.get("pid") or "", str, f"{where}.pid")
    if not name:
        raise ReconciliationError(f"{where} needs a pid.")
    if "v" not in item:
        raise ReconciliationError(f"{where} needs a v.")
    values = item["v"] if isinstance(item["v"], list) else [item["v"]]
    return WantedProperty(name, tuple(_parse_value(v, f"{where}.v") for v in values[:MAX_CANDIDATES]))


def _parse_value(value: Any, where: str) -> WantedValue:
    if isinstance(value, dict):
        return WantedValue(_expect(value.get("id"), str, f"{where}.id"), is_id=True)
    if isinstance(value, bool):
        return WantedValue(str(value).lower())
    if isinstance(value, str | int | float):
        return WantedValue(str(value))
    raise ReconciliationError(f"{where} has to be a string, a number, a boolean or an object with an id.")


def parse_extension(text: str) -> ExtensionQuery:
    """Read a data extension query.

    Raises
    ------
    ReconciliationError: it is no such query; the message names the field.
    BatchTooLarge: it asks for more than ``MAX_IDS`` things or ``MAX_PROPERTIES`` properties.
    """
    query = _load(text, "extend")
    ids = [_expect(item, str, "extend.ids") for item in _expect(query.get("ids"), list, "extend.ids")]
    items = _expect(query.get("properties"), list, "extend.properties")
    if len(ids) > MAX_IDS or len(items) > MAX_PROPERTIES:
        raise BatchTooLarge(f"At most {MAX_IDS} ids and {MAX_PROPERTIES} properties are answered at once.")
    properties = [_parse_wanted(item, f"extend.properties[{number}]") for number, item in enumerate(items)]
    return ExtensionQuery(tuple(dict.fromkeys(ids)), tuple(properties))


def _parse_wanted(value: Any, where: str) -> ExtensionProperty:
    item = _expect(value, dict, where)
    settings = _expect(item.get("settings") or {}, dict, f"{where}.settings")
    limit = settings.get("limit") or 0
    if isinstance(limit, str) and limit.isascii() and limit.isdigit():
        limit = int(limit[:9])  # a form sends what was typed
    if _expect(limit, int, f"{where}.settings.limit") < 0:
        raise ReconciliationError(f"{where}.settings.limit has to be 0 (all) or more.")
    lang = _expect(settings.get("lang") or "", str, f"{where}.settings.lang")
    return ExtensionProperty(_expect(item.get("id"), str, f"{where}.id"), limit, lang)

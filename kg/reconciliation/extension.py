"""Data extension: values of properties for a table whose rows have been matched.

Source: Reconciliation Service API 0.2, section 7 (data extension service). Beside the properties of the data
there are the facets of browsing (*body*, *role*, *event* …), which lead over posts and participations.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kg.errors import ReconciliationError
from kg.reconciliation.candidates import Reconciler
from kg.reconciliation.requests import ExtensionProperty, ExtensionQuery
from kg.reconciliation.values import Value, is_iri
from kg.search.index import Thing
from kg.search.schema import FACETS
from kg.vocab import XSD, expand, shorten

_FLOATS = {XSD(name).value for name in ("decimal", "double", "float")}


@dataclass(frozen=True, slots=True)
class Property:
    """A property or facet by its identifier, with its name and how many things have it."""

    id: str
    name: str
    things: int = 0


class Extender:
    """Lists properties and fetches their values."""

    def __init__(self, reconciler: Reconciler) -> None:
        self.reconciler = reconciler
        self.index = reconciler.index
        self.names = reconciler.names

    def list_properties(self, kind: str = "") -> list[Property]:
        """Return what can be fetched of the things of a class, or of all; facets come first."""
        facets = [Property(facet, facet) for facet in FACETS]
        used = self.index.list_properties(expand(kind, self.names) if kind else "")
        named = self.name_properties(shorten(iri, self.names) for iri, _ in used)
        counted = zip(named, used, strict=True)
        return facets + [Property(prop.id, prop.name, things) for prop, (_, things) in counted]

    def name_properties(self, ids: Iterable[str]) -> list[Property]:
        """Return properties with their names."""
        iris = {prop: expand(prop, self.names) for prop in ids}
        terms = self.index.find_things(iris.values())
        return [
            Property(prop, self.reconciler.name(terms[iri]) if iri in terms else prop)
            for prop, iri in iris.items()
        ]

    def extend(self, query: ExtensionQuery) -> dict[str, Any]:
        """Return a data extension response.

        Each thing and property that was asked for is in it, with no values where nothing is known.

        Raises
        ------
        ReconciliationError: a property is neither a facet nor an IRI or a prefixed name.
        QueryTooLarge: there are too many values; nothing is left out silently.
        """
        for prop in query.properties:
            if prop.id not in FACETS and not is_iri(expand(prop.id, self.names)):
                raise ReconciliationError(f"There is no property {prop.id[:100]!r}.", "Ask for suggestions.")
        ids = [prop.id for prop in query.properties]
        located = {identifier: self.reconciler.locate(identifier) for identifier in query.ids}
        things = self.index.find_things(located.values())
        known = self.reconciler.read_values(list(things.values()), ids)
        named = self.index.find_things({v.text for values in known.values() for v in values if v.is_iri})
        rows: dict[str, Any] = {}
        for identifier, iri in located.items():
            number = things[iri].id if iri in things else 0
            rows[identifier] = {
                prop.id: self._write(known.get((number, prop.id), []), prop, named)
                for prop in query.properties
            }
        meta = [{"id": prop.id, "name": prop.name} for prop in self.name_properties(ids)]
        return {"meta": meta, "rows": rows}

    def _write(
        self, values: list[Value], prop: ExtensionProperty, named: dict[str, Thing]
    ) -> list[dict[str, Any]]:
        wanted = [v for v in values if v.is_iri or not prop.lang or v.lang in ("", prop.lang)]
        return [self._write_value(value, named) for value in wanted[: prop.limit or None]]

    def _write_value(self, value: Value, named: dict[str, Thing]) -> dict[str, Any]:
        if value.is_iri:
            thing = named.get(value.text)
            if thing is None:
                return {"str": value.text}
            name = self.reconciler.name(thing)
            # Only things have identifiers of this service; a class or concept is told by its name.
            is_thing = thing.iri.startswith(self.reconciler.space)
            return {"id": self.reconciler.identify(thing.iri), "name": name} if is_thing else {"str": name}
        return _write_literal(value)


def _write_literal(value: Value) -> dict[str, Any]:
    """Return a literal in the form of its datatype; one that is malformed stays a text."""
    try:
        if value.datatype == XSD("integer").value:
            return {"int": int(value.text)}
        if value.datatype in _FLOATS:
            number = float(value.text)
            return {"float": number} if abs(number) < float("inf") else {"str": value.text}
    except ValueError:
        pass
    return {"date": value.text} if value.datatype == XSD("dateTime").value else {"str": value.text}

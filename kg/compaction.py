"""Compacts expanded JSON-LD by a context that is no more than names for properties, as ours is.

PyLD compares each IRI with each term and chooses a term for each value anew, which takes 20 ms for a page's
triples. Which term a property gets depends on the kind of value alone where no term is of type ``@vocab``, so
here PyLD is asked once for each kind, and what it said is kept. A context with more in it is left to PyLD.

Source: JSON-LD 1.1 API, section 5.6 (compaction) and 5.7 (IRI compaction).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Node = dict[str, Any]
Compact = Callable[[list[Node]], list[Node]]

_ALIASED = ("@id", "@type")
_SIMPLE_CONTAINERS = {"@set", "@language"}
_ENDS_OF_PREFIXES = tuple(":/?#[]@")
_SOMEWHERE = "urn:x-probe:value"

SHORTENED_KEPT = 4_096
"""IRIs whose short form is remembered, some 1 MB."""


@dataclass(frozen=True, slots=True)
class Form:
    """How values of one kind of one property are written.

    ``term`` is their key, ``language`` the key below it in a language map, and ``wrapped`` what stands around
    the value, under ``place``; empty where it stands alone.
    """

    term: str
    language: str
    as_array: bool
    wrapped: Node
    place: str

    def write(self, value: Any) -> Any:
        """Return a value as it is written."""
        return {**self.wrapped, self.place: value} if self.place else value


class Compactor:
    """Compacts by one simple context.

    Parameters
    ----------
    context: one for which ``is_simple`` holds.
    compact: compacts by the whole algorithm; what it does with a kind of value is learned from it.
    """

    def __init__(self, context: dict[str, Any], compact: Compact) -> None:
        self._compact = compact
        self._terms = frozenset(context)
        names = {value: name for name, value in context.items() if value in _ALIASED}
        self._id, self._type = names.get("@id", "@id"), names.get("@type", "@type")
        self._prefixes = [
            (value, name)
            for name, value in context.items()
            if isinstance(value, str) and value.endswith(_ENDS_OF_PREFIXES) and not name.startswith("@")
        ]
        self._containers = {
            name: _list_containers(value) for name, value in context.items() if isinstance(value, dict)
        }
        self._forms: dict[tuple[Any, ...], Form] = {}
        self._types: dict[str, str] = {}
        self.shorten = lru_cache(SHORTENED_KEPT)(self._shorten)

    def compact(self, nodes: list[Node]) -> list[Node]:
        """Return expanded node objects with the names of the context."""
        return [self._compact_node(node) for node in nodes]

    def _compact_node(self, node: Node) -> Node:
        result: Node = {}
        for name, values in sorted(node.items()):
            if name == "@id":
                result[self._id] = self.shorten(values)
            elif name == "@type":
                types = [self._name_type(kind) for kind in values]
                result[self._type] = types[0] if len(types) == 1 else types
            else:
                for value in values:
                    self._add(result, name, value)
        return result

    def _shorten(self, iri: str) -> str:
        """Return the compact IRI, the shortest and then the first of those that there are, or the IRI."""
        found = [
            f"{name}:{iri[len(prefix) :]}"
            for prefix, name in self._prefixes
            if iri.startswith(prefix) and len(iri) > len(prefix)
        ]
        usable = [short for short in found if short not in self._terms]
        return min(usable, key=lambda short: (len(short), short)) if usable else iri

    def _name_type(self, iri: str) -> str:
        if iri not in self._types:
            self._types[iri] = self._compact([{"@id": _SOMEWHERE, "@type": [iri]}])[0][self._type]
        return self._types[iri]

    def _add(self, result: Node, name: str, value: Node) -> None:
        form = self._find_form(name, value)
        written = form.write(self.shorten(value["@id"]) if "@id" in value else value["@value"])
        below, key = result, form.term
        if form.language:
            below, key = result.setdefault(form.term, {}), form.language
        if key not in below:
            below[key] = [written] if form.as_array else written
        elif isinstance(below[key], list):
            below[key].append(written)
        else:
            below[key] = [below[key], written]

    def _find_form(self, name: str, value: Node) -> Form:
        key = (name, value.get("@language"), value.get("@type"), type(value.get("@value")))
        if key not in self._forms:
            self._forms[key] = self._learn(name, value)
        return self._forms[key]

    def _learn(self, name: str, value: Node) -> Form:
        """Ask for one value of a kind, and see what becomes of it."""
        place = "@id" if "@id" in value else "@value"
        is_text = isinstance(value[place], str)
        probe = {**value, place: _SOMEWHERE} if is_text else value
        sought = self.shorten(_SOMEWHERE) if place == "@id" else probe[place]
        node = self._compact([{"@id": _SOMEWHERE, name: [probe]}])[0]
        term, written = next(item for item in node.items() if item[0] != self._id)
        containers = self._containers.get(term, frozenset())
        language = ""
        if "@language" in containers:
            language, written = next(iter(written.items()))
        as_array = isinstance(written, list)
        if isinstance(written, list):
            (written,) = written
        if isinstance(written, dict):
            around = next(key for key, part in written.items() if part == sought)
            return Form(term, language, as_array, written, around)
        return Form(term, language, as_array, {}, "")


def is_simple(context: dict[str, Any]) -> bool:
    """Return whether a context has only prefixes, aliases of ``@id`` and ``@type``, and plain terms.

    >>> is_simple({"id": "http://h/id/", "name": {"@id": "http://h/name", "@container": "@language"}})
    True
    >>> is_simple({"@vocab": "http://h/"})
    False
    """
    return all(_is_simple(name, value) for name, value in context.items())


def _is_simple(name: str, value: Any) -> bool:
    if isinstance(value, dict):
        return (
            value.keys() <= {"@id", "@type", "@container"}
            and value.get("@type") not in ("@vocab", "@none", "@json")
            and _list_containers(value) <= _SIMPLE_CONTAINERS
        )
    if name.startswith("@"):
        return name == "@version"
    if not isinstance(value, str) or ":" not in value:
        return value in _ALIASED
    # A short IRI that could itself be a prefix would have to be written out first.
    return "://" in value or not value.endswith(_ENDS_OF_PREFIXES)


def _list_containers(term: dict[str, Any]) -> frozenset[str]:
    given = term.get("@container", [])
    return frozenset([given] if isinstance(given, str) else given)

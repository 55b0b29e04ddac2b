"""The neighbourhood of a thing: what it is related to, in one step, as a list and as a graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pyoxigraph import NamedNode, Triple

from kg.description import Description
from kg.description_index import Index
from kg.vocab import TYPE, Names, named
from webapp.links import Linker, Shown

MAX_RELATIONS = 150
"""Relations of one neighbourhood; the pages of the things, and SPARQL, have all."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation between the thing and another; ``outgoing`` says which of them it is said of.

    ``through`` is the node that tells more about it, such as a membership; ``claimed`` is set where the
    node is a claim or a plan, whose content nobody asserts as a fact.
    """

    label: Shown
    key: str
    other: Shown
    other_iri: str
    outgoing: bool
    through: Shown | None = None
    claimed: bool = False


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """A thing and its relations; ``cut`` says that there are more of them."""

    iri: str
    title: Shown
    relations: tuple[Relation, ...]
    cut: bool


def find_neighbourhood(description: Description, names: Names, linker: Linker) -> Neighbourhood:
    """Return the neighbourhood of a description: other things, not literals, evidence or vocabulary."""
    index = Index(description, names)
    finder = _Finder(description, index, names, linker)
    found = sorted(dict.fromkeys(finder.find()), key=lambda r: (r.label.label, r.other.label))
    cut = description.more_incoming or len(found) > MAX_RELATIONS
    title = linker.show(description.iri, index)
    return Neighbourhood(description.iri.value, title, tuple(found[:MAX_RELATIONS]), cut)


class _Finder:
    def __init__(self, description: Description, index: Index, names: Names, linker: Linker) -> None:
        self.description, self.index, self.names, self.linker = description, index, names, linker
        self.nodes = {named(triple.subject) for triple in description.nodes}

    def find(self) -> Iterator[Relation]:
        about = self.description.iri
        yield from self._relate(self.description.own, outgoing=True)
        for node in self.nodes:
            told = [t for t in self.description.nodes if t.subject == node and t.object != about]
            claimed = self.names.term("Claim") in self.index.values(node, TYPE)
            yield from self._relate(told, outgoing=True, through=node, claimed=claimed)
        yield from self._relate((t for t in self.description.incoming if t.subject not in self.nodes), False)

    def _relate(
        self,
        triples: Iterable[Triple],
        outgoing: bool,
        through: NamedNode | None = None,
        claimed: bool = False,
    ) -> Iterator[Relation]:
        for triple in triples:
            other = triple.object if outgoing else triple.subject
            if isinstance(other, NamedNode) and self._is_thing(other):
                yield Relation(
                    label=self.linker.show(triple.predicate, self.index),
                    key=triple.predicate.value,
                    other=self.linker.show(other, self.index),
                    other_iri=other.value,
                    outgoing=outgoing,
                    through=self.linker.show(through, self.index) if through else None,
                    claimed=claimed,
                )

    def _is_thing(self, iri: NamedNode) -> bool:
        return iri.value.startswith(f"{self.names.base}id/") and iri not in (
            self.description.iri,
            *self.nodes,
        )


def list_keys(neighbourhood: Neighbourhood) -> dict[str, Shown]:
    """Return the relations that occur, by their IRI, in the order in which they are listed."""
    return {relation.key: relation.label for relation in neighbourhood.relations}


def to_json(neighbourhood: Neighbourhood) -> dict[str, Any]:
    """Return what the drawing of a neighbourhood needs."""
    return {
        "iri": neighbourhood.iri,
        "label": neighbourhood.title.label,
        "lang": neighbourhood.title.lang,
        "href": neighbourhood.title.href,
        "cut": neighbourhood.cut,
        "relations": [
            {
                "key": relation.key,
                "label": relation.label.label,
                "outgoing": relation.outgoing,
                "claimed": relation.claimed,
                "iri": relation.other_iri,
                "name": relation.other.label,
                "lang": relation.other.lang,
                "href": relation.other.href,
            }
            for relation in neighbourhood.relations
        ],
    }

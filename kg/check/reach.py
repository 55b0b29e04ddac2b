"""How far shapes look: what of a dataset decides whether some focus nodes hold.

A large dataset is validated in batches of focus nodes. A batch needs the triples of these, and of what shapes
look at from there, such as the class of a value; all else cannot change what is found.

Source: Shapes Constraint Language (SHACL), sections 2.3 (property paths) and 4 (core constraints).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from pyoxigraph import NamedNode, Store
from rdflib import RDF, Graph, URIRef
from rdflib.collection import Collection as List
from rdflib.namespace import SH
from rdflib.term import Node

from kg.vocab import RDFS

KEPT = 4_096
"""Things that stay in memory with what is said about them: terms of the vocabulary are near everything."""

_SUBCLASS = RDFS("subClassOf")
_TARGETS = (SH.targetClass, SH.targetSubjectsOf)
_VALUE_SHAPES = (SH.node, SH.property, SH.qualifiedValueShape, SH["not"])
_LISTS = (SH["and"], SH["or"], SH.xone)
_PATHS = (SH.path, SH.inversePath, SH.alternativePath)
# What is judged by a node and the values of its properties alone.
_NEAR = """class datatype nodeKind minCount maxCount minExclusive minInclusive maxExclusive maxInclusive
    minLength maxLength pattern flags languageIn uniqueLang equals disjoint lessThan lessThanOrEquals hasValue
    in closed ignoredProperties qualifiedMinCount qualifiedMaxCount qualifiedValueShapesDisjoint message
    severity name description order group defaultValue deactivated"""
_UNDERSTOOD = frozenset((*_TARGETS, *_VALUE_SHAPES, *_LISTS, *_PATHS, *(SH[name] for name in _NEAR.split())))


@dataclass(frozen=True, slots=True)
class Reach:
    """``steps`` from a focus node are looked at; ``backwards`` has the properties followed so, by step."""

    steps: int
    backwards: tuple[frozenset[str], ...]


class _Unbounded(Exception):
    """No number of steps is enough."""


def measure_reach(shapes: Graph) -> Reach | None:
    """Return how far shapes look, or None where that has no bound, or is not understood.

    >>> measure_reach(Graph().parse(format="turtle", data='''
    ...     @prefix sh: <http://www.w3.org/ns/shacl#> . @prefix : <http://h/> .
    ...     :S sh:targetClass :C ; sh:property [ sh:path :p ; sh:class :D ] ;
    ...         sh:property [ sh:path [ sh:inversePath :q ] ] .'''))
    Reach(steps=1, backwards=(frozenset({'http://h/q'}), frozenset()))
    """
    used = {p for p in shapes.predicates() if str(p).startswith(str(SH._NS))}
    if not used <= _UNDERSTOOD:
        return None
    walk = _Walk(shapes)
    try:
        for target in _TARGETS:
            for shape in shapes.subjects(target, None):
                walk.follow_shape(shape, 0, ())
    except _Unbounded:
        return None
    backwards = tuple(frozenset(walk.backwards[step]) for step in range(walk.steps + 1))
    return Reach(walk.steps, backwards)


class _Walk:
    def __init__(self, shapes: Graph) -> None:
        self.shapes = shapes
        self.steps = 0
        self.backwards: dict[int, set[str]] = defaultdict(set)

    def follow_shape(self, shape: Node, step: int, above: tuple[Node, ...]) -> None:
        """Note what a shape looks at that is applied to nodes so many steps away."""
        if shape in above:
            raise _Unbounded
        for path in self.shapes.objects(shape, SH.path):
            step = self._follow_path(path, step)
        if (shape, SH["class"], None) in self.shapes:
            self.steps = max(self.steps, step)
        inner = [o for predicate in _VALUE_SHAPES for o in self.shapes.objects(shape, predicate)]
        for predicate in _LISTS:
            for members in self.shapes.objects(shape, predicate):
                inner += List(self.shapes, members)
        for other in inner:
            self.follow_shape(other, step, (*above, shape))

    def _follow_path(self, path: Node, step: int) -> int:
        self.steps = max(self.steps, step)
        if isinstance(path, URIRef):
            return step + 1
        if (path, RDF.first, None) in self.shapes:
            for part in List(self.shapes, path):
                step = self._follow_path(part, step)
            return step
        inverse = self.shapes.value(path, SH.inversePath)
        if isinstance(inverse, URIRef):
            self.backwards[step].add(str(inverse))
            return step + 1
        choices = self.shapes.value(path, SH.alternativePath)
        if choices is None:
            raise _Unbounded  # a path of any length, or the inverse of more than a property
        return max(self._follow_path(choice, step) for choice in List(self.shapes, choices))


class Surroundings:
    """Finds what is within reach of focus nodes, in a store; IRIs and triples are text, as in N-Triples.

    Parameters
    ----------
    near: all triples about some subjects, from which they are taken faster than from the store.
    """

    def __init__(self, store: Store, reach: Reach, near: Mapping[str, Collection[str]] | None = None) -> None:
        self._store = store
        self._reach = reach
        self._near = near or {}

    def gather(self, focus: Iterable[str]) -> set[str]:
        """Return the triples within reach of focus nodes, and which classes are part of which."""
        triples = {str(quad.triple) for quad in self._store.quads_for_pattern(None, _SUBCLASS, None)}
        told: set[str] = set()
        nodes = set(focus)
        for step in range(self._reach.steps + 1):
            following: set[str] = set()
            for name in self._reach.backwards[step]:
                leading = {triple for node in nodes for triple in self._lead_to(node, name)}
                triples |= leading
                following.update(triple.partition(" ")[0] for triple in leading)
            for node in nodes:
                about = self._tell(node)
                if node not in told:
                    told.add(node)
                    triples.update(about)
                following.update(_list_objects(about))
            nodes = following
        return triples

    def _tell(self, node: str) -> Collection[str]:
        return self._near.get(node) or _read_all(self._store, node)

    def _lead_to(self, node: str, name: str) -> Iterator[str]:
        pattern = (None, NamedNode(name), NamedNode(node[1:-1]))
        return (str(quad.triple) for quad in self._store.quads_for_pattern(*pattern))


def _list_objects(triples: Iterable[str]) -> Iterator[str]:
    for triple in triples:
        value = triple.split(" ", 2)[2]
        if value.startswith("<") and not value.startswith("<<"):
            yield value


@lru_cache(KEPT)
def _read_all(store: Store, node: str) -> Collection[str]:
    return {str(quad.triple) for quad in store.quads_for_pattern(NamedNode(node[1:-1]), None, None)}

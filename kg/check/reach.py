"""How far shapes look: what of a dataset decides whether some focus nodes hold.

A large dataset is validated in batches of focus nodes. A batch needs the triples of these, and of what shapes
look at from there, such as the class of a value; all else cannot change what is found.

Source: Shapes Constraint Language (SHACL), sections 2.3 (property paths) and 4 (core constraints).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, MutableMapping
from dataclasses import dataclass

from rdflib import RDF, Graph, URIRef
from rdflib.collection import Collection as List
from rdflib.namespace import SH
from rdflib.term import Node

from kg.check.blocks import Reader

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
    """``steps`` from a focus node are looked at; the others tell which properties are followed, by step."""

    steps: int
    forwards: tuple[frozenset[str], ...]
    backwards: tuple[frozenset[str], ...]

    @property
    def rest(self) -> Reach:
        """What is looked at from nodes that are a step away."""
        return Reach(self.steps - 1, self.forwards[1:], self.backwards[1:])

    @property
    def follows(self) -> bool:
        """Whether more than the nodes themselves is looked at."""
        return any((*self.forwards, *self.backwards))


class _Unbounded(Exception):
    """No number of steps is enough."""


def measure_reach(shapes: Graph) -> Reach | None:
    """Return how far shapes look, or None where that has no bound, or is not understood.

    >>> measure_reach(Graph().parse(format="turtle", data='''
    ...     @prefix sh: <http://www.w3.org/ns/shacl#> . @prefix : <http://h/> .
    ...     :S sh:targetClass :C ; sh:property [ sh:path :p ; sh:class :D ] ;
    ...         sh:property [ sh:path [ sh:inversePath :q ] ] .'''))
    Reach(steps=1, forwards=(frozenset({'http://h/p'}), frozenset()),
        backwards=(frozenset({'http://h/q'}), frozenset()))
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
    forwards, backwards = (
        tuple(frozenset(properties[step]) for step in range(walk.steps + 1))
        for properties in (walk.forwards, walk.backwards)
    )
    return Reach(walk.steps, forwards, backwards)


class _Walk:
    def __init__(self, shapes: Graph) -> None:
        self.shapes = shapes
        self.steps = 0
        self.forwards: dict[int, set[str]] = defaultdict(set)
        self.backwards: dict[int, set[str]] = defaultdict(set)

    def follow_shape(self, shape: Node, step: int, above: tuple[Node, ...]) -> None:
        """Note what a shape looks at that is applied to nodes so many steps away."""
        if shape in above:
            raise _Unbounded
        inner = [o for predicate in _VALUE_SHAPES for o in self.shapes.objects(shape, predicate)]
        for predicate in _LISTS:
            for members in self.shapes.objects(shape, predicate):
                inner += List(self.shapes, members)
        has_class = (shape, SH["class"], None) in self.shapes
        ends = {step}
        for path in self.shapes.objects(shape, SH.path):
            # Of a value that is only counted or compared, nothing has to be known.
            ends = self._follow_path(path, step, further=has_class or bool(inner))
        if has_class:
            self.steps = max(self.steps, *ends)
        for end in ends:
            for other in inner:
                self.follow_shape(other, end, (*above, shape))

    def _follow_path(self, path: Node, step: int, further: bool) -> set[int]:
        """Note what a path follows; returns at which steps its values are."""
        self.steps = max(self.steps, step)
        if isinstance(path, URIRef):
            if further:
                self.forwards[step].add(str(path))
            return {step + 1}
        if (path, RDF.first, None) in self.shapes:
            *parts, last = List(self.shapes, path)
            ends = {step}
            for part in parts:
                ends = {end for start in ends for end in self._follow_path(part, start, further=True)}
            return {end for start in ends for end in self._follow_path(last, start, further)}
        inverse = self.shapes.value(path, SH.inversePath)
        if isinstance(inverse, URIRef):
            self.backwards[step].add(str(inverse))
            return {step + 1}
        choices = self.shapes.value(path, SH.alternativePath)
        if choices is None:
            raise _Unbounded  # a path of any length, or the inverse of more than a property
        branches = [*List(self.shapes, choices)]
        return {end for branch in branches for end in self._follow_path(branch, step, further)}


class Surroundings:
    """Finds what is within reach of focus nodes; IRIs and triples are text, as in N-Triples.

    Parameters
    ----------
    reader: tells what is said about a thing, and what leads to it.
    always: triples that are near everything: which classes are part of which.
    near: all triples about some subjects, from which they are taken faster.
    """

    def __init__(
        self,
        reader: Reader,
        reach: Reach,
        always: Iterable[str] = (),
        near: MutableMapping[str, Collection[str]] | None = None,
    ) -> None:
        self._reader = reader
        self._reach = reach
        self._always = always
        self._near = {} if near is None else near

    def gather(self, focus: Iterable[str]) -> set[str]:
        """Return the triples within reach of focus nodes."""
        triples = set(self._always)
        nodes = set(focus)
        told: set[str] = set()
        for step in range(self._reach.steps + 1):
            followed = frozenset(f"<{name}>" for name in self._reach.forwards[step])
            following: set[str] = set()
            for name in self._reach.backwards[step]:
                leading = {triple for node in nodes for triple in self._reader.lead_to(node, name)}
                triples |= leading
                following.update(triple.partition(" ")[0] for triple in leading)
            for node in nodes - told:
                triples.update(self._tell(node))
            told |= nodes
            if followed:
                following.update(v for node in nodes for v in _list_values(self._tell(node), followed))
            nodes = following
        return triples

    def _tell(self, node: str) -> Collection[str]:
        if node not in self._near:
            self._near[node] = self._reader.tell(node)
        return self._near[node]


def _list_values(triples: Iterable[str], followed: frozenset[str]) -> Iterator[str]:
    for triple in triples:
        _, predicate, value = triple.split(" ", 2)
        if predicate in followed and value.startswith("<") and not value.startswith("<<"):
            yield value

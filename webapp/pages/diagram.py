"""Lays out diagrams of the vocabulary as boxes and lines, for ``_diagram.html`` to draw. Pure."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pyoxigraph import NamedNode

from kg.ontology import Ontology, Term

BOX_HEIGHT = 30
ROW_HEIGHT = 44
GAP = 90
"""Between two columns, where the lines are."""
_PADDING = 12
_CHARACTER = 7.6
"""Width of a Latin letter at the size of the labels; a Chinese character takes two."""

Label = Callable[[Term], str]


@dataclass(frozen=True, slots=True)
class Box:
    """A term at a place, in units of the drawing."""

    term: Term
    label: str
    x: float
    y: float
    width: float

    @property
    def middle(self) -> float:
        """Half its height down."""
        return self.y + BOX_HEIGHT / 2


@dataclass(frozen=True, slots=True)
class Line:
    """An arrow between two boxes; ``label`` is that of a relation, empty for *is a kind of*."""

    x1: float
    y1: float
    x2: float
    y2: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Diagram:
    """Boxes and lines, and how much room they take."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    width: float
    height: float


def measure(text: str) -> float:
    """Return about how wide a text is drawn.

    >>> measure("zone") < measure("示范区域")
    True
    """
    units = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
    return units * _CHARACTER


def draw_classes(ontology: Ontology, label: Label) -> Diagram:
    """Lay out the classes that are kinds of others: what is general on the left, its kinds to the right."""
    classes = {term.iri: term for term in ontology.of_kind("class")}
    edges = [
        (term, classes[parent])
        for term in classes.values()
        for parent in term.parents
        if parent in classes and parent != term.iri
    ]
    shown = {term.iri for edge in edges for term in edge}
    depth = {iri: _find_depth(classes[iri], classes) for iri in shown}
    rows = _order_rows([classes[iri] for iri in shown], depth, label)
    left = _find_columns(rows, depth, label)
    boxes = {
        term.iri: Box(term, label(term), left[depth[term.iri]], row * ROW_HEIGHT + 4, _box_width(label(term)))
        for term, row in rows.items()
    }
    lines = []
    for child, parent in edges:
        if child.iri not in boxes or parent.iri not in boxes:
            continue  # a circle of classes has no beginning, so it has no place
        start, end = boxes[child.iri], boxes[parent.iri]
        lines.append(Line(start.x, start.middle, end.x + end.width, end.middle))
    return _frame(boxes.values(), lines)


def draw_relations(ontology: Ontology, label: Label) -> Diagram:
    """Lay out the relations whose two ends are known: a row each, from what it is of to what it leads to."""
    relations = [
        (domain, term, target)
        for term in ontology.of_kind("relation")
        for domain in map(ontology.find, term.domains)
        for target in map(ontology.find, term.ranges)
        if domain is not None and target is not None
    ]
    relations.sort(key=lambda relation: (label(relation[0]), label(relation[1])))
    left = max((_box_width(label(domain)) for domain, _, _ in relations), default=0)
    middle = max((measure(label(term)) for _, term, _ in relations), default=0) + 2 * _PADDING + GAP
    boxes, lines = [], []
    for row, (domain, term, target) in enumerate(relations):
        y = row * ROW_HEIGHT + 4
        start = Box(domain, label(domain), 4, y, _box_width(label(domain)))
        end = Box(target, label(target), 4 + left + middle, y, _box_width(label(target)))
        boxes += [start, end]
        lines.append(Line(start.x + start.width, start.middle, end.x, end.middle, label(term)))
    return _frame(boxes, lines)


def _find_depth(term: Term, classes: dict[NamedNode, Term], seen: tuple[NamedNode, ...] = ()) -> int:
    above = [classes[p] for p in term.parents if p in classes and p not in seen and p != term.iri]
    return max((1 + _find_depth(parent, classes, (*seen, term.iri)) for parent in above), default=0)


def _order_rows(terms: list[Term], depth: dict[NamedNode, int], label: Label) -> dict[Term, float]:
    """Give each term without kinds of its own a row, and each other one the middle of its kinds."""
    children: dict[object, list[Term]] = defaultdict(list)
    known = {term.iri for term in terms}
    for term in sorted(terms, key=label):
        first = next((parent for parent in term.parents if parent in known), None)
        children[first].append(term)
    rows: dict[Term, float] = {}
    taken = 0

    def place(term: Term) -> float:
        nonlocal taken
        below = [
            child for child in children[term.iri] if child not in rows and depth[child.iri] > depth[term.iri]
        ]
        if not below:
            rows[term] = float(taken)
            taken += 1
        else:
            middles = [place(child) for child in below]
            rows[term] = (middles[0] + middles[-1]) / 2
        return rows[term]

    for root in children[None]:
        # What else its kinds are kinds of comes next to it, so that lines stay short.
        beside = [p for child in children[root.iri] for p in child.parents if p in known]
        for term in (root, *(top for top in children[None] if top.iri in beside)):
            if term not in rows:
                place(term)
    return rows


def _find_columns(rows: Iterable[Term], depth: dict[NamedNode, int], label: Label) -> list[float]:
    widths: dict[int, float] = defaultdict(float)
    for term in rows:
        widths[depth[term.iri]] = max(widths[depth[term.iri]], _box_width(label(term)))
    left = [4.0]
    for column in range(max(widths, default=0)):
        left.append(left[-1] + widths[column] + GAP)
    return left


def _box_width(text: str) -> float:
    return measure(text) + 2 * _PADDING


def _frame(boxes: Iterable[Box], lines: Iterable[Line]) -> Diagram:
    boxes = tuple(boxes)
    width = max((box.x + box.width for box in boxes), default=0) + 4
    height = max((box.y for box in boxes), default=0) + BOX_HEIGHT + 4
    return Diagram(boxes, tuple(lines), width, height)

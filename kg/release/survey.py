"""Counts what is in the union of the graphs of a dataset, for its description, line by line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

from kg.dataset import read_lines
from kg.sorting import sort_lines
from kg.vocab import PROV, SKOS, TYPE, Names

_TYPE, _MATCH, _DERIVED = (str(term).encode() for term in (TYPE, SKOS("exactMatch"), PROV("wasDerivedFrom")))


@dataclass(slots=True)
class ClassUse:
    """A class: how many things are of it, how many of these are entities, and the first of each."""

    things: int = 0
    entities: int = 0
    example: str = ""
    first_entity: str = ""


@dataclass(slots=True)
class PropertyUse:
    """A property: how many triples have it, with how many subjects and objects; the first of the subjects."""

    triples: int = 0
    subjects: int = 0
    objects: int = 0
    example: str = ""


@dataclass(slots=True)
class Survey:
    """Figures of a dataset; classes and properties by IRI, ``links`` by the space that they lead to.

    An entity is a subject whose IRI begins with ``id/``.
    """

    triples: int = 0
    subjects: int = 0
    objects: int = 0
    entities: int = 0
    derived_facts: int = 0
    classes: dict[str, ClassUse] = field(default_factory=lambda: defaultdict(ClassUse))
    properties: dict[str, PropertyUse] = field(default_factory=lambda: defaultdict(PropertyUse))
    links: Counter[str] = field(default_factory=Counter)


def survey_union(path: Path, names: Names) -> Survey:
    """Count.

    Parameters
    ----------
    path: N-Triples, each triple once, those of a subject together; sorting takes place beside it.
    """
    survey, space = Survey(), names.thing("").value
    for subject, lines in groupby(read_lines(path), key=lambda line: line.partition(b" ")[0]):
        pairs = [line[:-3].split(b" ", 2)[1:] for line in lines]
        _count_subject(survey, subject.decode()[1:-1], pairs, space)
        survey.links.update(find_space(o[1:-1].decode(), names) for p, o in pairs if p == _MATCH)
    for _, group in groupby(sort_lines(_digest_objects(path), path.parent), key=lambda line: line[:32]):
        survey.objects += 1
        for line in group:
            survey.properties[line[34:-2].decode()].objects += 1
    return survey


def _count_subject(survey: Survey, subject: str, pairs: list[list[bytes]], space: str) -> None:
    entity = subject if subject.startswith(space) else ""
    survey.triples += len(pairs)
    survey.subjects += 1
    survey.entities += bool(entity)
    predicates = Counter(predicate for predicate, _ in pairs)
    survey.derived_facts += _DERIVED in predicates
    for predicate, count in predicates.items():
        use = survey.properties[predicate[1:-1].decode()]
        use.triples += count
        use.subjects += 1
        use.example = _first(use.example, subject)
    for predicate, value in pairs:
        if predicate == _TYPE:
            kind = survey.classes[value[1:-1].decode()]
            kind.things += 1
            kind.example = _first(kind.example, subject)
            kind.entities += bool(entity)
            kind.first_entity = kind.first_entity or entity


def _first(known: str, iri: str) -> str:
    # As they are written, in angle brackets: then one that another begins with comes after it.
    return min(known, iri, key=lambda text: f"{text}>") if known else iri


def _digest_objects(path: Path) -> Iterator[bytes]:
    """Yield for each triple 32 digits of a hash that stand for its object, and its property."""
    for line in read_lines(path):
        _, predicate, value = line[:-3].split(b" ", 2)
        yield b"%b %b\n" % (blake2b(value, digest_size=16).hexdigest().encode(), predicate)


def find_space(iri: str, names: Names) -> str:
    """Return the longest prefix in use that an IRI begins with, or else its host.

    >>> find_space("https://a.example/x", Names("http://h/"))
    'https://a.example/'
    """
    known = [space for space in names.prefixes.values() if iri.startswith(space)]
    parts = urlsplit(iri)
    return max(known, key=len) if known else f"{parts.scheme}://{parts.netloc}/"

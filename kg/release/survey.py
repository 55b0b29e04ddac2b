"""Counts what is in the union of the graphs of a dataset, for its description, line by line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

from kg.dataset import read_lines
from kg.sorting import sort_lines
from kg.vocab import PROV, SKOS, TYPE, Names

PAIRS_KEPT = 50_000
"""Properties with objects that are remembered, some 10 MB: what is said often is hashed and sorted seldom."""

_DIGITS = 32
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
    path: N-Triples sorted by subject and property, each triple once; sorting takes place beside it.
    """
    survey = Survey()
    _count_subjects(survey, path, names)
    numbers = {f"<{iri}>".encode(): number for number, iri in enumerate(survey.properties)}
    uses = list(survey.properties.values())
    digests = sort_lines(_digest_objects(path, numbers), path.parent)
    for _, group in groupby(digests, key=lambda line: line[:_DIGITS]):
        survey.objects += 1
        for line in group:
            uses[int(line[_DIGITS:])].objects += 1
    return survey


def _count_subjects(survey: Survey, path: Path, names: Names) -> None:
    start = f"<{names.thing('').value}".encode()
    last_subject = last_predicate = b""
    use, is_entity = PropertyUse(), False
    # A loop without calls, since it is run for each triple.
    for line in read_lines(path):
        subject, predicate, value = line.split(b" ", 2)
        if subject != last_subject:
            last_subject, last_predicate = subject, b""
            is_entity = subject.startswith(start)
            survey.subjects += 1
            survey.entities += is_entity
        if predicate != last_predicate:
            last_predicate = predicate
            use = survey.properties[predicate[1:-1].decode()]
            use.subjects += 1
            use.example = _first(use.example, subject)
            survey.derived_facts += predicate == _DERIVED
        survey.triples += 1
        use.triples += 1
        if predicate == _TYPE:
            _count_thing(survey.classes[value[1:-4].decode()], subject, is_entity)
        elif predicate == _MATCH:
            survey.links[find_space(value[1:-4].decode(), names)] += 1


def _count_thing(kind: ClassUse, subject: bytes, is_entity: bool) -> None:
    kind.things += 1
    kind.example = _first(kind.example, subject)
    if is_entity:
        kind.entities += 1
        kind.first_entity = kind.first_entity or subject[1:-1].decode()


def _first(known: str, subject: bytes) -> str:
    # As they are written, in angle brackets: then one that another begins with comes after it.
    return known if known and f"<{known}>".encode() <= subject else subject[1:-1].decode()


def _digest_objects(path: Path, numbers: Mapping[bytes, int]) -> Iterator[bytes]:
    """Yield digits of the hash of each object, with the number of each property that it is of."""
    seen: set[bytes] = set()
    for line in read_lines(path):
        pair = line.partition(b" ")[2]
        if pair in seen:
            continue
        if len(seen) >= PAIRS_KEPT:
            seen.clear()
        seen.add(pair)
        predicate, _, value = pair.partition(b" ")
        digest = blake2b(value, digest_size=_DIGITS // 2).hexdigest()
        yield b"%b%d\n" % (digest.encode(), numbers[predicate])


def find_space(iri: str, names: Names) -> str:
    """Return the longest prefix in use that an IRI begins with, or else its host.

    >>> find_space("https://a.example/x", Names("http://h/"))
    'https://a.example/'
    """
    known = [space for space in names.prefixes.values() if iri.startswith(space)]
    parts = urlsplit(iri)
    return max(known, key=len) if known else f"{parts.scheme}://{parts.netloc}/"

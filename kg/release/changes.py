"""What changed between two releases: in RDF, and in figures and words.

The N-Quads of a release are canonical and sorted, so two of them are compared by merging their lines, in
memory that does not grow with them. What the changes mean is read from the quads around them in a second
pass, and kept for at most ``MAX_TOLD`` facts; all are counted.

Source of the patch format: RDF Patch (Apache Jena, RDF Delta), ``application/rdf-patch``.
"""

from __future__ import annotations

import gzip
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pyoxigraph import Literal, NamedNode, RdfFormat, parse

from kg.formats import N_QUADS
from kg.release.layout import Release
from kg.vocab import AXIOM, ORG, OWL, PREF_LABEL, RDFS, TYPE, Names

MAX_TOLD = 500
"""Facts that are told in words."""

ADDED, REMOVED, CHANGED = "added", "removed", "changed"

_ABOUT = (ORG("member").value, "agent", "about", "saidBy")
"""Properties that say whom an n-ary node is about, the first one that it has counts; own terms by name."""


@dataclass(frozen=True, slots=True)
class FactChange:
    """A fact that was added, removed, or changed in what it says."""

    change: str
    fact: str
    about: str
    text: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed from one release to another; ``facts`` are at most ``MAX_TOLD`` of all that did."""

    before: str
    after: str
    figures: dict[str, int]
    facts: tuple[FactChange, ...]
    more: int


# --- in RDF ------------------------------------------------------------------------------------------


def merge_lines(before: Iterable[bytes], after: Iterable[bytes]) -> Iterator[tuple[bool, bytes]]:
    """Yield the lines that only one of two sorted inputs has; True means that the second has it.

    >>> list(merge_lines([b"a", b"b", b"d"], [b"b", b"c"]))
    [(False, b'a'), (True, b'c'), (False, b'd')]
    """
    first, second = iter(before), iter(after)
    old, new = next(first, None), next(second, None)
    while old is not None or new is not None:
        if old == new:
            old, new = next(first, None), next(second, None)
        elif new is None or (old is not None and old < new):
            assert old is not None
            yield False, old
            old = next(first, None)
        else:
            yield True, new
            new = next(second, None)


def compare(before: Release, after: Release) -> Iterator[tuple[bool, bytes]]:
    """Yield the quads that only one of two releases has, as lines of N-Quads; True means the later one."""
    with gzip.open(_dump_path(before)) as first, gzip.open(_dump_path(after)) as second:
        yield from merge_lines(first, second)


def select_quads(before: Release, after: Release, *, added: bool) -> Iterator[bytes]:
    """Yield the quads that were added, or those that were removed, as N-Quads."""
    return (line for is_added, line in compare(before, after) if is_added == added)


def make_patch(before: Release, after: Release) -> Iterator[bytes]:
    """Yield an RDF Patch that turns one release into another."""
    for name, release in (("id", after), ("prev", before)):
        yield f"H {name} <{release.manifest.base_iri}releases/{release.id}> .\n".encode()
    yield b"TX .\n"
    for is_added, line in compare(before, after):
        yield (b"A " if is_added else b"D ") + line
    yield b"TC .\n"


def _dump_path(release: Release) -> Path:
    dump = release.manifest.find_dump(N_QUADS.name)
    assert dump is not None, "every release has its N-Quads"
    return release.dumps_path / dump.name


# --- in figures and words ----------------------------------------------------------------------------


def tell_changes(before: Release, after: Release) -> Changes:
    """Return what changed in figures and in words."""
    touched = _Touched()
    for is_added, line in compare(before, after):
        touched.add(is_added, line)
    old, new = (_Reading(release) for release in (before, after))
    for reading in (old, new):
        reading.read(touched.subjects)
    facts = sorted(_find_facts(touched, old, new))
    told = [_tell(change, fact, new if change != REMOVED else old) for fact, change in facts[:MAX_TOLD]]
    figures = {"quads_added": touched.added, "quads_removed": touched.removed}
    counted = Counter(change for _, change in facts)
    figures |= {f"facts_{change}": counted[change] for change in (ADDED, REMOVED, CHANGED)}
    return Changes(
        before=before.id,
        after=after.id,
        figures=figures,
        facts=tuple(sorted(told, key=lambda change: (change.text, change.change))),
        more=max(0, len(facts) - MAX_TOLD),
    )


@dataclass(slots=True)
class _Touched:
    """Subjects of the quads that changed, as they stand in N-Quads, with which way they did."""

    added: int = 0
    removed: int = 0
    subjects: set[bytes] = field(default_factory=set)

    def add(self, is_added: bool, line: bytes) -> None:
        self.added += is_added
        self.removed += not is_added
        self.subjects.add(line.partition(b" ")[0])


class _Reading:
    """What one release says about some subjects, and what is needed to tell it."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.names = Names(release.manifest.base_iri)
        self.said: dict[str, dict[str, list[NamedNode | Literal]]] = defaultdict(lambda: defaultdict(list))

    def read(self, subjects: set[bytes]) -> None:
        """Read what is said about subjects, then about what they point at (labels, quotes)."""
        self._scan(subjects)
        pointed = {
            f"<{value.value}>".encode()
            for said in list(self.said.values())
            for values in said.values()
            for value in values
            if isinstance(value, NamedNode)
        }
        self._scan(pointed - subjects)

    def _scan(self, subjects: set[bytes]) -> None:
        with gzip.open(_dump_path(self.release)) as lines:
            found = b"".join(line for line in lines if line.partition(b" ")[0] in subjects)
        for quad in parse(found, format=RdfFormat.N_QUADS):
            value = quad.object
            if isinstance(quad.subject, NamedNode) and isinstance(value, NamedNode | Literal):
                self.said[quad.subject.value][quad.predicate.value].append(value)

    def values(self, subject: str, predicate: NamedNode | str) -> list[NamedNode | Literal]:
        """Return the values of a property; an own term may be given by its name."""
        iri = predicate.value if isinstance(predicate, NamedNode) else predicate
        if "/" not in iri:
            iri = self.names.term(iri).value
        return self.said[subject][iri] if subject in self.said else []

    def label(self, term: NamedNode | Literal) -> str:
        """Return the English label of a thing, or else another, or the end of its IRI; a literal as it is."""
        if isinstance(term, Literal):
            return f"“{term.value}”" + (f" ({term.language})" if term.language else "")
        found = self.values(term.value, PREF_LABEL) or self.values(term.value, RDFS("label"))
        labels = [label for label in found if isinstance(label, Literal)]
        best = min(labels, key=lambda label: (label.language != "en", label.language or ""), default=None)
        return best.value if best else term.value.rpartition("#")[2].rpartition("/")[2]


def _find_facts(touched: _Touched, old: _Reading, new: _Reading) -> Iterator[tuple[str, str]]:
    """Yield the facts among the subjects that changed, with which way each did."""
    for subject in touched.subjects:
        iri = subject[1:-1].decode()
        was, is_now = (bool(reading.values(iri, "evidence")) for reading in (old, new))
        if was or is_now:
            yield iri, CHANGED if was and is_now else ADDED if is_now else REMOVED


def _tell(change: str, fact: str, reading: _Reading) -> FactChange:
    about, said = (
        _describe_axiom(fact, reading) if _is_axiom(fact, reading) else _describe_node(fact, reading)
    )
    records = [value.value for value in reading.values(fact, "evidence")]
    quotes = sorted({v.value for record in records for v in reading.values(record, "quotedText")})
    text = f"{said} {change}" + "".join(f", evidence “{quote}”" for quote in quotes[:1])
    return FactChange(change, fact, about, text, tuple(quotes))


def _is_axiom(fact: str, reading: _Reading) -> bool:
    return AXIOM in reading.values(fact, TYPE)


def _describe_axiom(fact: str, reading: _Reading) -> tuple[str, str]:
    source, predicate, target = (
        reading.values(fact, OWL(f"annotated{part}"))[0] for part in ("Source", "Property", "Target")
    )
    words = (reading.label(source), reading.label(predicate), reading.label(target))
    return source.value, "{}: {} {}".format(*words)


def _describe_node(fact: str, reading: _Reading) -> tuple[str, str]:
    """Return whom a node is about and what it says, as in "Lou Jiwei: former post (Lou Jiwei as …)"."""
    about = next((values[0] for name in _ABOUT if (values := reading.values(fact, name))), NamedNode(fact))
    tenure = [reading.label(value) for value in reading.values(fact, "tenure")]
    types = reading.values(fact, TYPE)
    kind = "post" if ORG("Membership") in types else reading.label(types[0]) if types else "fact"
    words = " ".join([*tenure[:1], kind])
    return about.value, f"{reading.label(about)}: {words} ({reading.label(NamedNode(fact))})"

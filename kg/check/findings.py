"""Runs all checks and gathers what they find, and how much of each article is covered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain

from pyoxigraph import Quad

from kg.check.evidence import prove
from kg.check.shapes import find_violations
from kg.check.terms import find_duplicates, find_undeclared, find_unknown_terms
from kg.model import Evidence, Finding, Place
from kg.publication import fact_iri, publish
from kg.redirects import find_broken
from kg.sources import Sources
from kg.vocab import named


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of an article rests under facts; sentences are counted from 1."""

    slug: str
    sentences: int
    facts: int
    without_facts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of all checks. ``quads`` is the published dataset, and whole only without findings."""

    findings: tuple[Finding, ...]
    coverage: tuple[Coverage, ...]
    evidence: tuple[Evidence, ...]
    quads: frozenset[Quad]


def check_sources(sources: Sources, on_step: Callable[[str], None] = lambda step: None) -> Report:
    """Check everything; all findings are listed, sorted by file and line.

    ``on_step`` is called with a few words before each step, for a progress display.
    """
    on_step("evidence")
    proof = prove(sources)
    on_step("terms")
    findings = [*_reading_findings(sources), *proof.findings]
    findings += chain(find_unknown_terms(sources), find_duplicates(sources), find_undeclared(sources))
    on_step("published form")
    quads = publish(sources, proof.evidence)
    findings += find_broken(sources.redirects, {named(quad.subject).value for quad in quads})
    if not any(f.code in ("malformed", "unreadable") for f in findings):
        # Over half-read sources SHACL would report what is only missing because a file did not parse.
        on_step("shapes")
        findings += find_violations(sources, quads, _places(sources, proof.evidence))
    return Report(
        findings=tuple(sorted(findings, key=lambda f: (f.place, f.code, f.message))),
        coverage=tuple(measure_coverage(sources, proof.evidence)),
        evidence=proof.evidence,
        quads=quads,
    )


def _reading_findings(sources: Sources) -> Iterable[Finding]:
    documents = (sources.ontology, *sources.documents)
    return chain(sources.findings, *(document.findings for document in documents))


def _places(sources: Sources, evidence: Iterable[Evidence]) -> dict[str, Place]:
    places: dict[str, Place] = {}
    for document in (sources.ontology, *sources.documents):
        for statement in document.statements:
            places.setdefault(statement.subject.value, statement.place)
    for record in evidence:
        fact = fact_iri(record.fact.about, sources.names)
        places.setdefault(fact.value, record.fact.place)
    return places


def measure_coverage(sources: Sources, evidence: Iterable[Evidence]) -> Iterable[Coverage]:
    """Yield the coverage of each article whose text was read."""
    facts: dict[str, set[object]] = {}
    covered: dict[str, Counter[int]] = {}
    for record in evidence:
        if record.selection is not None:
            covered.setdefault(record.article, Counter()).update(record.selection.sentences)
            facts.setdefault(record.article, set()).add(record.fact.about)
    for article in sources.articles:
        if article.text is not None:
            numbers = [sentence.number for sentence in article.text.sentences]
            seen = covered.get(article.slug, Counter())
            bare = tuple(number for number in numbers if not seen[number])
            yield Coverage(article.slug, len(numbers), len(facts.get(article.slug, ())), bare)

"""Runs all checks and gathers what they find, and how much of each article is covered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from weakref import finalize

from pyoxigraph import Quad

from kg.check.evidence import prove
from kg.check.shapes import find_violations
from kg.check.terms import find_duplicates, find_undeclared, find_unknown_terms
from kg.dataset import Dataset, write_dataset
from kg.errors import SourceError
from kg.model import Evidence, Finding, Place
from kg.publication import fact_iri, publish
from kg.redirects import find_broken
from kg.sources import Sources


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of an article rests under facts; sentences are counted from 1."""

    slug: str
    sentences: int
    facts: int
    without_facts: tuple[int, ...]


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Report:
    """The outcome of all checks. ``dataset`` is what is published, and whole only without findings.

    Its files are in a folder for temporary files (TMPDIR), and go when the report does.
    """

    findings: tuple[Finding, ...]
    coverage: tuple[Coverage, ...]
    evidence: tuple[Evidence, ...]
    dataset: Dataset

    @property
    def quads(self) -> frozenset[Quad]:
        """The published quads, all in memory."""
        return frozenset(self.dataset.read_quads())


def check_sources(
    sources: Sources, on_step: Callable[[str], None] = lambda step: None, verdicts: Path | None = None
) -> Report:
    """Check everything; all findings are listed, sorted by file and line.

    Parameters
    ----------
    on_step: called with a few words before each step, for a progress display.
    verdicts: a file that remembers which parts have passed the shapes, so that these pass at once.

    Raises
    ------
    SourceError: there is no room for temporary files.
    WorkLost: a process that checks was ended from outside.
    """
    folder = Path(mkdtemp(prefix="kg-check-"))
    with ExitStack() as stack:
        stack.callback(rmtree, folder, ignore_errors=True)
        try:
            report = _check(sources, on_step, verdicts, folder)
        # pyoxigraph raises RuntimeError for some faults of its storage.
        except (OSError, RuntimeError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            remedy = "Free some space, or name another folder with TMPDIR."
            raise SourceError(f"cannot write what is checked: {reason}.", remedy, path=folder) from error
        finalize(report, stack.pop_all().close)
        return report


def _check(sources: Sources, on_step: Callable[[str], None], verdicts: Path | None, folder: Path) -> Report:
    on_step("evidence")
    proof = prove(sources)
    on_step("terms")
    findings = [*_reading_findings(sources), *proof.findings]
    findings += chain(find_unknown_terms(sources), find_duplicates(sources), find_undeclared(sources))
    on_step("published form")
    dataset = write_dataset(publish(sources, proof.evidence), folder)
    findings += find_broken(sources.redirects, _find_subjects(sources, dataset))
    if not any(f.code in ("malformed", "unreadable") for f in findings):
        # Over half-read sources SHACL would report what is only missing because a file did not parse.
        on_step("shapes")
        places = partial(_places, sources, proof.evidence)
        findings += find_violations(sources, dataset, places, on_step, verdicts)
    return Report(
        findings=tuple(sorted(findings, key=lambda f: (f.place, f.code, f.message))),
        coverage=tuple(measure_coverage(sources, proof.evidence)),
        evidence=proof.evidence,
        dataset=dataset,
    )


def _find_subjects(sources: Sources, dataset: Dataset) -> set[str]:
    """Return those names of redirects that the dataset says something about."""
    wanted = {
        f"<{name}>".encode() for redirect in sources.redirects for name in (redirect.source, redirect.target)
    }
    if not wanted:
        return set()
    found = wanted.intersection(line.partition(b" ")[0] for line in dataset.read_lines())
    return {name[1:-1].decode() for name in found}


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

"""Runs the SHACL shapes over the published form: pySHACL says what is wrong, and ``shacl`` what is not.

A large dataset is validated in batches, on all cores: pySHACL works on a graph in memory, of which ten
million triples would take tens of gigabytes. An engine in Rust, ``shacl``, passes a batch that holds in a
hundredth of the time; one that it does not pass goes to pySHACL, whose report counts.

Source: Shapes Constraint Language (SHACL), section 3.6 (validation report).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import pyshacl
import rdflib
from rdflib.namespace import SH

from kg.check import blocks as blocks_module
from kg.check import reach as reach_module
from kg.check.blocks import Blocks, Contents, Range, number_subject, write_blocks
from kg.check.reach import Reach, Surroundings, measure_reach
from kg.check.verdicts import read_verdicts, write_verdicts
from kg.dataset import Dataset
from kg.model import Finding, Place
from kg.parallel import count_processes, run_all, tell_progress
from kg.sources import Sources

QUICK = find_spec("shacl") is not None
"""There is no wheel of the quick engine for every machine; pySHACL comes to the same, later."""
if QUICK:
    import shacl

WHOLE_QUADS = 20_000
"""Up to so many quads all are validated at once."""
BATCH_SUBJECTS = 1024
"""Subjects of a batch, on average: batches end at subjects whose hash says so, and so stay where they are
when something before them changes."""


@dataclass(frozen=True, slots=True)
class Violation:
    """What was found about a focus node."""

    focus: str
    text: str


@dataclass(frozen=True, slots=True)
class Job:
    """All that a process needs to validate batches."""

    shapes: str
    base: str
    blocks: Blocks
    classes: frozenset[str]
    reach: Reach
    known: frozenset[str]


_Outcome = tuple[str, tuple[Violation, ...]]
Holds = Callable[[str, str, str, set[str]], bool]


def find_violations(
    sources: Sources,
    dataset: Dataset,
    places: Callable[[], Mapping[str, Place]],
    on_step: Callable[[str], None] = lambda step: None,
    verdicts: Path | None = None,
) -> Iterator[Finding]:
    """Yield a finding for each result of the validation.

    Parameters
    ----------
    places: tells where each IRI of the dataset comes from; a focus node that is not there is reported at the
        shapes file.
    verdicts: the file of what has passed before.
    """
    try:
        text = sources.shapes.read_text(encoding="utf-8")
        shapes = _parse_shapes(text, sources.names.base)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        yield Finding("unreadable", Place(sources.shapes), f"cannot be read: {reason}.", "Restore it.")
        return
    # rdflib raises its own BadSyntax, a SyntaxError, and for some faults plain ValueError.
    except (SyntaxError, ValueError) as error:
        place = Place(sources.shapes, getattr(error, "lines", 0) + 1)
        yield Finding("malformed", place, f"is not Turtle: {_first_line(error)}.", "Mend the syntax there.")
        return
    known = read_verdicts(verdicts)
    reach = measure_reach(shapes)
    try:
        if len(dataset) <= WHOLE_QUADS or reach is None:
            outcomes = [_check_whole(text, sources.names.base, dataset, known)]
        else:
            contents = _write_blocks(dataset, shapes, reach)
            job = Job(text, sources.names.base, contents.blocks, contents.classes, reach, known)
            # pySHACL reads each shape at least once, and tells of those that make no sense.
            sample = _check(job, set(contents.firsts), {}, lambda *given: False)
            outcomes = [sample, *_check_batches(job, contents.ranges, on_step)]
    except pyshacl.errors.ReportableRuntimeError as error:
        yield Finding("malformed", Place(sources.shapes), f"{_first_line(error)}.", "Mend the shape.")
        return
    write_verdicts(verdicts, (verdict for verdict, violations in outcomes if not violations))
    found = dict.fromkeys(violation for _, violations in outcomes for violation in violations)
    yield from _report(found, sources, places() if found else {})


def _first_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(getattr(error, "message", "") or error)).strip()[:200]


def _report(found: Iterable[Violation], sources: Sources, places: Mapping[str, Place]) -> Iterable[Finding]:
    shapes, remedy = (
        Place(sources.shapes),
        "Mend the data, or the shape in ontology/shapes.ttl if it asks too much.",
    )
    findings = (
        Finding("shape", places.get(v.focus, places.get(v.focus.partition("#")[0], shapes)), v.text, remedy)
        for v in found
    )
    return sorted(findings, key=lambda finding: (finding.place, finding.message))


# --- in one go, or in batches ------------------------------------------------------------------------


def _check_whole(text: str, base: str, dataset: Dataset, known: frozenset[str]) -> _Outcome:
    triples = {line.rpartition(b" <")[0].decode() for line in dataset.read_lines()}
    return _validate(text, base, triples, None, known)


def _write_blocks(dataset: Dataset, shapes: rdflib.Graph, reach: Reach) -> Contents:
    targets = (
        name for target in (SH.targetClass, SH.targetSubjectsOf) for name in shapes.objects(None, target)
    )
    return write_blocks(
        dataset,
        frozenset().union(*reach.backwards),
        map(str, targets),
        lambda number: number % BATCH_SUBJECTS == 0,
    )


def _check_batches(job: Job, ranges: Sequence[Range], on_step: Callable[[str], None]) -> Iterator[_Outcome]:
    jobs = [partial(_check_batch, job, part) for part in ranges]
    outcomes = run_all(jobs, count_processes())
    return tell_progress(outcomes, len(jobs), lambda part: on_step(f"shapes, {part}"))


def _check_batch(job: Job, part: Range) -> _Outcome:
    near: dict[str, Collection[str]] = {}
    focus: set[str] = set()
    with job.blocks.open() as reader:
        for graph, subject, triples in reader.read(part):
            # Much is said in many graphs of some things, and each is validated with one of these only.
            if number_subject(subject.encode()) not in part.shared:
                near[subject] = triples
                focus.add(subject)
            elif reader.find_home(subject) == graph:
                focus.add(subject)
    return _check(job, focus, near, _holds)


def _check(job: Job, focus: set[str], near: dict[str, Collection[str]], holds: Holds) -> _Outcome:
    with job.blocks.open() as reader:
        triples = Surroundings(reader, job.reach, job.classes, near).gather(focus)
    return _validate(job.shapes, job.base, triples, {node[1:-1] for node in focus}, job.known, holds)


@cache
def _parse_shapes(text: str, base: str) -> rdflib.Graph:
    return rdflib.Graph().parse(data=text, format="turtle", publicID=base)


@cache
def _compile_shapes(text: str, base: str) -> shacl.Shapes:
    return shacl.Shapes.from_text(text, base=base)


def _holds(text: str, base: str, content: str, focus: set[str]) -> bool:
    """Return whether it is certain that nothing is found about focus nodes."""
    if not QUICK:
        return False
    report = _compile_shapes(text, base).validate_text(content, format="ntriples", allow_warnings=True)
    return focus.isdisjoint(result.focus_node[1:-1] for result in report.results)


def _validate(
    text: str,
    base: str,
    triples: set[str],
    focus: set[str] | None,
    known: frozenset[str],
    holds: Holds = lambda *given: False,
) -> _Outcome:
    """Return the verdict on triples, as N-Triples without a stop, and what was found about the focus nodes.

    Of those that are none, not all is known; so what is found about them does not count.

    Parameters
    ----------
    holds: tells quickly whether nothing will be found, if it can.
    """
    content = "".join(f"{triple} .\n" for triple in sorted(triples))
    parts = (*_list_versions(), text, base, content, *sorted(focus or ()))
    verdict = sha256("\x00".join(parts).encode()).hexdigest()
    if verdict in known or (focus is not None and holds(text, base, content, focus)):
        return verdict, ()
    data = rdflib.Graph().parse(data=content, format="nt")
    shapes = _parse_shapes(text, base)
    aimed = shapes if focus is None else _aim(shapes, data, focus)
    _, report, _ = pyshacl.validate(data, shacl_graph=aimed, advanced=False, inference="none")
    if not isinstance(report, rdflib.Graph):
        return verdict, ()
    found = _read_report(report)
    return verdict, tuple(v for v in found if focus is None or v.focus in focus)


def _aim(shapes: rdflib.Graph, data: rdflib.Graph, focus: set[str]) -> rdflib.Graph:
    """Return shapes that name the focus nodes they are for, so that those about them are left alone."""
    aimed = rdflib.Graph()
    for triple in shapes:
        if triple[1] not in (SH.targetClass, SH.targetSubjectsOf):
            aimed.add(triple)
    targets = [(shape, data.subjects(name)) for shape, name in shapes.subject_objects(SH.targetSubjectsOf)]
    for shape, kind in shapes.subject_objects(SH.targetClass):
        kinds = data.transitive_subjects(rdflib.RDFS.subClassOf, kind)
        targets += [(shape, data.subjects(rdflib.RDF.type, part)) for part in kinds]
    for shape, nodes in targets:
        for node in nodes:
            if str(node) in focus:
                aimed.add((shape, SH.targetNode, node))
    return aimed


@cache
def _list_versions() -> tuple[str, ...]:
    # This code decides as well; a version number would not tell of every change of it.
    modules = (Path(__file__), Path(reach_module.__file__), Path(blocks_module.__file__))
    versions = (pyshacl.__version__, rdflib.__version__, shacl.__version__ if QUICK else "")
    return *versions, *(path.read_text(encoding="utf-8") for path in modules)


def _read_report(report: rdflib.Graph) -> Iterator[Violation]:
    # What is found about a value on the way is a detail of the result that counts, and is none itself.
    for result in report.objects(None, SH.result):
        focus = str(report.value(result, SH.focusNode))
        messages = sorted(str(message) for message in report.objects(result, SH.resultMessage))
        value = report.value(result, SH.value)
        shown = f" (value: {value})" if value is not None and not isinstance(value, rdflib.BNode) else ""
        path = report.value(result, SH.resultPath)
        about = f" {path}:" if isinstance(path, rdflib.URIRef) else ""
        yield Violation(focus, f"{focus}:{about} {' '.join(messages)}{shown}")

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
from itertools import chain
from pathlib import Path

import pyshacl
import rdflib
from rdflib.namespace import SH

from kg.check import blocks as blocks_module
from kg.check import reach as reach_module
from kg.check.blocks import Blocks, Contents, Range, Reader, Sought, number_subject, write_blocks
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
FEW_BATCHES = 16
"""Up to so many are validated sooner than other processes start."""


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


_Violations = tuple[Violation, ...]
_Outcomes = dict[str, _Violations]
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
            outcomes = _check_whole(text, sources.names.base, dataset, known)
        else:
            contents = _write_blocks(dataset, shapes, reach)
            job = Job(text, sources.names.base, contents.blocks, contents.classes, reach)
            outcomes = _check_contents(job, contents, known, on_step)
    except pyshacl.errors.ReportableRuntimeError as error:
        yield Finding("malformed", Place(sources.shapes), f"{_first_line(error)}.", "Mend the shape.")
        return
    write_verdicts(verdicts, (verdict for verdict, violations in outcomes.items() if not violations))
    found = dict.fromkeys(chain.from_iterable(outcomes.values()))
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


def _check_whole(text: str, base: str, dataset: Dataset, known: frozenset[str]) -> _Outcomes:
    content = _join({line.rpartition(b" <")[0].decode() for line in dataset.read_lines()})
    verdict = _identify(text, base, content.encode())
    return {verdict: () if verdict in known else _validate(text, base, content, None)}


def _ends_batch(number: int) -> bool:
    return number % BATCH_SUBJECTS == 0


def _write_blocks(
    dataset: Dataset, shapes: rdflib.Graph, reach: Reach, is_last: Callable[[int], bool] = _ends_batch
) -> Contents:
    targets = (
        name for target in (SH.targetClass, SH.targetSubjectsOf) for name in shapes.objects(None, target)
    )
    sought = Sought(
        frozenset().union(*reach.forwards),
        frozenset().union(*reach.backwards),
        tuple(map(str, targets)),
        reach.rest.follows,
    )
    return write_blocks(dataset, sought, is_last)


def _check_contents(
    job: Job, contents: Contents, known: frozenset[str], on_step: Callable[[str], None]
) -> _Outcomes:
    try:
        # pySHACL reads each shape at least once, and tells of those that make no sense.
        sample = _check_sample(job, contents.firsts, known)
        return sample | _check_batches(job, contents.ranges, known, on_step)
    finally:
        contents.blocks.remove()  # as large as all that is published


def _check_sample(job: Job, firsts: Iterable[str], known: frozenset[str]) -> _Outcomes:
    focus = set(firsts)
    with job.blocks.open() as reader:
        content = _join(Surroundings(reader, job.reach, job.classes).gather(focus))
    verdict = _identify(job.shapes, job.base, content.encode(), focus)
    return {verdict: () if verdict in known else _validate(job.shapes, job.base, content, _name(focus))}


def _check_batches(
    job: Job, ranges: Sequence[Range], known: frozenset[str], on_step: Callable[[str], None]
) -> _Outcomes:
    with job.blocks.open() as reader:
        find_home = cache(reader.find_home)
        parts = {_identify_batch(job, reader, part, find_home): part for part in ranges}
    jobs = [partial(_check_batch, job, part) for verdict, part in parts.items() if verdict not in known]
    results = run_all(jobs, count_processes() if len(jobs) > FEW_BATCHES else 1)
    told = tell_progress(results, len(jobs), lambda part: on_step(f"shapes, {part}"))
    return {verdict: () if verdict in known else next(told) for verdict in parts}


def _identify_batch(job: Job, reader: Reader, part: Range, find_home: Callable[[str], str]) -> str:
    """Return a hash of all that decides whether a batch holds, without gathering it.

    That is the lines of the batch, and what is gathered from where it is open to others: from subjects that
    others speak of or lead to, and from values that are followed out of it. Of all else in it everything that
    is within reach is in its own lines.
    """
    abroad, told = set(), set()
    for graph, subject in reader.read_open(part):
        number = number_subject(subject.encode())
        is_abroad = number in part.shared and find_home(subject) != graph
        if is_abroad:
            abroad.add(f"{graph} {subject}")
        if not is_abroad or number in part.inner:
            told.add(subject)
    triples = Surroundings(reader, job.reach, job.classes).gather(told)
    triples |= Surroundings(reader, job.reach.rest).gather(part.far.decode().split("\n")[:-1])
    return _identify(job.shapes, job.base, reader.read_bytes(part), abroad, triples)


def _check_batch(job: Job, part: Range) -> _Violations:
    with job.blocks.open() as reader:
        content, focus = _gather_batch(job, reader, part)
    return _validate(job.shapes, job.base, content, focus, _holds)


def _gather_batch(job: Job, reader: Reader, part: Range) -> tuple[str, set[str]]:
    """Return all that decides whether a batch holds, as N-Triples, and its focus nodes."""
    near: dict[str, Collection[str]] = {}
    focus: set[str] = set()
    for graph, subject, triples in reader.read(part):
        # Much is said in many graphs of some things, and each is validated with one of these only.
        if number_subject(subject.encode()) not in part.shared:
            near[subject] = triples
            focus.add(subject)
        elif reader.find_home(subject) == graph:
            focus.add(subject)
    return _join(Surroundings(reader, job.reach, job.classes, near).gather(focus)), _name(focus)


def _join(triples: Iterable[str]) -> str:
    return "".join(f"{triple} .\n" for triple in sorted(triples))


def _name(focus: Iterable[str]) -> set[str]:
    return {node[1:-1] for node in focus}


def _identify(text: str, base: str, content: bytes, *others: Iterable[str]) -> str:
    """Return the hash of what is validated, with which shapes and by what."""
    digest = sha256("\x00".join((*_list_versions(), text, base, "")).encode())
    digest.update(content)
    for texts in others:
        digest.update("".join(f"\x00{text}" for text in (*sorted(texts), "")).encode())
    return digest.hexdigest()


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
    content: str,
    focus: set[str] | None,
    holds: Holds = lambda *given: False,
) -> _Violations:
    """Return what is found about the focus nodes in triples, given as N-Triples.

    Of those that are none, not all is known; so what is found about them does not count.

    Parameters
    ----------
    holds: tells quickly whether nothing will be found, if it can.
    """
    if focus is not None and holds(text, base, content, focus):
        return ()
    data = rdflib.Graph().parse(data=content, format="nt")
    shapes = _parse_shapes(text, base)
    aimed = shapes if focus is None else _aim(shapes, data, focus)
    _, report, _ = pyshacl.validate(data, shacl_graph=aimed, advanced=False, inference="none")
    if not isinstance(report, rdflib.Graph):
        return ()
    found = _read_report(report)
    return tuple(v for v in found if focus is None or v.focus in focus)


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

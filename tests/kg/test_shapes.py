"""Shapes in batches find what they find over the whole dataset; what has passed is not validated again."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import pytest
import rdflib

from bench.sources import write_sources
from kg.check import blocks, shapes
from kg.check.blocks import write_blocks
from kg.check.findings import Report, check_sources
from kg.check.reach import Reach, Surroundings, measure_reach
from kg.check.verdicts import read_verdicts, write_verdicts
from kg.release.build import build_release
from kg.sources import read_sources
from kg.vocab import TYPE
from tests.conftest import BASE

ROOT = Path(__file__).parent.parent.parent
ONTOLOGY = f"{BASE}ontology"
FACTS = "data/articles/river-forum/facts.ttl"
FAULTY = """
id:a a org:Membership ; skos:prefLabel "a"@en ; org:member id:river-council ; org:organization id:city ;
    kg:post id:ada-lind ; kg:tenure kg:current ; kg:quote "opened the Forum" .
id:b a kg:Participation ; skos:prefLabel "b"@de ; kg:agent id:ada-lind ; kg:event id:city ;
    kg:capacity kg:state ; kg:quote "former mayor" .
id:ada-lind skos:prefLabel "Ada"@en {| kg:quote "Ada Lind" |} ; org:holds id:city {| kg:quote "Ada Lind" |} .
id:city org:subOrganizationOf id:ada-lind {| kg:quote "the City" |} .
"""


def check(root: Path, verdicts: Path | None = None) -> Report:
    return check_sources(read_sources(root, BASE), verdicts=verdicts)


@pytest.fixture
def faulty(sources_copy: Path) -> Path:
    # The shapes of the product, which ask for more than those of the tiny dataset.
    (sources_copy / "ontology/shapes.ttl").write_bytes((ROOT / "ontology/shapes.ttl").read_bytes())
    path = sources_copy / FACTS
    path.write_text(path.read_text(encoding="utf-8") + FAULTY, encoding="utf-8")
    return sources_copy


@pytest.fixture
def in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "WHOLE_QUADS", 0)
    monkeypatch.setattr(shapes, "count_processes", lambda: 1)


@pytest.mark.parametrize("subjects", [1, 7, 100])
def test_batches_find_what_the_whole_finds(
    faulty: Path, subjects: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [finding for finding in check(faulty).findings if finding.code == "shape"]
    assert len(whole) > 5
    monkeypatch.setattr(shapes, "WHOLE_QUADS", 0)
    monkeypatch.setattr(shapes, "BATCH_SUBJECTS", subjects)
    monkeypatch.setattr(shapes, "count_processes", lambda: 1)
    assert [finding for finding in check(faulty).findings if finding.code == "shape"] == whole


def test_other_processes_find_the_same(faulty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = check(faulty).findings
    monkeypatch.setattr(shapes, "WHOLE_QUADS", 0)
    monkeypatch.setattr(shapes, "BATCH_SUBJECTS", 20)
    monkeypatch.setattr(shapes, "count_processes", lambda: 2)
    assert check(faulty).findings == whole


def count_validations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by one whenever a batch is validated."""
    made: list[int] = []
    holds = shapes._holds
    monkeypatch.setattr(shapes, "_holds", lambda *given: made.append(1) or holds(*given))
    return made


@pytest.mark.usefixtures("in_batches")
def test_what_did_not_change_is_not_validated_again(
    tmp_path: Path, sources_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shapes, "BATCH_SUBJECTS", 5)
    made, verdicts = count_validations(monkeypatch), tmp_path / "verdicts"
    assert check(sources_copy, verdicts).findings == ()
    first = len(made)
    assert first > 10
    assert check(sources_copy, verdicts).findings == ()
    assert len(made) == first
    path = sources_copy / FACTS
    path.write_text(path.read_text() + 'id:city skos:altLabel "Town"@en {| kg:quote "the City" |} .\n')
    assert check(sources_copy, verdicts).findings == ()
    assert 0 < len(made) - first < first / 2


@pytest.mark.usefixtures("in_batches")
def test_without_the_quick_engine_all_is_the_same(
    tmp_path: Path, faulty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_it = check(faulty).findings
    monkeypatch.setattr(shapes, "QUICK", False)
    shapes._list_versions.cache_clear()
    assert check(faulty).findings == with_it != ()
    shapes._list_versions.cache_clear()


@pytest.mark.usefixtures("in_batches")
def test_a_fault_is_found_each_time(tmp_path: Path, faulty: Path) -> None:
    verdicts = tmp_path / "verdicts"
    first = check(faulty, verdicts).findings
    assert check(faulty, verdicts).findings == first != ()


@pytest.mark.parametrize("clash", [False, True])
def test_blocks_tell_what_the_quads_say(
    sources_copy: Path, clash: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if clash:  # numbers of IRIs need not differ
        monkeypatch.setattr(blocks, "crc32", lambda subject: len(subject))
    report = check(sources_copy)
    member = "http://www.w3.org/ns/org#member"
    contents = write_blocks(report.dataset, [member], [member], lambda number: number % 3 == 0)
    quads = report.quads
    told, home = defaultdict(set), {}
    for quad in quads:
        told[str(quad.subject)].add(str(quad.triple))
        place = (quad.predicate != TYPE, str(quad.graph_name))
        home[str(quad.subject)] = min(place, home.get(str(quad.subject), place))
    with contents.blocks.open() as reader:
        assert {subject: reader.tell(subject) for subject in told} == told
        assert {subject: reader.find_home(subject) for subject in home} == {s: p[1] for s, p in home.items()}
        leading = {str(quad.triple) for quad in quads if quad.predicate.value == member}
        values = {str(quad.object) for quad in quads}
        assert {triple for value in values for triple in reader.lead_to(value, member)} == leading != set()
        assert reader.tell("<urn:nothing>") == set()
        assert contents.firsts[0] in {triple.partition(" ")[0] for triple in leading}
        pieces = [[*reader.read(part)] for part in contents.ranges]
    assert len(pieces) > 3
    assert {t for piece in pieces for *_, triples in piece for t in triples} == {str(q.triple) for q in quads}
    graphs = defaultdict(set)
    for number, piece in enumerate(pieces):
        for graph, subject, _ in piece:
            graphs[subject].add((number, graph))
    several = {subject for subject, places in graphs.items() if len({graph for _, graph in places}) > 1}
    for subject in several:
        number = blocks.number_subject(subject.encode())
        assert all(number in contents.ranges[place].shared for place, _ in graphs[subject])


def spoil(lines: list[str], rng: random.Random) -> list[str]:
    """Return lines of N-Triples with one fault, or something that is none."""
    lines = [line for block in lines for line in block.splitlines()]
    number = rng.randrange(len(lines))
    (subject, predicate, rest), other = lines[number].split(" ", 2), rng.choice(lines).split(" ", 2)
    spoilt = {
        "gone": "",
        "another value": f"{subject} {predicate} {other[2]}",
        "a second value": f"{lines[number]}\n{subject} {predicate} {other[2]}",
        "another property": f"{subject} {other[1]} {rest}" if rest.startswith("<") else "",
        "a text": f'{subject} {predicate} "7" .',
        "no number": f'{subject} {predicate} "x"^^<http://www.w3.org/2001/XMLSchema#integer> .',
        "an empty text": f'{subject} {predicate} "" .',
        "a second name": f'{lines[number]}\n{subject} {predicate} "w{number}"@en .',
    }
    lines[number] = rng.choice(list(spoilt.values()))
    return lines


@pytest.mark.skipif(not shapes.QUICK, reason="there is no wheel of the quick engine for this machine")
@pytest.mark.filterwarnings("ignore")
def test_the_quick_engine_passes_nothing_that_pyshacl_does_not(tmp_path: Path) -> None:
    write_sources(tmp_path / "sound", 2_000)
    rng, report = random.Random(5), check(tmp_path / "sound")
    text = (ROOT / "ontology/shapes.ttl").read_text(encoding="utf-8")
    reach = measure_reach(rdflib.Graph().parse(data=text, format="turtle", publicID=BASE))
    assert reach is not None
    subjects = sorted({str(quad.subject) for quad in report.quads if quad.graph_name.value != ONTOLOGY})
    contents = write_blocks(report.dataset, ["http://www.w3.org/ns/org#member"], (), lambda number: False)
    outcomes = []
    for number in range(100):
        focus = rng.sample(subjects, 20)
        with contents.blocks.open() as reader:
            lines = sorted(f"{t} ." for t in Surroundings(reader, reach, contents.classes).gather(focus))
        for _ in range(number % 10):
            lines = spoil(lines, rng)
        triples = {line.removesuffix(" .") for block in lines for line in block.splitlines()}
        nodes, content = (
            {node[1:-1] for node in focus},
            "".join(f"{triple} .\n" for triple in sorted(triples)),
        )
        _, found = shapes._validate(text, BASE, triples, nodes, frozenset())
        outcomes.append((not found, shapes._holds(text, BASE, content, nodes)))
    assert (False, True) not in outcomes
    assert outcomes.count((True, True)) > 10 < outcomes.count((False, False))


@pytest.mark.usefixtures("in_batches")
def test_a_shape_that_makes_no_sense_is_a_finding_in_batches_too(sources_copy: Path) -> None:
    path = sources_copy / "ontology/shapes.ttl"
    senseless = "<urn:s> a sh:NodeShape ; sh:targetClass schema:Person ; sh:property [ sh:minCount 1 ] .\n"
    path.write_text(path.read_text() + "@prefix schema: <https://schema.org/> .\n" + senseless)
    (finding,) = check(sources_copy).findings
    assert (finding.code, finding.place.path.name) == ("malformed", "shapes.ttl")


def test_other_shapes_are_asked_anew(tmp_path: Path, sources_copy: Path) -> None:
    verdicts = tmp_path / "verdicts"
    assert check(sources_copy, verdicts).findings == ()
    path = sources_copy / "ontology/shapes.ttl"
    path.write_text(
        path.read_text() + "<urn:s> a sh:NodeShape ; sh:targetClass schema:Person ; sh:property"
        " [ sh:path schema:url ; sh:minCount 1 ; sh:message 'No address.' ] .\n"
        if "@prefix schema:" in path.read_text()
        else path.read_text() + "@prefix schema: <https://schema.org/> .\n<urn:s> a sh:NodeShape ;"
        " sh:targetClass schema:Person ; sh:property [ sh:path schema:url ; sh:minCount 1 ;"
        " sh:message 'No address.' ] .\n"
    )
    assert "No address." in check(sources_copy, verdicts).findings[0].message


def test_a_damaged_file_of_verdicts_counts_as_empty(tmp_path: Path) -> None:
    path = tmp_path / "verdicts"
    assert read_verdicts(path) == frozenset()
    write_verdicts(path, ["b" * 64, "a" * 64, "b" * 64])
    assert read_verdicts(path) == {"a" * 64, "b" * 64}
    whole = path.read_bytes()
    for content in (whole[:-10], whole.replace(b"a" * 64, b"c" * 64), b"", b"\xff\xfe\n\xff", whole + whole):
        path.write_bytes(content)
        assert read_verdicts(path) == frozenset()
    write_verdicts(path, ["d"])
    assert read_verdicts(path) == {"d"}, "it holds the verdicts of one check, and so stays small"
    write_verdicts(path / "below-a-file", ["d"])
    write_verdicts(tmp_path / "made" / "verdicts", ["d"])
    assert read_verdicts(tmp_path / "made" / "verdicts") == {"d"}


def test_a_release_is_the_same_with_verdicts_and_without(tmp_path: Path, sources_copy: Path) -> None:
    verdicts, read = tmp_path / "verdicts", read_sources(sources_copy, BASE)
    check(sources_copy, verdicts)
    assert read_verdicts(verdicts)
    releases = [
        build_release(read, check(sources_copy, path), tmp_path / name)
        for path, name in ((verdicts, "with"), (None, "without"))
    ]
    first, second = (
        {path.name: path.read_bytes() for path in release.dumps_path.iterdir()} for release in releases
    )
    assert first == second
    assert releases[0].id == releases[1].id


def parse(text: str) -> rdflib.Graph:
    head = "@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix : <http://h/> . :S sh:targetClass :C ; "
    return rdflib.Graph().parse(data=head + text, format="turtle")


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("sh:property [ sh:path :p ; sh:minCount 1 ] .", 0),
        ("sh:property [ sh:path :p ; sh:class :D ] .", 1),
        ("sh:property [ sh:path ( :p :q ) ; sh:minCount 1 ] .", 1),
        ("sh:property [ sh:path ( :p :q ) ; sh:class :D ] .", 2),
        ("sh:property [ sh:path [ sh:alternativePath ( :p ( :p :q :r ) ) ] ; sh:minCount 1 ] .", 2),
        ("sh:property [ sh:path :p ; sh:node [ sh:property [ sh:path :q ; sh:hasValue 1 ] ] ] .", 1),
        ("sh:or ( [ sh:property [ sh:path ( :p :q ) ; sh:minCount 1 ] ] [ sh:class :D ] ) .", 1),
    ],
)
def test_how_far_shapes_look(text: str, steps: int) -> None:
    reach = measure_reach(parse(text))
    assert reach is not None
    assert reach.steps == steps


def test_backwards_is_noted_where_it_is_followed() -> None:
    inner = "sh:property [ sh:path [ sh:inversePath :q ] ; sh:minCount 1 ]"
    text = f"sh:property [ sh:path :p ; sh:node [ {inner} ] ] ."
    assert measure_reach(parse(text)) == Reach(
        1, (frozenset({"http://h/p"}), frozenset()), (frozenset(), frozenset({"http://h/q"}))
    )


@pytest.mark.parametrize(
    "text",
    [
        "sh:property [ sh:path [ sh:zeroOrMorePath :p ] ; sh:minCount 1 ] .",
        "sh:property [ sh:path [ sh:inversePath ( :p :q ) ] ; sh:minCount 1 ] .",
        'sh:sparql [ sh:select "SELECT $this {}" ] .',
        "sh:targetNode :n .",
        "sh:property [ sh:path :p ; sh:node :S ] .",
    ],
)
def test_what_has_no_bound_is_validated_as_a_whole(text: str) -> None:
    assert measure_reach(parse(text)) is None

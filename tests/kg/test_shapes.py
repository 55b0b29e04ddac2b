"""Shapes in batches find what they find over the whole dataset; what has passed is not validated again."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import pytest
import rdflib
from pyoxigraph import Literal, NamedNode, Quad

from bench.sources import write_sources
from kg.check import blocks, shapes
from kg.check.blocks import Sought, write_blocks
from kg.check.findings import Report, check_sources
from kg.check.reach import Reach, Surroundings, measure_reach
from kg.check.shapes import find_violations
from kg.check.verdicts import read_verdicts, write_verdicts
from kg.dataset import write_dataset
from kg.release.making.build import build_release
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
    report = check(faulty)
    assert [finding for finding in report.findings if finding.code == "shape"] == whole
    files = {graph.path for graph in report.dataset.graphs}
    assert set(report.dataset.folder.iterdir()) == files, "of the index nothing is left"


def test_other_processes_find_the_same(faulty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = check(faulty).findings
    monkeypatch.setattr(shapes, "WHOLE_QUADS", 0)
    monkeypatch.setattr(shapes, "BATCH_SUBJECTS", 20)
    monkeypatch.setattr(shapes, "FEW_BATCHES", 1)
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
    contents = write_blocks(
        report.dataset, Sought(backwards=[member], wanted=[member]), lambda number: number % 3 == 0
    )
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


def make_quad(rng: random.Random) -> Quad:
    """Return one of the few quads that a tiny dataset may have."""
    subject, value = (NamedNode(f"http://h/{number}") for number in rng.sample(range(9), 2))
    predicate = rng.choice((NamedNode("http://h/p"), NamedNode("http://h/q"), TYPE))
    return Quad(subject, predicate, value, NamedNode(f"http://h/g{rng.randrange(3)}"))


@pytest.mark.parametrize("back_at", [0, 1])
def test_the_same_hash_means_the_same_batch(tmp_path: Path, back_at: int) -> None:
    """The hash of a batch is made of less than what is validated, so the one has to tell the other."""
    backwards = [frozenset({"http://h/q"}) if step == back_at else frozenset[str]() for step in range(3)]
    reach = Reach(1 + back_at, (frozenset({"http://h/p"}), *[frozenset[str]()] * 2), tuple(backwards))
    rng, seen, repeated = random.Random(3), {}, 0
    quads = {make_quad(rng) for _ in range(12)}
    for _ in range(200):
        dataset = write_dataset(quads, tmp_path)
        contents = shapes._write_blocks(dataset, rdflib.Graph(), reach, is_last=lambda n: n % 3 == 0)
        job = shapes.Job("", BASE, contents.blocks, contents.classes, reach)
        with contents.blocks.open() as reader:
            for part in contents.ranges:
                name = shapes._identify_batch(job, reader, part, reader.find_home)
                gathered = shapes._gather_batch(job, reader, part)
                repeated += name in seen
                assert seen.setdefault(name, gathered) == gathered
        quads = (quads - {rng.choice(sorted(quads, key=str))}) | {make_quad(rng)}
    assert len({content for content, _ in seen.values()}) > 100 < repeated


def test_what_leads_to_a_value_decides_as_well(tmp_path: Path) -> None:
    a, b, c, d, p, q, graph = (NamedNode(f"http://h/{name}") for name in "abcdpqg")
    none = frozenset[str]()
    reach = Reach(2, (frozenset({p.value}), none, none), (none, frozenset({q.value}), none))
    quads, found = {Quad(a, p, b, graph), Quad(b, TYPE, c, graph), Quad(c, q, b, graph)}, []
    for more in ((), (Quad(d, q, b, graph),)):
        dataset = write_dataset({*quads, *more}, tmp_path)
        ends = {blocks.number_subject(str(node).encode()) for node in (b, c)}
        contents = shapes._write_blocks(dataset, rdflib.Graph(), reach, is_last=ends.__contains__)
        job, (part, *_) = shapes.Job("", BASE, contents.blocks, none, reach), contents.ranges
        with contents.blocks.open() as reader:
            name = shapes._identify_batch(job, reader, part, reader.find_home)
            found.append((name, reader.read_bytes(part), shapes._gather_batch(job, reader, part)))
    (name, lines, gathered), (other_name, other_lines, other_gathered) = found
    assert lines == other_lines
    assert gathered != other_gathered
    assert name != other_name


@pytest.mark.usefixtures("in_batches")
def test_what_passed_is_looked_at_again_when_others_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shapes, "BATCH_SUBJECTS", 5)
    write_sources(tmp_path / "sources", 2_000)
    verdicts, sources = tmp_path / "verdicts", read_sources(tmp_path / "sources", BASE)
    report = check_sources(sources, verdicts=verdicts)
    assert report.findings == ()
    kept, quads = verdicts.read_bytes(), report.quads
    member = next(q for q in sorted(quads, key=str) if q.predicate.value.endswith("org#member"))
    person = str(member.object)
    (kind,) = (q for q in quads if str(q.subject) == person and q.predicate == TYPE)
    (name,) = (q for q in quads if str(q.subject) == person and '"@en' in str(q.object) and "pref" in str(q))
    sentence = next(q for q in sorted(quads, key=str) if q.predicate.value.endswith("sentenceOf"))
    (about,) = (q for q in quads if q.subject == sentence.object and q.predicate == TYPE)
    assert member.graph_name != kind.graph_name
    other = next(q.graph_name for q in quads if q.graph_name not in (member.graph_name, kind.graph_name))
    changes = {
        f"{member.subject}"[1:-1]: (kind, None),
        f"{person}"[1:-1]: (None, Quad(name.subject, name.predicate, Literal("X", language="en"), other)),
        f"{sentence.subject}"[1:-1]: (about, None),
    }
    for number, (focus, (gone, come)) in enumerate(changes.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        dataset = write_dataset((quads - {gone}) | ({come} if come else set()), folder)
        verdicts.write_bytes(kept)
        found = [*find_violations(sources, dataset, dict, verdicts=verdicts)]
        assert any(finding.message.startswith(f"{focus}:") for finding in found)
        assert found == [*find_violations(sources, dataset, dict)]


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
    contents = write_blocks(
        report.dataset, Sought(backwards=["http://www.w3.org/ns/org#member"]), lambda number: False
    )
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
        found = shapes._validate(text, BASE, content, nodes)
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

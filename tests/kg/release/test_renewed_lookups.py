"""Look-ups that are made of those of the last release are, to the byte, those that are made of all lines."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import pytest
from pyoxigraph import RdfFormat, parse

from bench.graph import BASE as BENCH
from bench.graph import make_graph
from kg.check.findings import check_sources
from kg.dataset import write_dataset
from kg.release.dumps.change import Change
from kg.release.dumps.orders import sort_dataset
from kg.release.files import write_list
from kg.release.making import lookups, renewed_lookups
from kg.release.making.build import build_release
from kg.release.making.lookups import write_lookups
from kg.release.making.renewed_lookups import renew_lookups
from kg.sources import read_sources
from kg.vocab import OWL, PREF_LABEL, RDFS, Names
from tests.conftest import BASE

NAMES = Names(BENCH)
EVIDENCE, SOURCE = str(NAMES.term("evidence")), str(OWL("annotatedSource"))
MEMBER = "<http://www.w3.org/ns/org#member>"
PERSONS = [str(NAMES.thing(f"person-{number}")) for number in range(3)]
GRAPHS = [f"<{BENCH}graph/{name}>" for name in ("a", "z")]
STEPS = 40


@dataclass
class Releases:
    """Releases that are made one of another, of which only the look-ups are there."""

    folder: Path
    made_anew: list[Path]
    lines: list[set[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        lines = "".join(make_graph(8_500)).encode().splitlines(keepends=True)
        shared = b"/entities> .\n"  # of which some do
        self.add({line for line in lines if not line.endswith(shared) or crc32(line[:60]) % 8 == 0})

    @property
    def last(self) -> Path:
        return self.folder / str(len(self.lines))

    def add(self, lines: set[bytes]) -> bool:
        """Make a release, hold its look-ups equal to others; returns whether all was made anew."""
        earlier, change = (self.last, self._compare(lines)) if self.lines else (None, None)
        self.lines.append(lines)
        path, count = self.last / "lookups.sqlite", len(self.made_anew)
        path.parent.mkdir()
        dataset = write_dataset(parse(b"".join(lines), format=RdfFormat.N_QUADS), path.parent)
        canonical = sort_dataset(dataset).canonical
        renew_lookups(path, dataset, canonical, NAMES, earlier, change)
        write_lookups(path.with_name("others"), dataset.read_lines(), NAMES)
        assert path.read_bytes() == path.with_name("others").read_bytes()
        write_list(path.parent, "0" * 16)
        assert not list(path.parent.glob("*.draft"))
        return len(self.made_anew) > count

    def _compare(self, lines: set[bytes]) -> Change:
        before = self.lines[-1]
        return Change(tuple(sorted(before - lines)), tuple(sorted(lines - before)))

    def change(self, come: Sequence[str] = (), gone: Callable[[bytes], bool] = lambda line: False) -> bool:
        """Make a release of the last one without and with some lines; returns whether all was made anew."""
        kept = {line for line in self.lines[-1] if not gone(line)}
        return self.add(kept | {f"{line} .\n".encode() for line in come})


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Releases:
    """Releases whose dictionary is a byte that no change makes another."""
    made: list[Path] = []

    def write(path: Path, *args: object) -> None:
        made.append(path)
        write_lookups(path, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(lookups, "SAMPLE_BYTES", 1)
    monkeypatch.setattr(renewed_lookups, "write_lookups", write)
    return Releases(tmp_path, made)


def state(subject: str, predicate: object, value: str, graph: str = GRAPHS[1]) -> str:
    return f"{subject} {predicate} {value} {graph}"


def saying(text: bytes, graph: str) -> Callable[[bytes], bool]:
    return lambda line: text in line and graph.encode() in line


def call(name: str) -> str:
    return f"<{BENCH}{name}>"


def test_names_in_several_graphs(releases: Releases) -> None:
    for graph in GRAPHS:
        assert not releases.change([state(PERSONS[0], PREF_LABEL, '"Same"@en', graph)])
    assert not releases.change([state(call("ontology#Claim"), RDFS("label"), '"Claim"@fr')])
    for graph in GRAPHS:
        assert not releases.change(gone=saying(b'"Same"@en', graph))


def test_a_thing_that_comes_and_goes(releases: Releases) -> None:
    new = call("id/new")
    assert not releases.change([state(new, PREF_LABEL, '"New"@en'), state(new, MEMBER, PERSONS[1])])
    assert not releases.change(gone=lambda line: line.startswith(new.encode()))
    assert releases.lines[0] == releases.lines[-1]
    assert not releases.change(gone=lambda line: line.startswith(PERSONS[2].encode()))


def test_a_link_that_becomes_one_of_a_fact(releases: Releases) -> None:
    node = call("id/node")
    assert not releases.change([state(node, MEMBER, PERSONS[0], graph) for graph in GRAPHS])
    assert not releases.change([state(node, EVIDENCE, call("evidence/e"), GRAPHS[0])])
    assert not releases.change([state(node, MEMBER, PERSONS[1])])
    assert not releases.change(gone=lambda line: call("evidence/e").encode() in line)


def test_an_axiom_whose_thing_is_another(releases: Releases) -> None:
    axiom = call("fact/axiom")
    assert not releases.change([state(axiom, EVIDENCE, call("evidence/e"), GRAPHS[1])])
    for graph, person in zip(GRAPHS[::-1], PERSONS, strict=False):  # the second graph comes to be the first
        assert not releases.change([state(axiom, SOURCE, person, graph)])
    for graph in GRAPHS:
        assert not releases.change(gone=saying(axiom.encode(), graph))


def test_an_article_that_goes(releases: Releases) -> None:
    before = len(releases.lines[-1])
    assert not releases.change(gone=lambda line: line.endswith(b"/article/news-1> .\n"))
    assert before - len(releases.lines[-1]) > 500
    assert not releases.add(releases.lines[0])


def test_a_relation_that_is_new_or_not_there_any_more(releases: Releases) -> None:
    link = state(PERSONS[0], "<urn:knows>", PERSONS[1])
    assert releases.change([link])
    assert releases.change(gone=lambda line: b"<urn:knows>" in line)
    assert len(releases.made_anew) == 3


def test_a_change_of_what_the_dictionary_is_of(releases: Releases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "SAMPLE_BYTES", 100_000)
    assert releases.change([state(PERSONS[0], PREF_LABEL, '"Other"@en')])


@pytest.mark.parametrize("harm", ["file", "list", "no list", "no file"])
def test_it_is_made_anew_where_the_last_is_damaged(releases: Releases, harm: str) -> None:
    path = releases.last / ("files.json" if "list" in harm else "lookups.sqlite")
    if harm.startswith("no "):
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-9] + b"somewhat")
    assert releases.change([state(PERSONS[0], PREF_LABEL, '"Other"@en')])
    assert not releases.change()


def change_some(lines: set[bytes], chance: random.Random) -> set[bytes]:
    """Take lines away, say them in other graphs, of other subjects, or with other values."""
    ordered = sorted(lines)
    graphs = sorted({line.rpartition(b" <")[2] for line in ordered})
    changed = set(lines)
    for line in chance.sample(ordered, chance.choice((1, 5, 50))):
        subject, predicate, rest = line.split(b" ", 2)
        value, _, graph = rest.rpartition(b" <")
        other = chance.choice(ordered).split(b" ", 2)
        match chance.randrange(4):
            case 0:
                graph = chance.choice(graphs)
            case 1:
                subject = other[0]
            case 2 if value.startswith(b"<") and (found := other[2].rpartition(b" <")[0]).startswith(b"<"):
                value = found
            case _:
                changed.discard(line)
                continue
        if chance.random() < 0.5:
            changed.discard(line)
        changed.add(b"%b %b %b <%b" % (subject, predicate, value, graph))
    return changed


def test_after_each_of_many_changes(releases: Releases) -> None:
    chance = random.Random(7)
    made_anew = [releases.add(change_some(releases.lines[-1], chance)) for _ in range(STEPS)]
    assert sum(made_anew) < STEPS / 2


def test_a_build_makes_it_of_that_of_the_last(
    tmp_path: Path, sources_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    monkeypatch.setattr(lookups, "SAMPLE_BYTES", 1)
    monkeypatch.setattr(
        renewed_lookups, "write_lookups", lambda path, *args: made.append(path) or write_lookups(path, *args)
    )
    entities = sources_copy / "data/entities.ttl"
    for name in ("", 'id:city skos:altLabel "Town"@en {| kg:source <urn:register> |} .\n'):
        entities.write_text(entities.read_text(encoding="utf-8") + name, encoding="utf-8")
        sources = read_sources(sources_copy, BASE)
        build_release(sources, check_sources(sources), tmp_path / "var")
    assert len(made) == 1

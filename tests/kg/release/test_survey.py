"""What is counted line by line, with little memory, is what sets of all triples would tell."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.check.findings import Report
from kg.dataset import write_dataset
from kg.release import iris, survey
from kg.release.dumps.orders import sort_dataset
from kg.vocab import TYPE, Names
from tests.conftest import BASE


@pytest.fixture
def union(tmp_path: Path, mini_report: Report) -> Path:
    return sort_dataset(write_dataset(mini_report.quads, tmp_path)).union


@pytest.mark.parametrize("kept", [1, 7, 50_000])
def test_figures_are_those_of_the_triples(
    union: Path, mini_report: Report, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(survey, "PAIRS_KEPT", kept)
    triples = {quad.triple for quad in mini_report.quads}
    found = survey.survey_union(union, Names(BASE))
    assert found.triples == len(triples)
    assert found.subjects == len({t.subject for t in triples})
    assert found.objects == len({t.object for t in triples})
    by_property = defaultdict(set)
    for triple in triples:
        by_property[triple.predicate.value].add(triple)
    assert found.properties.keys() == by_property.keys()
    for name, of_it in by_property.items():
        use = found.properties[name]
        subjects = {t.subject for t in of_it}
        assert (use.triples, use.subjects) == (len(of_it), len(subjects)), name
        assert use.objects == len({t.object for t in of_it}), name
        assert f"<{use.example}>" == min(map(str, subjects))
    kinds = defaultdict(set)
    for triple in by_property[TYPE.value]:
        kinds[triple.object.value].add(str(triple.subject))
    assert {name: kind.things for name, kind in found.classes.items()} == {
        name: len(things) for name, things in kinds.items()
    }
    entities = {name: [thing for thing in things if f"<{BASE}id/" in thing] for name, things in kinds.items()}
    for name, kind in found.classes.items():
        assert f"<{kind.example}>" == min(kinds[name])
        assert kind.entities == len(entities[name])
        assert bool(kind.first_entity) == bool(entities[name])


@pytest.mark.parametrize("kept", [1, 7, 50_000])
def test_all_iris_are_listed_once(
    tmp_path: Path, union: Path, mini_report: Report, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(iris, "IRIS_KEPT", kept)
    iris.write_iris(tmp_path / "iris.txt", union, BASE)
    terms = {term for quad in mini_report.quads for term in (quad.subject, quad.object)}
    known = {term.value.partition("#")[0] for term in terms if isinstance(term, ox.NamedNode)}
    local = {iri.removeprefix(BASE) for iri in known if iri.startswith(BASE)}
    assert (tmp_path / "iris.txt").read_text().splitlines() == sorted(local - {""})

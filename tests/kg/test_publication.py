"""The published form: plain RDF 1.1, evidence on every fact, and only what follows is derived."""

from __future__ import annotations

import pytest
from pyoxigraph import BlankNode, NamedNode, Quad, Triple

from kg.check.findings import Report, check_sources
from kg.sources import Sources, read_sources
from kg.vocab import ORG, PROV, TYPE, Names
from tests.conftest import BASE, MINI

NAMES = Names(BASE)


@pytest.fixture
def triples(mini_report: Report) -> set[tuple[object, object, object]]:
    return {(q.subject, q.predicate, q.object) for q in mini_report.quads}


def test_no_blank_nodes_and_no_triple_terms(mini_report: Report) -> None:
    assert not [
        quad
        for quad in mini_report.quads
        if isinstance(quad.subject, BlankNode | Triple) or isinstance(quad.object, BlankNode | Triple)
    ]


def test_every_statement_of_the_article_leads_to_evidence(mini_report: Report, mini_sources: Sources) -> None:
    axioms = {}
    for quad in mini_report.quads:
        if quad.predicate.value.startswith("http://www.w3.org/2002/07/owl#annotated"):
            axioms.setdefault(quad.subject, {})[quad.predicate.value.partition("#annotated")[2]] = quad.object
    grounded = {q.subject for q in mini_report.quads if q.predicate == NAMES.term("evidence")}
    related = {(a["Source"], a["Property"], a["Target"]) for fact, a in axioms.items() if fact in grounded}
    article = mini_sources.articles[0]
    for statement in article.documents[1].statements:
        if statement.predicate != TYPE and statement.subject not in grounded:
            assert (statement.subject, statement.predicate, statement.value) in related


def test_a_current_post_is_held_and_a_former_one_is_not(triples: set[tuple[object, object, object]]) -> None:
    ada = NAMES.thing("ada-lind")
    assert (ada, ORG("holds"), NAMES.thing("secretary-of-the-council")) in triples
    assert (ada, ORG("memberOf"), NAMES.thing("water-office")) in triples
    assert (ada, ORG("memberOf"), NAMES.thing("city")) not in triples


def test_the_hierarchy_is_closed_with_the_evidence_of_each_step(mini_report: Report) -> None:
    triple = (NAMES.thing("water-office"), ORG("transitiveSubOrganizationOf"), NAMES.thing("city"))
    fact = NAMES.fact(*triple)
    premises = {
        q.object for q in mini_report.quads if q.subject == fact and q.predicate == PROV("wasDerivedFrom")
    }
    records = {
        q.object for q in mini_report.quads if q.subject == fact and q.predicate == NAMES.term("evidence")
    }
    assert (len(premises), len(records)) == (2, 2)


def test_a_cycle_in_the_hierarchy_ends(sources_copy: object) -> None:
    path = sources_copy / "data/articles/river-forum/facts.ttl"  # type: ignore[operator]
    path.write_text(
        path.read_text() + 'id:city org:subOrganizationOf id:water-office {| kg:quote "the City" |} .\n'
    )
    quads = check_sources(read_sources(sources_copy, BASE)).quads  # type: ignore[arg-type]
    closed = {(q.subject, q.object) for q in quads if q.predicate == ORG("transitiveSubOrganizationOf")}
    assert len(closed) == 6


def test_hashes_do_not_change_with_the_base() -> None:
    def hashes(base: str) -> set[str]:
        quads = check_sources(read_sources(MINI, base)).quads
        found = {q.subject.value.removeprefix(base) for q in quads if isinstance(q.subject, NamedNode)}
        return {name for name in found if name.startswith(("fact/", "evidence/"))}

    assert hashes("https://one.example/") == hashes("http://127.0.0.1:8000/kg/")


def test_authoring_words_are_not_published(mini_report: Report) -> None:
    used = {quad.predicate for quad in mini_report.quads}
    assert not used & {NAMES.term(name) for name in ("quote", "source", "note")}


def test_graphs_are_the_articles_the_entities_and_the_ontology(mini_report: Report) -> None:
    graphs = {quad.graph_name for quad in mini_report.quads if isinstance(quad, Quad)}
    assert graphs == {NAMES.ontology, NAMES.entities, NAMES.article("river-forum")}

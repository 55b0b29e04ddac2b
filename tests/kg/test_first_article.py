"""The real sources: they pass the check, their captured text is untouched, and the example queries answer."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.check.findings import Report, check_sources
from kg.sources import Sources, read_sources
from kg.vocab import ORG, SH, TYPE, Names

ROOT = Path(__file__).parent.parent.parent
BASE = "https://kg.example/"
NAMES = Names(BASE)
ARTICLE = "cjic-17th-beijing-tokyo-forum"


@pytest.fixture(scope="module")
def sources() -> Sources:
    return read_sources(ROOT, BASE)


@pytest.fixture(scope="module")
def report(sources: Sources) -> Report:
    return check_sources(sources)


@pytest.fixture(scope="module")
def store(report: Report) -> ox.Store:
    store = ox.Store()
    store.extend(report.quads)
    return store


def test_it_passes_the_check(report: Report) -> None:
    assert report.findings == ()


def test_every_sentence_has_facts(report: Report) -> None:
    assert [(c.slug, c.sentences, c.without_facts) for c in report.coverage] == [(ARTICLE, 24, ())]


def test_the_captured_text_is_as_it_was(sources: Sources) -> None:
    content = (ROOT / "data/articles" / ARTICLE / "source.txt").read_bytes()
    assert hashlib.sha256(content).hexdigest().startswith("1d0f6423316121b3")


def test_offsets_lead_to_the_quotes(store: ox.Store, sources: Sources) -> None:
    text = sources.articles[0].text
    assert text is not None
    rows = store.query(
        "PREFIX oa: <http://www.w3.org/ns/oa#> SELECT ?exact ?prefix ?suffix ?start ?end WHERE {"
        " ?target oa:hasSelector ?q, ?p . ?q oa:exact ?exact ; oa:prefix ?prefix ; oa:suffix ?suffix ."
        " ?p oa:start ?start ; oa:end ?end }",
        use_default_graph_as_union=True,
    )
    checked = 0
    for exact, prefix, suffix, start, end in rows:
        first, last = int(start.value), int(end.value)
        assert text.text[first:last] == exact.value
        assert text.text[:first].endswith(prefix.value)
        assert text.text[last:].startswith(suffix.value)
        assert last <= text.end_codepoint
        checked += 1
    assert checked > 150


FORMER = {
    ("lou-jiwei", "finance-minister-of-china"),
    ("liu-hongcai", "deputy-minister-of-the-international-liaison-department"),
    ("cheng-yonghua", "chinese-ambassador-to-japan"),
}
CURRENT = {
    ("wang-yi", "state-councilor-of-china"),
    ("wang-yi", "foreign-minister-of-china"),
    ("motegi-toshimitsu", "foreign-minister-of-japan"),
    ("gao-niandong", "member-of-the-cpc-daxing-district-committee"),
    ("gao-niandong", "executive-deputy-chief-of-daxing-district"),
    ("gao-niandong", "director-of-the-cjic-management-committee"),
    ("lou-jiwei", "chair-of-the-cppcc-foreign-affairs-committee"),
    ("liu-hongcai", "deputy-chair-of-the-cppcc-foreign-affairs-committee"),
    ("cheng-yonghua", "member-of-the-cppcc-foreign-affairs-committee"),
    ("liu-qinghua", "executive-deputy-general-manager-of-the-platform-company"),
}


def test_posts_as_the_sentences_give_them(report: Report) -> None:
    held = {
        (q.subject.value.rpartition("/")[2], q.object.value.rpartition("/")[2])
        for q in report.quads
        if q.predicate == ORG("holds")
    }
    assert held == CURRENT
    value = {(q.subject, q.predicate): q.object for q in report.quads}
    former = {
        (
            value[q.subject, ORG("member")].value.rpartition("/")[2],
            value[q.subject, NAMES.term("post")].value.rpartition("/")[2],
        )
        for q in report.quads
        if q.predicate == NAMES.term("tenure") and q.object == NAMES.term("former")
    }
    assert former == FORMER


def test_no_claim_is_asserted(report: Report) -> None:
    """What someone plans, pledges or praises is nobody's participation, post or event."""
    claims = {q.subject for q in report.quads if q.predicate == TYPE and q.object == NAMES.term("Claim")}
    assert claims
    types = {q.object for q in report.quads if q.subject in claims and q.predicate == TYPE}
    assert types == {NAMES.term("Claim")}


QUERIES = sorted((ROOT / "ontology/queries").glob("*.rq"))


@pytest.mark.parametrize("path", QUERIES, ids=lambda p: p.stem)
def test_example_queries_answer_row_by_row(path: Path, store: ox.Store) -> None:
    """The rows were checked by hand against the article when they were written down."""
    text = path.read_text(encoding="utf-8").replace("{base}", BASE)
    answer = store.query(text, use_default_graph_as_union=True)
    header, *rows = answer.serialize(format=ox.QueryResultsFormat.TSV).decode().splitlines()
    # Sorted again: rows that ORDER BY holds for equal may come in any order.
    found = "\n".join([header, *sorted(rows), ""])
    golden = ROOT / "tests/golden/queries" / f"{path.stem}.tsv"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")
    assert rows


def test_there_are_queries_enough_and_they_are_published(report: Report) -> None:
    assert len(QUERIES) >= 25
    published = {q.subject for q in report.quads if q.object == SH("SPARQLSelectExecutable")}
    assert published >= {NAMES.query(re.sub(r"^\d+-", "", path.stem)) for path in QUERIES}

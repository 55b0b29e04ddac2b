"""What `kg check` finds: each kind of fault, with file, line and remedy; and nothing in sound sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg.check.evidence import find_nearest, locate_quote
from kg.check.findings import Report, check_sources
from kg.model import Finding, Place, Selection
from kg.sources import Sources, read_sources

BASE = "https://kg.example/"
FACTS = "data/articles/river-forum/facts.ttl"
PLACE = Place(Path("facts.ttl"), 1)


def check(root: Path) -> Report:
    return check_sources(read_sources(root, BASE))


def add(root: Path, text: str, file: str = FACTS) -> int:
    """Append to a source file; returns the line of what was added."""
    path = root / file
    before = path.read_text(encoding="utf-8")
    path.write_text(before + text + "\n", encoding="utf-8")
    return before.count("\n") + 1


def test_sound_sources_have_no_findings(mini_report: Report) -> None:
    assert mini_report.findings == ()


def test_coverage_counts_sentences(mini_report: Report) -> None:
    (covered,) = mini_report.coverage
    assert (covered.sentences, covered.without_facts) == (4, (1,))


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (
            'id:city skos:altLabel "Town"@en {| kg:quote "the Cty" |} .',
            "quote-missing",
            "nearest words, on line 3",
        ),
        (
            'id:city skos:altLabel "RC"@en {| kg:quote "River Council" |} .',
            "quote-ambiguous",
            "stands 2 times",
        ),
        (
            'id:city skos:altLabel "X"@en {| kg:quote "likes comments" |} .',
            "quote-outside-article",
            "after the end",
        ),
        ('id:city skos:altLabel "X"@en {| kg:quote "" |} .', "quote-missing", "empty"),
        ('[] skos:altLabel "Town"@en {| kg:quote "City" |} .', "blank-node", "stable IRI"),
        ('id:city skos:altLabel "Town"@en .', "no-evidence", "has no evidence"),
        ('id:city skos:altLabel "T"@en {| kg:note "n" |} .', "no-evidence", "neither a quote nor a source"),
        (
            'id:city skos:altLabel "T"@en {| kg:quote "City" ; kg:status kg:inferred |} .',
            "no-reading",
            "how the text",
        ),
        ('id:city skos:altLable "T"@en {| kg:quote "City" |} .', "unknown-term", "altLable"),
        (
            'id:city skos:altLabel "T"@en {| kg:quote "City" ; kg:modality kg:plam |} .',
            "unknown-term",
            "plam",
        ),
        ('id:city org:subOrganizationOf id:cityy {| kg:quote "City" |} .', "undeclared-thing", "cityy"),
        ("id:city a org:Organization .", "duplicate-iri", "entities.ttl:15"),
        (
            "id:m a org:Membership ; kg:tenure kg:current, kg:former ;"
            ' org:member id:city ; kg:quote "City" .',
            "shape",
            "kg:current or kg:former",
        ),
    ],
)
def test_each_fault_is_found_where_it_is(sources_copy: Path, text: str, code: str, words: str) -> None:
    line = add(sources_copy, text)
    found = [f for f in check(sources_copy).findings if f.code == code]
    assert [(f.place.path.name, f.place.line) for f in found] == [("facts.ttl", line)]
    assert words in found[0].message + found[0].remedy
    assert found[0].remedy


def test_a_quote_in_the_shared_entities_is_refused(sources_copy: Path) -> None:
    line = add(sources_copy, 'id:city skos:altLabel "T"@en {| kg:quote "City" |} .', "data/entities.ttl")
    (finding,) = check(sources_copy).findings
    assert (finding.code, finding.place.line) == ("quote-without-article", line)


def test_all_findings_come_at_once(sources_copy: Path) -> None:
    add(sources_copy, 'id:city skos:altLable "T"@en .\nid:city skos:altLabel "U"@en .')
    add(sources_copy, "this is not Turtle", "data/entities.ttl")
    codes = {finding.code for finding in check(sources_copy).findings}
    assert {"malformed", "unknown-term", "no-evidence"} <= codes


def test_malformed_shapes_are_a_finding(sources_copy: Path) -> None:
    add(sources_copy, "<x> a", "ontology/shapes.ttl")
    (finding,) = check(sources_copy).findings
    assert finding.code == "malformed"
    assert finding.place.path.name == "shapes.ttl"


def test_a_quote_is_found_by_code_points(mini_sources: Sources) -> None:
    text = mini_sources.articles[0].text
    assert text is not None
    found = locate_quote(text, "River Council", "", "’s", PLACE)
    assert isinstance(found, Selection)
    assert text.text[found.start_codepoint : found.end_codepoint] == "River Council"
    assert found.sentences == (2,)
    assert isinstance(locate_quote(text, "River Council", "no ", "", PLACE), Finding)


def test_the_nearest_words_are_named(mini_sources: Sources) -> None:
    text = mini_sources.articles[0].text
    assert text is not None
    assert find_nearest(text, 'She "will plant 1,000 trees."') == ("She “will plant 1,000 trees.”", 3)

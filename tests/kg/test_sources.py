"""Reading the sources: lines, facts and their grounds, sentences, files that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Triple

from kg.errors import SourceError
from kg.sources import Sources, find_root, read_document, read_sources, split_sentences
from kg.vocab import Names

BASE = "https://kg.example/"


def read(tmp_path: Path, text: str) -> tuple[object, ...]:
    path = tmp_path / "facts.ttl"
    path.write_text('VERSION "1.2"\nPREFIX kg: <ontology#>\nPREFIX id: <id/>\n' + text, encoding="utf-8")
    return (read_document(path, NamedNode(f"{BASE}g"), Names(BASE)),)


def test_each_statement_knows_its_line(tmp_path: Path) -> None:
    (document,) = read(tmp_path, "id:a kg:p id:b ;\n\n  kg:q id:c .\n")
    assert [(s.predicate.value[-1], s.place.line) for s in document.statements] == [("p", 4), ("q", 6)]


def test_annotation_blocks_and_node_words_become_grounds(tmp_path: Path) -> None:
    (document,) = read(
        tmp_path,
        'id:a kg:p id:b {| kg:quote "x" , "y" ; kg:status kg:inferred ; kg:note "why" |}'
        " {| kg:source <s> |} .\n"
        'id:n a kg:Claim ; kg:quote "z" ; kg:modality kg:plan .\n',
    )
    relation, node = document.facts
    first, second = relation.grounds
    assert isinstance(relation.about, Triple)
    assert {quote for quote, _ in first.quotes} == {"x", "y"}
    assert (first.status, first.note) == (Names(BASE).term("inferred"), "why")
    assert second.sources == (NamedNode(f"{BASE}s"),)
    assert node.about == Names(BASE).thing("n")
    assert node.grounds[0].modality == Names(BASE).term("plan")
    published = [s.predicate.value.rpartition("#")[2] for s in document.statements]
    assert "quote" not in published
    assert "modality" in published


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("id:a kg:p id:b\nid:c kg:p id:d .\n", "malformed", 5),
        ("id:a nope:p id:b .\n", "malformed", 4),
        ("id:a kg:p [ kg:q id:b ] .\n", "blank-node", 4),
        ('[] kg:p "x" {| kg:quote "x" |} .\n', "blank-node", 4),
        ('id:a kg:p [] {| kg:quote "x" |} .\n', "blank-node", 4),
        ("id:a kg:p id:b {| kg:other 1 |} .\n", "not-evidence", 4),
        ('id:a kg:p id:b {| kg:source "no iri" |} .\n', "not-an-iri", 4),
        ('id:a kg:p id:b {| kg:quote "x" ;\n kg:note "1", "2" |} .\n', "several-values", 5),
    ],
)
def test_faults_are_findings_with_file_and_line(tmp_path: Path, text: str, code: str, line: int) -> None:
    (document,) = read(tmp_path, text)
    found = {(finding.code, finding.place.line) for finding in document.findings}
    assert (code, line) in found
    assert all(finding.remedy and finding.place.path.name == "facts.ttl" for finding in document.findings)


def test_a_missing_and_a_binary_file_are_findings(sources_copy: Path) -> None:
    (sources_copy / "data" / "entities.ttl").unlink()
    (sources_copy / "data/articles/river-forum/source.txt").write_bytes(b"\xff\xfe\x00")
    sources = read_sources(sources_copy, BASE)
    assert [finding.code for finding in sources.entities.findings] == ["unreadable"]
    about = sources.articles[0].documents[0]
    assert [finding.code for finding in about.findings] == ["unreadable"]


def test_last_words_that_are_not_there(sources_copy: Path) -> None:
    path = sources_copy / "data/articles/river-forum/article.ttl"
    path.write_text(path.read_text().replace("belongs to the City.", "belongs to the sea."))
    findings = read_sources(sources_copy, BASE).articles[0].documents[0].findings
    assert [(finding.code, finding.place.line) for finding in findings] == [("last-words-missing", 10)]


def test_the_comment_form_is_no_sentence(mini_sources: Sources) -> None:
    text = mini_sources.articles[0].text
    assert text is not None
    spans = [text.text[s.start_codepoint : s.end_codepoint] for s in text.sentences]
    assert spans == [
        "River Forum opens",
        "Ada Lind, secretary of the River Council’s Water Office and former mayor, opened the Forum.",
        "She “will plant 1,000 trees.”",
        "The River Council belongs to the City.",
    ]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        ("\n \n", []),
        ("A 1.5 metre wall. Then?", ["A 1.5 metre wall.", "Then?"]),
        ("He said “go.” She went.", ["He said “go.”", "She went."]),
        ("王毅发言。茂木敏充也发言！", ["王毅发言。", "茂木敏充也发言！"]),
        ("One (“the Forum” for short), two.", ["One (“the Forum” for short), two."]),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert [text[start:end] for start, end in split_sentences(text)] == sentences


def test_a_folder_without_sources_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no ontology/ and data/"):
        find_root(str(tmp_path))

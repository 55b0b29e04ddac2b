"""Redirects: what curators write, what is wrong with it, and what a release carries of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg.check.findings import check_sources
from kg.release.layout import RedirectEntry
from kg.release.making.build import build_release
from kg.sources import read_sources
from tests.conftest import BASE

HEAD = """@prefix id: <id/> .
@prefix kg: <ontology#> .
@prefix dct: <http://purl.org/dc/terms/> .
"""


def write(root: Path, text: str) -> Path:
    path = root / "data" / "redirects.ttl"
    path.write_text(HEAD + text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id:old dct:isReplacedBy id:nobody .", "id/nobody is not in the data"),
        ("id:ada-lind dct:isReplacedBy id:city .", "still in the data"),
        ("id:a dct:isReplacedBy id:b .\nid:b dct:isReplacedBy id:city .", "redirected itself"),
        ("id:a dct:isReplacedBy id:b .\nid:b dct:isReplacedBy id:a .", "redirected itself"),
        ("id:a dct:isReplacedBy id:a .", "replaced by itself"),
        ("id:a dct:isReplacedBy id:city .\nid:a dct:isReplacedBy id:ada-lind .", "spoken of before"),
        ('id:a dct:isReplacedBy "city" .', "A thing is replaced by a thing"),
        ("id:a dct:isReplacedBy <article/river-forum> .", "A thing is replaced by a thing"),
        ("id:a dct:isReplacedBy <https://example.org/a> .", "A thing is replaced by a thing"),
        ('id:a kg:removed "" .', "nothing says why"),
        ('<evidence/0123> kg:removed "Why."@en .', "neither a thing nor an article"),
        ("id:a kg:about id:city .", "has no place here"),
        ("id:a dct:isReplacedBy", "is not Turtle"),
    ],
)
def test_what_leads_nowhere_is_found(sources_copy: Path, text: str, words: str) -> None:
    path = write(sources_copy, text)
    findings = check_sources(read_sources(sources_copy, BASE)).findings
    assert findings
    assert {finding.place.path for finding in findings} == {path}
    assert all(finding.place.line > 3 for finding in findings)
    assert words in " ".join(f"{finding.message} {finding.remedy}" for finding in findings)


def test_a_release_carries_them(sources_copy: Path, tmp_path: Path) -> None:
    plain = read_sources(sources_copy, BASE)
    before = build_release(plain, check_sources(plain), tmp_path / "var")
    write(sources_copy, 'id:old dct:isReplacedBy id:city .\nid:gone kg:removed "Two were one."@en .')
    sources = read_sources(sources_copy, BASE)
    release = build_release(sources, check_sources(sources), tmp_path / "var")
    assert release.manifest.redirects == (
        RedirectEntry("id/gone", "", "Two were one."),
        RedirectEntry("id/old", "id/city", ""),
    )
    assert release.id != before.id

"""Search: what is found, in which order and why; whatever is typed is answered."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from pyoxigraph import Literal

from kg.errors import ReleaseError
from kg.release.making.search import write_index
from kg.search.index import SearchIndex
from kg.vocab import Names
from tests.kg.search.conftest import BASE, DATA, read_lines

PERSON = "https://schema.org/Person"


def find(index: SearchIndex, text: str, *types: str) -> list[str]:
    return [hit.thing.iri.removeprefix(f"{BASE}id/") for hit in index.find_names(text, types).hits]


@pytest.mark.parametrize(
    ("text", "best"),
    [
        ("王毅", "wang-yi"),
        ("茂木", "motegi"),
        ("敏充", "motegi"),
        ("Motegi Toshimitsu", "motegi"),
        ("toshimitsu MOTEGI", "motegi"),
        ("toshi mo", "motegi"),
        ("CJIC", "cjic"),
        ("cji", "cjic"),
        ("创新", "cjic"),
        ("合作 北京", "cjic"),
        ("協力", "cjic"),
        ("モデル", "cjic"),
        ("樓繼偉", "lou-jiwei"),
        ("lou jiw", "lou-jiwei"),
        ("tokyo beijing", "forum"),
        ("odegard", "wangari"),
    ],
)
def test_it_finds(index: SearchIndex, text: str, best: str) -> None:
    assert find(index, text)[0] == best


def test_the_better_match_comes_first(index: SearchIndex) -> None:
    # The whole word before its beginning, a thing before a statement about it.
    assert find(index, "wang") == ["wang-yi", f"{BASE}article/a", "wang-as-minister", "wangari"]
    assert find(index, "wang yi")[0] == "wang-yi"


def test_a_hit_says_why(index: SearchIndex) -> None:
    (hit,) = index.find_names("敏充").hits
    assert (hit.name.text, hit.name.lang, hit.name.preferred, hit.marks) == (
        "茂木敏充",
        "ja",
        True,
        ((2, 4),),
    )
    hit = index.find_names("toshimitsu motegi").hits[0]
    assert (hit.name.text, hit.name.preferred, hit.exact) == ("Toshimitsu Motegi", False, True)


def test_a_word_is_completed_only_while_it_is_typed(index: SearchIndex) -> None:
    assert find(index, "moteg")[0] == "motegi"
    assert find(index, "moteg ") == []
    assert index.find_names("moteg", complete=False).hits == ()


def test_types_narrow_down(index: SearchIndex) -> None:
    assert find(index, "wang", PERSON) == ["wang-yi", "wangari"]
    assert find(index, "wang yi", "http://www.w3.org/ns/org#Membership") == ["wang-as-minister"]
    assert find(index, "wang", "http://h/no-such-class") == []
    assert dict(index.count_types("wang"))[PERSON] == 2


def test_words_that_no_name_holds_together_are_found_apart(index: SearchIndex) -> None:
    found = index.find_names("Motegi of the Moon")
    assert found.partial
    assert found.hits[0].thing.iri.endswith("motegi")


def test_pages_are_parts_of_one_order(index: SearchIndex) -> None:
    whole = find(index, "wang")
    parts = [index.find_names("wang", limit=2, skip=skip) for skip in (0, 2, 4)]
    assert [h.thing.iri.removeprefix(f"{BASE}id/") for part in parts for h in part.hits] == whole
    assert {part.total for part in parts} == {4}


def test_a_common_beginning_does_not_hide_a_whole_name(tmp_path: Path) -> None:
    names = "".join(
        f'<id/li-{n}> skos:prefLabel "Li {n}"@en ; skos:related <id/li-{n}> .\n' for n in range(50)
    )
    data = DATA + f'GRAPH <entities> {{ {names} id:li skos:prefLabel "Li"@en . }}'
    write_index(tmp_path / "index", read_lines(data), Names(BASE))
    hits = SearchIndex(tmp_path / "index").find_names("li", look_at=10).hits
    assert hits[0].thing.iri == f"{BASE}id/li"
    assert len(hits) == 11


def test_names_and_quotes_have_any_characters(tmp_path: Path) -> None:
    name, quote = 'Wang "the \\ fox"\n\t@en <x> .', 'said "no"@zh \\'
    texts = [str(Literal(name, language="zh-hant")), str(Literal(quote))]
    data = f"""GRAPH <g> {{ id:fox a schema:Person ; skos:prefLabel {texts[0]} ; kg:evidence <evidence/3> .
        <evidence/3> kg:quotedText {texts[1]} ; kg:sentence <article/a/sentence/4> . }}"""
    write_index(tmp_path / "index", read_lines(DATA + data), Names(BASE))
    index = SearchIndex(tmp_path / "index")
    (hit,) = index.find_names("the fox").hits
    assert (hit.name.text, hit.name.lang) == (name, "zh-hant")
    assert [(hit.text, hit.sentence) for hit in index.find_quotes("said no").hits] == [(quote, 4)]


def test_quotes_tell_their_sentence_and_what_rests_on_them(index: SearchIndex) -> None:
    (hit,) = index.find_quotes("minister wa").hits
    assert (hit.article, hit.sentence, hit.marks) == (f"{BASE}article/a", 2, ((0, 8), (9, 13)))
    assert {thing.iri for thing in hit.things} == {f"{BASE}id/cjic", f"{BASE}id/wang-as-minister"}


def test_terms_are_found_and_example_queries_are_not(index: SearchIndex) -> None:
    assert find(index, "人物") == [PERSON]
    assert find(index, "query") == []


OPERATORS = (
    "NEAR(a b)",
    "wang*",
    "words:wang",
    "{words}:x",
    "a AND",
    "NOT",
    "^wang",
    '" OR ""',
    "-",
    "*",
    "(",
)
LONG = ("x" * 100_000, "王" * 5_000, "a " * 5_000)


@pytest.mark.parametrize(
    "text", ["", " ", "\0", '"', "'", "🙂", "\ud800", "%", "wang\0yi", *OPERATORS, *LONG]
)
def test_whatever_is_typed_is_answered(index: SearchIndex, text: str) -> None:
    assert index.find_names(text).total >= 0
    assert index.find_quotes(text).total >= 0
    assert index.count_types(text) is not None


def test_operators_are_words(index: SearchIndex) -> None:
    assert find(index, "wang* NOT yi") == find(index, "wang not yi")
    assert not index.find_names("wang NOT yi").hits or index.find_names("wang NOT yi").partial


def test_the_same_quads_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    lines = read_lines()
    write_index(tmp_path / "one", lines, Names(BASE))
    write_index(tmp_path / "two", reversed(lines), Names(BASE))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two"}


def test_threads_share_an_index(index: SearchIndex) -> None:
    found: list[list[str]] = []
    threads = [threading.Thread(target=lambda: found.append(find(index, "wang"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [find(index, "wang")] * 8


def test_a_missing_or_damaged_index_is_told(tmp_path: Path) -> None:
    (tmp_path / "damaged").write_bytes(b"no index" * 100)
    for name in ("missing", "damaged"):
        with pytest.raises(ReleaseError, match="cannot be read"):
            SearchIndex(tmp_path / name).find_names("x")


def test_a_path_may_hold_any_character(tmp_path: Path) -> None:
    path = tmp_path / "a b?#%20é.sqlite"
    write_index(path, read_lines(), Names(BASE))
    assert SearchIndex(path).find_names("王毅").total == 1

"""Folding: the same words from whatever way a name is written, and where they stand."""

from __future__ import annotations

import pytest

from kg.release.making.variants import read_variants
from kg.search.folding import Folding

FOLDING = Folding(read_variants())


@pytest.mark.parametrize(
    "spellings",
    [
        ("Lou Jiwei", "LÓU JÌWĚI", "lo\u0301u ji\u0300wei\u030c", "Ｌｏｕ　Ｊｉｗｅｉ", " lou--jiwei! "),
        ("楼继伟", "楼継偉", "樓繼偉", "“楼·继·伟”"),
        ("刘", "劉"),
        ("東京", "东京"),
        ("フォーラム", "ﾌｫｰﾗﾑ", "ふぉーらむ"),
        ("Ødegård", "odegard"),
        ("Straße", "STRASSE"),
        ("Łódź", "lodz"),
    ],
)
def test_spellings_of_one_name_fold_alike(spellings: tuple[str, ...]) -> None:
    assert len({FOLDING.fold(spelling) for spelling in spellings}) == 1


def test_different_names_stay_different() -> None:
    names = ("Wang Yi", "Wang Yin", "王毅", "王義", "が", "か", "हिन्दी", "हिन्द", "서울", "서을")
    assert len({FOLDING.fold(name) for name in names}) == len(names)


@pytest.mark.parametrize("text", ["", " ", "\0", "\"'*()-+:^{}", "……", "💥", "\ud800"])
def test_what_holds_no_word_folds_to_nothing(text: str) -> None:
    assert FOLDING.fold(text) == ""
    assert list(FOLDING.tokenize(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "Wang Yi",
        "王毅 (Wáng Yì)",
        "CJIC中日17th",
        "𠮷野家",
        "e\u0301a",
        "½ x²",
        "北京-東京フォーラム",
        "İstanbul",
    ],
)
def test_tokens_are_the_folded_words_and_stand_where_they_say(text: str) -> None:
    tokens = list(FOLDING.tokenize(text))
    assert [token.word for token in tokens] == FOLDING.fold(text).split()
    for token in tokens:
        assert token.word in FOLDING.fold(text[token.start_codepoint : token.end_codepoint]).split()


def test_variants_lead_to_one_form_in_one_step() -> None:
    variants = read_variants()
    assert not set(variants) & set(variants.values())

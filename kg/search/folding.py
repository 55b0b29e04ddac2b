"""Folds text, so that a name is found however it is typed: case, width, diacritics, scripts, variants.

The index and whoever asks it fold alike, so two texts are the same name if and only if they fold to the same
words. Chinese, Japanese and Korean characters become words of their own, since no space parts words there.
Source: Unicode Standard Annex #15 (NFKC); Unicode Core Specification, section 5.18 (case folding).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

# Half-open ranges of code points that are written without spaces: radicals and signs, kana, bopomofo, Han
# with its extensions, Hangul. Half-width kana and compatibility ideographs are folded to these before.
_UNSPACED = (
    (0x2E80, 0x2FE0),
    (0x3005, 0x3008),
    (0x3040, 0x3100),
    (0x3100, 0x3130),
    (0x3130, 0x3190),
    (0x31A0, 0x3200),
    (0x3400, 0x4DC0),
    (0x4E00, 0xA000),
    (0xAC00, 0xD7B0),
    (0x20000, 0x33480),
)
_KATAKANA = range(0x30A1, 0x30F7)
_TO_HIRAGANA = 0x60
_DIACRITICS = range(0x300, 0x370)
# Letters that Unicode does not take apart, as most people type them.
_LETTERS = {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i"}


@dataclass(frozen=True, slots=True)
class Token:
    """A folded word and the half-open span of the text, in code points, that it comes from."""

    word: str
    start_codepoint: int
    end_codepoint: int


class Folding:
    """Folds text to words.

    Parameters
    ----------
    variants: Han character → the one that stands for all its simplified, traditional and Japanese forms.
    """

    def __init__(self, variants: Mapping[str, str] | None = None) -> None:
        self.variants = dict(variants or {})

    @cached_property
    def _table(self) -> _Table:
        return _Table(self.variants)

    def fold(self, text: str) -> str:
        """Return the words of a text, in order, parted by single spaces.

        >>> Folding().fold("Ｌóu “Jìwěi”"), Folding().fold("フォーラム 2")
        ('lou jiwei', 'ふ ぉ ー ら む 2')
        """
        composed = text if text.isascii() else unicodedata.normalize("NFKC", text)
        return " ".join(composed.casefold().translate(self._table).split())

    def tokenize(self, text: str) -> Iterator[Token]:
        """Yield the words of a text with where they stand, for marking them.

        >>> [(t.word, t.start_codepoint, t.end_codepoint) for t in Folding().tokenize("É.中国")]
        [('e', 0, 1), ('中', 2, 3), ('国', 3, 4)]
        """
        start, pending = 0, ""
        for position, character in enumerate(text):
            folded = unicodedata.normalize("NFKC", character).casefold().translate(self._table)
            if folded and " " not in folded:
                start = start if pending else position
                pending += folded
                continue
            if not folded:  # a diacritic of its own belongs to the letter before it
                continue
            if pending:
                yield Token(pending, start, position)
                pending = ""
            yield from (Token(word, position, position + 1) for word in folded.split())
        if pending:
            yield Token(pending, start, len(text))


def is_unspaced(word: str) -> bool:
    """Return whether a folded word is one character of a script that is written without spaces.

    >>> is_unspaced("中"), is_unspaced("a")
    (True, False)
    """
    return len(word) == 1 and any(start <= ord(word) < end for start, end in _UNSPACED)


class _Table(dict[int, str]):
    """What ``str.translate`` takes: works a code point out when it first occurs, and keeps it."""

    def __init__(self, variants: Mapping[str, str]) -> None:
        super().__init__()
        self._variants = variants

    def __missing__(self, codepoint: int) -> str:
        self[codepoint] = folded = self._fold(codepoint)
        return folded

    def _fold(self, codepoint: int) -> str:
        if codepoint in _DIACRITICS:
            return ""
        if (letter := _LETTERS.get(chr(codepoint))) is not None:
            return letter
        if codepoint in _KATAKANA:
            codepoint -= _TO_HIRAGANA
        character = self._variants.get(chr(codepoint), chr(codepoint))
        if any(start <= codepoint < end for start, end in _UNSPACED):
            return f" {character} "
        if unicodedata.category(character)[0] not in "LNM":
            return " "
        bare = "".join(c for c in unicodedata.normalize("NFD", character) if ord(c) not in _DIACRITICS)
        return unicodedata.normalize("NFC", bare)

"""From what someone typed to an expression of SQLite's full-text search that finds it, or nothing.

Source: SQLite FTS5 documentation, section 3 (full-text query syntax).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from kg.search.folding import Folding, is_unspaced

MAX_CHARACTERS = 200
MAX_PHRASES = 8


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that stand side by side; a run of Chinese characters is one. The last phrase is a beginning."""

    words: tuple[str, ...]
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: all phrases, in any order. ``folded`` is the text as a name would be folded."""

    folded: str
    phrases: tuple[Phrase, ...]


def parse_query(text: str, folding: Folding, complete: bool = True) -> Query:
    """Return what a text looks for; no phrases if it holds neither letters nor digits.

    Whatever the text is, it is only ever words: operators, quotes and wildcards of the full-text search
    have no meaning here. Beyond ``MAX_CHARACTERS`` and ``MAX_PHRASES`` it is cut.

    Parameters
    ----------
    complete: the last word may be the beginning of one, as when someone is still typing.

    >>> parse_query('NEAR("wang* 王毅', Folding()).phrases
    (Phrase(words=('near',), is_prefix=False), Phrase(words=('wang',), is_prefix=False),
     Phrase(words=('王', '毅'), is_prefix=False))
    """
    folded = folding.fold(text[:MAX_CHARACTERS])
    phrases: list[Phrase] = []
    # White space parts runs of Chinese characters that were meant apart.
    for piece in text[:MAX_CHARACTERS].split():
        for unspaced, group in groupby(folding.fold(piece).split(), key=is_unspaced):
            words = tuple(group)
            phrases += [Phrase(words)] if unspaced else [Phrase((word,)) for word in words]
    is_whole = len(text) <= MAX_CHARACTERS and 0 < len(phrases) <= MAX_PHRASES
    if complete and is_whole and text[-1].isalnum() and not is_unspaced(phrases[-1].words[-1]):
        phrases[-1] = Phrase(phrases[-1].words, is_prefix=True)
    return Query(folded, tuple(dict.fromkeys(phrases[:MAX_PHRASES])))


def write_match(query: Query, types: tuple[str, ...] = (), any_phrase: bool = False) -> str:
    """Return the operand of MATCH; ``types`` are words of the types of which one is wanted.

    >>> write_match(parse_query("王毅 visi", Folding()), ("t4",))
    '(words : ("王 毅" AND "visi" *)) AND (types : ("t4"))'
    """
    joined = (" OR " if any_phrase else " AND ").join(map(_write_phrase, query.phrases))
    match = f"words : ({joined})"
    if not types:
        return match
    wanted = " OR ".join(f'"{word}"' for word in types)
    return f"({match}) AND (types : ({wanted}))"


def _write_phrase(phrase: Phrase) -> str:
    # A folded word holds letters, digits and marks only, so nothing in it could end the string.
    return f'"{" ".join(phrase.words)}"' + (" *" if phrase.is_prefix else "")


def mark_words(text: str, query: Query, folding: Folding) -> tuple[tuple[int, int], ...]:
    """Return half-open spans, in code points, of the words of a text that a query found.

    >>> mark_words("The Wángs of 王毅", parse_query("王毅 wang", Folding()), Folding())
    ((4, 9), (13, 15))
    """
    tokens = list(folding.tokenize(text))
    words = [token.word for token in tokens]
    spans: list[tuple[int, int]] = []
    for start in range(len(tokens)):
        for phrase in query.phrases:
            if _fits(phrase, words[start : start + len(phrase.words)]):
                end = tokens[start + len(phrase.words) - 1].end_codepoint
                spans.append((tokens[start].start_codepoint, end))
    return _merge(spans)


def _fits(phrase: Phrase, words: list[str]) -> bool:
    if len(words) < len(phrase.words):
        return False
    *wholes, last = phrase.words
    return words[:-1] == wholes and (words[-1].startswith(last) if phrase.is_prefix else words[-1] == last)


def _merge(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return tuple(merged)

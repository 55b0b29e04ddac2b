"""Links to words of a page: ``#:~:text=``.

Source: URL Fragment Text Directives (WICG), https://wicg.github.io/scroll-to-text-fragment/
"""

from __future__ import annotations

import re
from urllib.parse import quote

LONG = 120
"""Characters from which a quote is named by its first and last words, as the specification advises."""

WORDS_KEPT = 4


def make_text_fragment(exact: str, prefix: str = "", suffix: str = "") -> str:
    """Return the fragment, with its ``#``, that leads a browser to words of a page; nothing for no words.

    Parameters
    ----------
    exact: the words; a long quote, or one over several paragraphs, becomes a range.
    prefix, suffix: words right before and after it, for a quote that occurs more than once. What lies
        in another paragraph, and a word that they cut, is left out.

    >>> make_text_fragment("two-way, really", "the ", " zone")
    '#:~:text=the-,two%2Dway%2C%20really,-zone'
    """
    words = exact.split()
    if not words:
        return ""
    if len(exact) >= LONG or "\n" in exact.strip():
        parts = [_encode(words[:WORDS_KEPT]), _encode(words[-WORDS_KEPT:])]
    else:
        parts = [_encode(words)]
    before, after = _last_words(prefix), _first_words(suffix)
    parts = [f"{_encode(before)}-", *parts] if before else parts
    parts = [*parts, f"-{_encode(after)}"] if after else parts
    return f"#:~:text={','.join(parts)}"


def _encode(words: list[str]) -> str:
    # A hyphen, a comma and an ampersand are the syntax of a directive.
    return quote(" ".join(words), safe="").replace("-", "%2D")


def _last_words(prefix: str) -> list[str]:
    line = prefix.rpartition("\n")[2]
    words = line.split()
    cut = line == prefix and not re.match(r"\s", line)  # it may begin within a word
    return words[1:][-WORDS_KEPT:] if cut and len(words) > 1 else words[-WORDS_KEPT:]


def _first_words(suffix: str) -> list[str]:
    line = suffix.partition("\n")[0]
    words = line.split()
    cut = line == suffix and not re.search(r"\s$", line)
    return words[:-1][:WORDS_KEPT] if cut and len(words) > 1 else words[:WORDS_KEPT]

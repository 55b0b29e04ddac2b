"""Text fragments, by the specification: what is encoded, what becomes a range, what is context."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from webapp.text_fragments import LONG, make_text_fragment


@pytest.mark.parametrize(
    ("exact", "prefix", "suffix", "fragment"),
    [
        ("CJIC", "", "", "#:~:text=CJIC"),
        ("October 25-26, 2021 & more", "", "", "#:~:text=October%2025%2D26%2C%202021%20%26%20more"),
        ("Zone", "emonstration of the ", " (CJIC)", "#:~:text=of%20the-,Zone,-%28CJIC%29"),
        ("Japan", "\n\nChina and ", ". This for", "#:~:text=China%20and-,Japan,-.%20This"),
        ("Title", "last words\n", "\n\nfirst", "#:~:text=Title"),
        ("王毅", "", "", "#:~:text=%E7%8E%8B%E6%AF%85"),
        ("", "a", "b", ""),
    ],
)  # fmt: skip
def test_fragments(exact: str, prefix: str, suffix: str, fragment: str) -> None:
    assert make_text_fragment(exact, prefix, suffix) == fragment


def test_a_long_quote_becomes_a_range() -> None:
    quote = "The Forum provides " + "a platform " * (LONG // 10) + "between China and Japan."
    start, end = make_text_fragment(quote).removeprefix("#:~:text=").split(",")
    assert quote.startswith(unquote(start)) and quote.endswith(unquote(end))

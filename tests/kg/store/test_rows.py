from __future__ import annotations

import pyoxigraph as ox
import pytest

from kg.formats import RESULT_FORMATS, Format, to_results_format
from kg.store.rows import RowCounter

HOSTILE = [
    '},{"',
    '[{"a',
    "},{",
    ",{}",
    '"',
    '\\"},{\\"',
    "a\r\nb",
    "a\nb",
    '","',
    "<result>",
    "&lt;result>",
    "",
    "[{",
    ':{"',
]
QUERIES = {
    "values": (
        "SELECT ?a ?b { VALUES (?a ?b) { "
        + " ".join(f"({ox.Literal(text)} {ox.Literal(text + 'x')})" for text in HOSTILE if text != ",{}")
        + " } }",
        len(HOSTILE) - 1,
    ),
    "unbound": ("SELECT ?a ?b { VALUES (?a ?b) { (UNDEF UNDEF) (1 UNDEF) (UNDEF 2) (UNDEF UNDEF) } }", 4),
    "none": ("SELECT ?a { ?a ?a ?a }", 0),
    "one column": ("SELECT ?é { VALUES ?é { <urn:a> 'b'@en 'c' 4 } }", 4),
}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100_000])
@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize("fmt", RESULT_FORMATS, ids=lambda fmt: fmt.name)
def test_rows_are_counted_wherever_a_piece_ends(fmt: Format, name: str, size: int) -> None:
    text, expected = QUERIES[name]
    result = ox.Store().query(text)
    assert isinstance(result, ox.QuerySolutions)
    data = result.serialize(format=to_results_format(fmt))
    assert data is not None
    counter = RowCounter(fmt)
    for start in range(0, len(data), size):
        counter.feed(data[start : start + size])
    assert counter.rows == expected

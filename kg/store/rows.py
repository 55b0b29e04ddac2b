"""Counts the rows of a SELECT result in its serialised bytes, as they pass.

The engine serialises by itself and tells no number, and to bring each row to Python would cost more than
the query. The formats are those that the engine writes: JSON without white space, CSV rows ended by CR LF.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kg.formats import CSV, JSON, TSV, XML, Format

# A row is an object in an array: {"name":… or {}. In a string an unescaped quotation mark can only be the
# closing one, and what follows that is one of : , } ].
_JSON_ROW = re.compile(rb'[\[,]\{(?:"[^",:}\]]|\})')
_XML_ROW = re.compile(rb"<result>")
_LONGEST = len(b"<result>")


class RowCounter:
    """Counts rows in one format; ``rows`` is how many have begun.

    >>> counter = RowCounter(JSON)
    >>> counter.feed(b'{"head":{"vars":["a"]},"results":{"bindings":[{"a":{"ty')
    >>> counter.feed(b'pe":"literal","value":"},{"}},{"a":{"type":"uri"')
    >>> counter.rows
    2
    """

    def __init__(self, fmt: Format) -> None:
        self.rows = 0
        self._tail = b""
        self._quoted = False
        self._heads = 1 if fmt in (CSV, TSV) else 0
        self._read = _READERS[fmt]

    def feed(self, data: bytes) -> None:
        """Count what begins in the next bytes."""
        self._read(self, data)

    def _feed_json(self, data: bytes) -> None:
        self._feed_pattern(data, _JSON_ROW)

    def _feed_xml(self, data: bytes) -> None:
        self._feed_pattern(data, _XML_ROW)

    def _feed_tsv(self, data: bytes) -> None:
        self._add_lines(data.count(b"\n"))

    def _feed_pattern(self, data: bytes, pattern: re.Pattern[bytes]) -> None:
        if self._tail:
            text, known = self._tail + data, len(self._tail)
            self.rows += sum(match.end() > known for match in pattern.finditer(text))
        else:
            text = data
            self.rows += len(pattern.findall(text))
        self._tail = text[1 - _LONGEST :]

    def _feed_csv(self, data: bytes) -> None:
        for index, piece in enumerate(data.split(b'"')):
            if index:
                self._quoted = not self._quoted
            if not self._quoted:
                self._add_lines(piece.count(b"\n"))

    def _add_lines(self, count: int) -> None:
        heads = min(self._heads, count)
        self._heads -= heads
        self.rows += count - heads


_READERS: dict[Format, Callable[[RowCounter, bytes], None]] = {
    JSON: RowCounter._feed_json,
    XML: RowCounter._feed_xml,
    CSV: RowCounter._feed_csv,
    TSV: RowCounter._feed_tsv,
}

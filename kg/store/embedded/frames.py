"""What a store and its workers say to each other over their pipes.

A frame is one byte that tells its kind, four bytes with the length of its payload (big endian), and its
payload. A request is one ``REQUEST``; its answer is ``HEAD DATA* END`` or, at any point, ``ERROR``. Requests
that wait in the pipe are answered in their order. REQUEST and ERROR are JSON, which has room for whatever
they tell; HEAD and END, which come with each answer, are quicker to read: HEAD is the name of a format.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

from kg import errors
from kg.formats import GRAPH_FORMATS, RESULT_FORMATS, Format
from kg.store.base import Query

READY = b"R"
REQUEST = b"Q"
HEAD = b"H"
DATA = b"D"
END = b"E"
ERROR = b"X"

HEADER_BYTES = 5
CHUNK_BYTES = 64 * 1024
"""Size of a DATA frame: one in 8 KiB costs 5-10 % more time for a large result."""

_HEADER = struct.Struct(">cI")
_END = struct.Struct(">q?")
_NO_ROWS = -1
_FORMATS = {fmt.name.encode(): fmt for fmt in (*GRAPH_FORMATS, *RESULT_FORMATS)}


@dataclass(frozen=True, slots=True)
class End:
    """The end of an answer; ``rows`` is None for what is no table, ``retire`` tells of a worker too large."""

    rows: int | None
    retire: bool


def to_frame(kind: bytes, payload: bytes = b"") -> bytes:
    """Return the bytes of a frame."""
    return _HEADER.pack(kind, len(payload)) + payload


def to_json_frame(kind: bytes, content: dict[str, Any]) -> bytes:
    """Return the bytes of a frame with a JSON object."""
    return to_frame(kind, json.dumps(content).encode("ascii"))


def to_request(query: Query) -> bytes:
    """Return the frame that asks a worker."""
    return to_json_frame(
        REQUEST,
        {
            "text": query.text,
            "base_iri": query.base_iri,
            "default_graphs": query.dataset.default_graphs,
            "named_graphs": query.dataset.named_graphs,
            "result_formats": [fmt.name for fmt in query.result_formats],
            "graph_formats": [fmt.name for fmt in query.graph_formats],
            "max_result_bytes": query.limits.max_result_bytes,
            "max_result_rows": query.limits.max_result_rows,
        },
    )


def parse_header(header: bytes | bytearray) -> tuple[bytes, int]:
    """Return kind and length of payload in bytes, from the first bytes of a frame."""
    kind, length = _HEADER.unpack_from(header)
    return kind, length


def to_head(fmt: Format) -> bytes:
    """Return the frame that begins an answer."""
    return to_frame(HEAD, fmt.name.encode())


def parse_head(payload: bytes) -> Format:
    """Return the format of an answer."""
    return _FORMATS[payload]


def to_end(end: End) -> bytes:
    """Return the frame that ends an answer.

    >>> parse_end(to_end(End(None, retire=True))[HEADER_BYTES:])
    End(rows=None, retire=True)
    """
    return to_frame(END, _END.pack(_NO_ROWS if end.rows is None else end.rows, end.retire))


def parse_end(payload: bytes) -> End:
    """Return what END tells."""
    rows, retire = _END.unpack(payload)
    return End(None if rows == _NO_ROWS else rows, retire)


def parse_error(payload: bytes) -> errors.StoreError:
    """Return the error that ERROR tells of."""
    content = json.loads(payload)
    kind = getattr(errors, content["kind"])
    if kind is errors.QuerySyntaxError:
        return errors.QuerySyntaxError(content["message"], line=content["line"], column=content["column"])
    error: errors.StoreError = kind(content["message"])
    return error

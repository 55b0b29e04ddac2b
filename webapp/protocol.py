"""Requests of the SPARQL 1.1 Protocol, read without knowing a web framework."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import Message
from urllib.parse import parse_qsl

from kg.store.base import UPDATE_REFUSED, Dataset

FORM = "application/x-www-form-urlencoded"
QUERY = "application/sparql-query"
UPDATE = "application/sparql-update"

_FORMAT_PARAMETERS = ("format", "output", "results")


class ProtocolError(Exception):
    """A request that breaks the protocol, with the HTTP status that says how."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class SparqlRequest:
    """A query operation (SPARQL 1.1 Protocol, section 2.1); ``text`` is None where none is asked for."""

    text: str | None
    dataset: Dataset = field(default_factory=Dataset)
    format_name: str = ""
    timeout_s: float | None = None


def parse_request(method: str, query_string: bytes, content_type: str, body: bytes) -> SparqlRequest:
    """Read an operation.

    Parameters
    ----------
    method: GET, HEAD or POST.
    query_string: the part of the URL after the question mark, still encoded.
    content_type: the header's value, empty where there is none.

    Raises
    ------
    ProtocolError: 400, 403 or 415.

    >>> parse_request("GET", b"query=ASK%7B%7D&format=csv", "", b"").text
    'ASK{}'
    """
    pairs = _parse_pairs(query_string)
    if method != "POST":
        return _to_request(pairs, _find_one(pairs, "query"))
    media_type, charset = _parse_content_type(content_type)
    if media_type == UPDATE:
        raise ProtocolError(403, UPDATE_REFUSED)
    if media_type == QUERY:
        return _to_request(pairs, _decode(body, charset))
    if media_type == FORM:
        pairs += _parse_pairs(body)
        return _to_request(pairs, _require(_find_one(pairs, "query"), pairs))
    raise ProtocolError(415, f"A query is posted as {FORM} or {QUERY}, not as {media_type or 'nothing'}.")


def _to_request(pairs: list[tuple[str, str]], text: str | None) -> SparqlRequest:
    if any(name == "update" for name, _ in pairs):
        raise ProtocolError(403, UPDATE_REFUSED)
    names = [value for name, value in pairs if name in _FORMAT_PARAMETERS and value]
    dataset = Dataset(
        tuple(value for name, value in pairs if name == "default-graph-uri" and value),
        tuple(value for name, value in pairs if name == "named-graph-uri" and value),
    )
    timeout_s = _parse_timeout(_find_one(pairs, "timeout"))
    return SparqlRequest(text, dataset, names[0] if names else "", timeout_s)


def _require(text: str | None, pairs: list[tuple[str, str]]) -> str | None:
    if text is None and not any(name == "update" for name, _ in pairs):
        raise ProtocolError(400, "The request has no parameter query.")
    return text


def _find_one(pairs: list[tuple[str, str]], wanted: str) -> str | None:
    values = [value for name, value in pairs if name == wanted]
    if len(values) > 1:
        raise ProtocolError(400, f"The parameter {wanted} is given {len(values)} times.")
    return values[0] if values else None


def _parse_timeout(value: str | None) -> float | None:
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise ProtocolError(400, "The parameter timeout is a positive number of seconds.")
    return seconds


def _parse_pairs(encoded: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(encoded.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise ProtocolError(400, "The parameters are not percent-encoded UTF-8.") from None


def _parse_content_type(value: str) -> tuple[str, str]:
    message = Message()
    message["Content-Type"] = value
    return (message.get_content_type() if value else ""), str(message.get_param("charset", "utf-8"))


def _decode(body: bytes, charset: str) -> str:
    if charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise ProtocolError(415, f"A query is posted in UTF-8, not in {charset}.")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise ProtocolError(400, "The query is not UTF-8.") from None

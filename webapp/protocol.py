"""The SPARQL 1.1 Protocol as pure functions: a request in plain values goes in, what to do comes out.

``read_body`` and ``parse_request`` read an operation, ``choose_formats`` finds what it may be answered in.
Nothing here knows a web framework, and nothing here parses a query.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import Message
from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import unquote

from kg.formats import GRAPH_FORMATS, RESULT_FORMATS, Format, find_format
from kg.settings import Settings
from kg.store.base import UPDATE_REFUSED, Cancellation, Dataset, Limits, Query
from kg.store.tokens import may_change
from webapp.negotiation import HTML, negotiate

FORM = "application/x-www-form-urlencoded"
QUERY = "application/sparql-query"
UPDATE = "application/sparql-update"

METHODS = ("GET", "HEAD", "POST", "OPTIONS")
"""What the endpoint takes; any other is 405."""

OFFERS: tuple[Format, ...] = (*RESULT_FORMATS, *GRAPH_FORMATS, HTML)
"""All formats of the endpoint; which of them can be had depends on the form of the query."""

_FORMAT_PARAMETERS = ("format", "output", "results")
_CHARSETS = ("utf-8", "utf8", "us-ascii", "ascii")
_CHUNK_BYTES = 64 * 1024


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
    format_names: tuple[str, ...] = ()
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What a request says of its body, as the headers have it; empty where it says nothing."""

    content_type: str = ""
    content_length: str = ""
    content_encoding: str = ""
    chunked: bool = False


def read_body(stream: BinaryIO, head: RequestHead, max_bytes: int) -> bytes:
    """Read the whole body of a POST.

    Parameters
    ----------
    stream: gives at most the body, and empty bytes at its end.
    max_bytes: the most that is taken; a body that is larger is refused, never cut.

    Raises
    ------
    ProtocolError: 400, 411, 413 or 415.

    >>> import io
    >>> read_body(io.BytesIO(b"ASK {}"), RequestHead(content_length="6"), 1000)
    b'ASK {}'
    """
    if head.content_encoding.strip().lower() not in ("", "identity"):
        raise ProtocolError(415, f"The request body is coded with {head.content_encoding}; send it as it is.")
    if not head.content_length and not head.chunked:
        raise ProtocolError(411, "The request has a body of unknown length. Send Content-Length.")
    length = _parse_length(head.content_length)
    if length is not None and length > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    while len(body) <= max_bytes and (data := stream.read(_CHUNK_BYTES)):
        body += data
    if len(body) > max_bytes:
        raise _too_large(max_bytes)
    if length is not None and len(body) < length:
        raise ProtocolError(400, f"The request body ended after {len(body)} of {length} bytes.")
    return bytes(body)


def check_url(query_string: bytes, max_bytes: int) -> None:
    """Go on only with a query string of at most ``max_bytes``.

    Raises
    ------
    ProtocolError: 414.
    """
    if len(query_string) > max_bytes:
        raise ProtocolError(
            414, f"The part of the URL after ? has more than the {max_bytes} bytes allowed. Send it by POST."
        )


def read_operation(environ: dict[str, Any], settings: Settings) -> SparqlRequest:
    """Read an operation from the environment of a request (PEP 3333).

    The body is read here and not by Werkzeug (3.1), which cuts one in chunks off at MAX_CONTENT_LENGTH
    and takes the part for the whole.

    Raises
    ------
    ProtocolError: as ``check_url``, ``read_body`` and ``parse_request``.
    """
    query_string, method = environ["QUERY_STRING"].encode("latin-1"), environ["REQUEST_METHOD"]
    check_url(query_string, settings.max_url_bytes)
    content_type = environ.get("CONTENT_TYPE", "")
    body = b""
    if method == "POST":
        head = RequestHead(
            content_type,
            environ.get("CONTENT_LENGTH", ""),
            environ.get("HTTP_CONTENT_ENCODING", ""),
            chunked="chunked" in environ.get("HTTP_TRANSFER_ENCODING", ""),
        )
        body = read_body(environ["wsgi.input"], head, settings.max_query_bytes)
    return parse_request(method, query_string, content_type, body)


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
    media_type, charset = parse_content_type(content_type)
    if media_type == UPDATE:
        raise ProtocolError(403, UPDATE_REFUSED)
    if media_type not in (QUERY, FORM):
        raise ProtocolError(415, f"A query is posted as {FORM} or {QUERY}, not as {media_type or 'nothing'}.")
    if charset.lower() not in _CHARSETS:
        raise ProtocolError(415, f"A query is posted in UTF-8, not in {charset}.")
    if media_type == QUERY:
        pairs.append(("query", _decode(body)))
    else:
        pairs += _parse_pairs(body)
    return _to_request(pairs, _require(_find_one(pairs, "query"), pairs))


def choose_formats(format_names: tuple[str, ...], accept: str | None) -> tuple[Format, ...]:
    """Return all formats that an answer may have, the best first; named ones beat the ``Accept`` header.

    A name may be a short name, a media type or a list of these. Names that mean nothing here are passed
    over as long as one does mean something.

    Raises
    ------
    ProtocolError: 406, none of the names means a format that there is.

    >>> [fmt.name for fmt in choose_formats(("json",), "text/csv")]
    ['json', 'jsonld']
    """
    if not format_names:
        return negotiate(accept, OFFERS)
    found = tuple(dict.fromkeys(fmt for name in _split_names(format_names) for fmt in _find_formats(name)))
    if not found:
        offers = ", ".join(fmt.name for fmt in OFFERS)
        raise ProtocolError(406, f"There is no format {', '.join(format_names)!r}; there are {offers}.")
    return found


def to_query(
    asked: SparqlRequest,
    formats: tuple[Format, ...],
    endpoint: str,
    settings: Settings,
    *,
    client: str = "",
    cancellation: Cancellation | None = None,
) -> Query:
    """Return what a store is asked, by whom.

    ``timeout`` may shorten the deadline and never lengthen it. The IRI of the endpoint is the base of
    relative IRIs, as it is where a document is retrieved (RFC 3986, section 5.1.3).

    >>> asked = SparqlRequest("ASK {}", timeout_s=60)
    >>> to_query(asked, OFFERS, "http://h/sparql", Settings()).limits.deadline_s
    10.0
    """
    max_deadline_s = settings.query_timeout_s
    kinds = _sort_formats(formats)
    return Query(
        asked.text or "",
        asked.dataset,
        kinds.of_results,
        kinds.of_graphs,
        Limits(
            deadline_s=min(asked.timeout_s or max_deadline_s, max_deadline_s),
            max_result_bytes=settings.max_result_bytes,
            max_result_rows=settings.max_result_rows,
        ),
        endpoint,
        client,
        cancellation or Cancellation(),
    )


def find_cache_key(method: str, asked: SparqlRequest, formats: tuple[Format, ...]) -> tuple[str, ...]:
    """Return what tells an answer from all others of a release; nothing where it may change within one.

    >>> find_cache_key("GET", SparqlRequest("SELECT (NOW() AS ?n) {}"), OFFERS)
    ()
    """
    if method == "POST" or may_change(asked.text or ""):
        return ()
    return (
        asked.text or "",
        _sort_formats(formats).names,
        *asked.dataset.default_graphs,
        "",
        *asked.dataset.named_graphs,
    )


class _Kinds(NamedTuple):
    """Formats by what they are for, and the names of all."""

    of_results: tuple[Format, ...]
    of_graphs: tuple[Format, ...]
    names: str


@lru_cache(256)  # clients accept the same again and again
def _sort_formats(formats: tuple[Format, ...]) -> _Kinds:
    return _Kinds(
        tuple(fmt for fmt in formats if fmt in RESULT_FORMATS),
        tuple(fmt for fmt in formats if fmt in GRAPH_FORMATS),
        ",".join(fmt.name for fmt in formats),
    )


def parse_content_type(value: str) -> tuple[str, str]:
    """Return media type and charset of a ``Content-Type`` (RFC 9110, section 8.3).

    >>> parse_content_type('application/sparql-query; charset="UTF-8"')
    ('application/sparql-query', 'UTF-8')
    """
    message = Message()
    message["Content-Type"] = value.replace("\r", "").replace("\n", "")
    return (message.get_content_type() if value else ""), str(message.get_param("charset", "utf-8"))


def _to_request(pairs: list[tuple[str, str]], text: str | None) -> SparqlRequest:
    if any(name == "update" for name, _ in pairs):
        raise ProtocolError(403, UPDATE_REFUSED)
    dataset = Dataset(
        tuple(value for name, value in pairs if name == "default-graph-uri" and value),
        tuple(value for name, value in pairs if name == "named-graph-uri" and value),
    )
    names = dict.fromkeys(value for name, value in pairs if name in _FORMAT_PARAMETERS and value)
    return SparqlRequest(text, dataset, tuple(names), _parse_timeout(_find_one(pairs, "timeout")))


def _require(text: str | None, pairs: list[tuple[str, str]]) -> str | None:
    if text is None and not any(name == "update" for name, _ in pairs):
        raise ProtocolError(400, "The request has no parameter query.")
    return text


def _find_one(pairs: list[tuple[str, str]], wanted: str) -> str | None:
    values = [value for name, value in pairs if name == wanted]
    if len(values) > 1:
        raise ProtocolError(400, f"The request has {len(values)} values for {wanted}; it takes one.")
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


def _parse_length(value: str) -> int | None:
    if not value:
        return None
    if not (value.isascii() and value.isdigit()):
        raise ProtocolError(400, "The Content-Length of the request is not a number.")
    return int(value)


def _too_large(max_bytes: int) -> ProtocolError:
    return ProtocolError(413, f"The request body has more than the {max_bytes} bytes allowed.")


def _parse_pairs(encoded: bytes) -> list[tuple[str, str]]:
    """Read parameters; characters that a client should have percent-encoded are taken as UTF-8 too."""
    try:
        parts = encoded.decode("utf-8").replace("+", " ").split("&")
        named = (part.partition("=") for part in parts if part)
        return [(_unquote(name), _unquote(value)) for name, _, value in named]
    except ValueError:
        raise ProtocolError(400, "The parameters are not percent-encoded UTF-8.") from None


def _unquote(text: str) -> str:
    r"""Decode percent-encoding as ``urllib.parse.unquote`` does, and twenty times faster for most queries.

    ``%41`` means to a URL what ``\x41`` means to Python, whose decoder of that is not written in Python. What
    is not ASCII, or has a percent sign without two digits, is decoded in the usual way.
    """
    if "%" not in text:
        return text
    try:
        escaped = text.encode("ascii").replace(b"\\", b"\\\\").replace(b"%", b"\\x")
        octets = escaped.decode("unicode_escape").encode("latin-1")
    except ValueError:
        return unquote(text, errors="strict")
    return octets.decode("utf-8")


def _decode(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ProtocolError(400, "The query is not UTF-8.") from None


def _split_names(names: tuple[str, ...]) -> list[str]:
    """Return single names: without the weights of a list, and with the plus that a form made a space."""
    parts = (part.partition(";")[0].strip() for name in names for part in name.split(","))
    return [part.replace(" ", "+") for part in parts if part]


def _find_formats(name: str) -> list[Format]:
    """Return what a name means for a table and for a graph: ``xml`` is a results format and RDF/XML."""
    groups = (RESULT_FORMATS, GRAPH_FORMATS, (HTML,))
    return [fmt for group in groups if (fmt := find_format(name, group)) is not None]

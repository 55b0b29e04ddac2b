"""What runs in a worker process: it parses and runs SPARQL.

It answers one request after the other from standard input (``kg.store.embedded.frames``). It may die at any
moment, by a limit, a signal or the engine's own hand: the pool that had it started
(``kg.store.embedded.nursery``) expects that.
"""

from __future__ import annotations

import json
import os
import re
import resource
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import pyoxigraph as ox

from kg.formats import (
    GRAPH_FORMATS,
    JSON,
    RESULT_FORMATS,
    Format,
    find_format,
    to_rdf_format,
    to_results_format,
)
from kg.store.base import SERVICE_REFUSED, UPDATE_REFUSED, Query
from kg.store.embedded import frames
from kg.store.embedded.descriptions import describe, take_apart
from kg.store.planning.rewriting import rewrite
from kg.store.planning.statistics import Statistics, read_statistics
from kg.store.rows import RowCounter
from kg.store.tokens import Outline, read_outline

_MAX_EXPECTED = 160
"""Characters of the engine's list of what it expected, beyond which the list helps nobody."""
_WARM_UP = Query("SELECT * { ?s ?p ?o } LIMIT 1", result_formats=(JSON,))


class _Failure(Exception):
    """A request that ends in an ERROR frame; ``kind`` names the class in ``kg.errors``."""

    def __init__(self, kind: str, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.content = {"kind": kind, "message": message, "line": line, "column": column}


class _FrameWriter:
    """A file for pyoxigraph to serialise into, which passes the bytes on in frames.

    The engine's first 8 KiB go out at once, with the head, so that the first byte comes early; what
    follows is gathered into frames of ``CHUNK_BYTES``. A result that fits into the first write leaves
    in one piece with its end, so the reader has all of it after one read.
    """

    def __init__(
        self, output: BinaryIO, head: bytes, max_bytes: int, max_rows: int, counter: RowCounter | None
    ) -> None:
        self._output = output
        self._pending = bytearray()
        self._head = head
        self._max_bytes = max_bytes
        self._max_rows = max_rows
        self._counter = counter
        self._total = 0

    @property
    def rows(self) -> int | None:
        """Rows so far; None for what is no table."""
        return self._counter.rows if self._counter is not None else None

    def write(self, data: bytes) -> int:
        self._total += len(data)
        if self._total > self._max_bytes:
            raise _Failure("QueryTooLarge", f"The result has more than the {self._max_bytes} bytes allowed.")
        self._pending += data
        if len(self._pending) >= frames.CHUNK_BYTES or (self._head and len(self._pending) >= 8192):
            self._send(b"")
        return len(data)

    def flush(self) -> None:
        """Nothing to do: pyoxigraph flushes at the end, and the end comes with the last bytes."""

    def finish(self, *, retire: bool) -> None:
        """Send what is left, and the end; a row too many is found before, so that nothing looks whole."""
        data = self._to_frame()
        self._output.write(self._head + data + frames.to_end(frames.End(self.rows, retire)))
        self._output.flush()

    def _send(self, end: bytes) -> None:
        self._output.write(self._head + self._to_frame() + end)
        self._output.flush()
        self._head = b""

    def _to_frame(self) -> bytes:
        data = bytes(self._pending)
        self._pending.clear()
        if self._counter is not None:
            self._counter.feed(data)
            if self._counter.rows > self._max_rows:
                raise _Failure(
                    "QueryTooLarge", f"The result has more than the {self._max_rows} rows allowed."
                )
        return frames.to_frame(frames.DATA, data) if data else b""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a worker is started with.

    ``store_path`` is the folder of the store, ``max_bytes`` the memory beyond the open store, and what IRIs
    in SERVICE may begin with are ``service_prefixes``.
    """

    store_path: str
    max_bytes: int
    service_prefixes: tuple[str, ...] = ()


def main(arguments: Arguments) -> None:
    """Serve requests until standard input ends."""
    store_path, max_bytes = arguments.store_path, arguments.max_bytes
    requests = os.fdopen(0, "rb", closefd=False)
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not break the protocol
    try:
        store = ox.Store.read_only(store_path)
    except (OSError, ValueError) as error:
        _send_error(output, _Failure("StoreUnavailable", f"{store_path}: cannot be opened: {error}"))
        return
    statistics = read_statistics(Path(store_path))
    _warm_up(store, statistics)
    _limit_memory(max_bytes)
    retire_at = _read_memory()[1] + max_bytes // 4
    output.write(frames.to_frame(frames.READY))
    output.flush()
    while (request := _read_request(requests)) is not None:
        try:
            writer = _answer(store, statistics, request, output, arguments.service_prefixes)
            writer.finish(retire=_has_grown(retire_at))
        except _Failure as failure:
            _send_error(output, failure)


def _warm_up(store: ox.Store, statistics: Statistics) -> None:
    """Answer a query to nobody, so that the first that counts pays for no page that is touched anew.

    On a machine under load that cost more than a quick query may take, which then passed for a slow one.
    """
    request = _read_request(BytesIO(frames.to_request(_WARM_UP)))
    assert request is not None
    with suppress(_Failure):  # what is wrong with a store, the query that meets it tells
        _answer(store, statistics, request, BytesIO(), ()).finish(retire=False)


def _answer(
    store: ox.Store,
    statistics: Statistics,
    request: dict[str, Any],
    output: BinaryIO,
    service_prefixes: tuple[str, ...],
) -> _FrameWriter:
    try:
        outline = read_outline(request["text"])
        _refuse(outline, service_prefixes)
        return _run(store, statistics, request, outline, output)
    except _Failure:
        raise
    except SyntaxError as error:
        raise _to_syntax_failure(str(error)) from None
    except UnicodeEncodeError as error:
        raise _Failure("QuerySyntaxError", f"The query is not text: {error.reason}.") from None
    except MemoryError:
        raise _Failure("QueryTooLarge", "The query needs more memory than allowed.") from None
    except RuntimeError as error:
        # What the engine finds out while it runs: an unknown function, above all.
        raise _Failure("QuerySyntaxError", str(error)) from None
    except (OSError, ValueError) as error:
        raise _Failure("StoreUnavailable", f"The engine failed: {error}.") from None


def _refuse(outline: Outline, service_prefixes: tuple[str, ...]) -> None:
    if outline.form == "UPDATE":
        raise _Failure("QueryRefused", UPDATE_REFUSED)
    for iri in outline.services:
        if not service_prefixes:
            raise _Failure("QueryRefused", SERVICE_REFUSED)
        if not iri.startswith(service_prefixes):
            known = ", ".join(service_prefixes)
            raise _Failure("QueryRefused", f"SERVICE may name, as a whole IRI, what begins with {known}.")


def _run(
    store: ox.Store, statistics: Statistics, request: dict[str, Any], outline: Outline, output: BinaryIO
) -> _FrameWriter:
    if outline.form:
        _choose_format(request, graph=outline.form in ("CONSTRUCT", "DESCRIBE"))
    options = {"base_iri": request["base_iri"] or None, **_to_dataset(request, outline.has_from)}
    parts = take_apart(request["text"]) if outline.form == "DESCRIBE" else None
    result = describe(store, parts, options) if parts else _ask(store, statistics, request["text"], options)
    fmt = _choose_format(request, graph=not isinstance(result, ox.QuerySolutions | ox.QueryBoolean))
    counter = RowCounter(fmt) if isinstance(result, ox.QuerySolutions) else None
    limits = request["max_result_bytes"], request["max_result_rows"]
    writer = _FrameWriter(output, frames.to_head(fmt), *limits, counter)
    file = cast(IO[bytes], writer)  # write and flush are all that pyoxigraph calls
    if isinstance(result, ox.QueryTriples):
        result.serialize(output=file, format=to_rdf_format(fmt))
    elif isinstance(result, ox.QuerySolutions | ox.QueryBoolean):
        result.serialize(output=file, format=to_results_format(fmt))
    else:
        ox.serialize(result, output=file, format=to_rdf_format(fmt))
    return writer


def _ask(store: ox.Store, statistics: Statistics, text: str, options: dict[str, Any]) -> Any:
    """Ask a query as it is quickest; a text that does not parse is told of as it came."""
    if options.get("use_default_graph_as_union"):
        try:
            return store.query(rewrite(text, statistics), **options)
        except SyntaxError:
            pass
    return store.query(text, **options)


def _to_dataset(request: dict[str, Any], has_from: bool) -> dict[str, Any]:
    """Return the engine's arguments for the dataset (SPARQL 1.1 Protocol, section 2.1.4).

    The union flag must not be set beside FROM: the engine lets it win over the clauses. Both lists must
    be given together: the engine takes a missing one from the query or the store.
    """
    default, named = request["default_graphs"], request["named_graphs"]
    if default or named:
        return {"default_graph": _to_nodes(default), "named_graphs": _to_nodes(named)}
    return {"use_default_graph_as_union": not has_from}


def _to_nodes(iris: list[str]) -> list[ox.NamedNode]:
    try:
        return [ox.NamedNode(iri) for iri in iris]
    except ValueError as error:
        raise _Failure("QuerySyntaxError", f"The name of a graph is not an absolute IRI: {error}.") from None


def _choose_format(request: dict[str, Any], *, graph: bool) -> Format:
    names = request["graph_formats" if graph else "result_formats"]
    known = GRAPH_FORMATS if graph else RESULT_FORMATS
    for name in names:
        fmt = find_format(name, known)
        if fmt is not None:
            return fmt
    kind = "an RDF graph" if graph else "a table or a truth value"
    offers = ", ".join(fmt.media_type for fmt in known)
    raise _Failure("NotAcceptable", f"The answer is {kind}, which can be had as {offers}.")


def _to_syntax_failure(message: str) -> _Failure:
    """Take line and column out of the engine's message.

    >>> _to_syntax_failure("error at 2:9: expected one of LATERAL, [_]").content["line"]
    2
    """
    match = re.match(r"error at (\d+):(\d+): (.*)", message, re.DOTALL)
    if match is None:
        return _Failure("QuerySyntaxError", message)
    text = re.sub(r"\s+", " ", match[3])
    if len(text) > _MAX_EXPECTED:
        text = "unexpected text, or the end of the query"
    return _Failure("QuerySyntaxError", f"The query does not parse: {text}.", int(match[1]), int(match[2]))


def _read_request(stream: BinaryIO) -> dict[str, Any] | None:
    header = stream.read(frames.HEADER_BYTES)
    if len(header) < frames.HEADER_BYTES:
        return None
    _, length = frames.parse_header(header)
    payload = stream.read(length)
    if len(payload) < length:
        return None
    request: dict[str, Any] = json.loads(payload)
    return request


def _send_error(output: BinaryIO, failure: _Failure) -> None:
    output.write(frames.to_json_frame(frames.ERROR, failure.content))
    output.flush()


def _limit_memory(max_bytes: int) -> None:
    """Bound the address space to what the open store takes already and ``max_bytes`` beyond it.

    An open store reserves about 430 MB of addresses before the first query, whatever its size.
    """
    limit = _read_memory()[0] + max_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _has_grown(bound: int) -> bool:
    """Return whether this process holds more bytes of memory; the peak, which is cheap to ask, first."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return peak > bound and _read_memory()[1] > bound


def _read_memory() -> tuple[int, int]:
    """Return address space and resident memory of this process in bytes; zeros where there is no /proc."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()
    except OSError:
        return 0, 0
    size = resource.getpagesize()
    return int(pages[0]) * size, int(pages[1]) * size

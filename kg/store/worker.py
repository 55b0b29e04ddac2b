"""The process that parses and runs SPARQL: ``python -m kg.store.worker <store> <max bytes> <parent pid>``.

It answers one request after the other from standard input (``kg.store.frames``). It may die at any
moment, by a limit, a signal or the engine's own hand: the store that started it expects that.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import resource
import signal
import sys
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import pyoxigraph as ox

from kg.formats import GRAPH_FORMATS, RESULT_FORMATS, Format, find_format, to_rdf_format, to_results_format
from kg.store import frames
from kg.store.base import UPDATE_REFUSED
from kg.store.tokens import read_outline

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000

_MAX_EXPECTED = 160
"""Characters of the engine's list of what it expected, beyond which the list helps nobody."""

SERVICE_REFUSED = "SERVICE is not accepted: queries see the data of this service only."


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

    def __init__(self, output: BinaryIO, head: bytes, max_bytes: int) -> None:
        self._output = output
        self._pending = bytearray()
        self._head = head
        self._max_bytes = max_bytes
        self._total = 0

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

    def finish(self, end: bytes) -> None:
        self._send(end)

    def _send(self, end: bytes) -> None:
        data = frames.to_frame(frames.DATA, bytes(self._pending)) if self._pending else b""
        self._output.write(self._head + data + end)
        self._output.flush()
        self._head = b""
        self._pending.clear()


def main(store_path: str, max_bytes: int, parent: int) -> None:
    """Serve requests until standard input ends."""
    _die_with_parent(parent)
    _leave_network()
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not break the protocol
    try:
        store = ox.Store.read_only(store_path)
    except (OSError, ValueError) as error:
        _send_error(output, _Failure("StoreUnavailable", f"{store_path}: cannot be opened: {error}"))
        return
    _limit_memory(max_bytes)
    retire_at = _read_memory()[1] + max_bytes // 4
    output.write(frames.to_frame(frames.READY))
    output.flush()
    while (request := _read_request(sys.stdin.buffer)) is not None:
        try:
            writer = _answer(store, request, output)
            grown = _read_memory()[1] > retire_at
            writer.finish(frames.to_frame(frames.END, frames.RETIRE if grown else b""))
        except _Failure as failure:
            _send_error(output, failure)


def _answer(store: ox.Store, request: dict[str, Any], output: BinaryIO) -> _FrameWriter:
    try:
        return _run(store, request, output)
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


def _run(store: ox.Store, request: dict[str, Any], output: BinaryIO) -> _FrameWriter:
    outline = read_outline(request["text"])
    if outline.form == "UPDATE":
        raise _Failure("QueryRefused", UPDATE_REFUSED)
    if outline.has_service:
        raise _Failure("QueryRefused", SERVICE_REFUSED)
    if outline.form:
        _choose_format(request, graph=outline.form in ("CONSTRUCT", "DESCRIBE"))
    options = {"base_iri": request["base_iri"] or None, **_to_dataset(request, outline.has_from)}
    result = store.query(request["text"], **options)
    fmt = _choose_format(request, graph=isinstance(result, ox.QueryTriples))
    head = frames.to_json_frame(frames.HEAD, {"format": fmt.name})
    writer = _FrameWriter(output, head, request["max_result_bytes"])
    file = cast(IO[bytes], writer)  # write and flush are all that pyoxigraph calls
    if isinstance(result, ox.QueryTriples):
        result.serialize(output=file, format=to_rdf_format(fmt))
    else:
        result.serialize(output=file, format=to_results_format(fmt))
    return writer


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


def _die_with_parent(parent: int) -> None:
    """Ask the kernel to end this process when its parent ends; a busy engine never sees the end of input."""
    try:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        return  # not Linux: the end of input must do
    if os.getppid() != parent:
        os._exit(0)


def _leave_network() -> None:
    """Go where there is no network, if the system lets us: a second wall behind the refusal of SERVICE."""
    try:
        ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    except (OSError, AttributeError):
        return


def _limit_memory(max_bytes: int) -> None:
    """Bound the address space to what the open store takes already and ``max_bytes`` beyond it.

    An open store reserves about 430 MB of addresses before the first query, whatever its size.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limit = _read_memory()[0] + max_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _read_memory() -> tuple[int, int]:
    """Return address space and resident memory of this process in bytes; zeros where there is no /proc."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()
    except OSError:
        return 0, 0
    size = resource.getpagesize()
    return int(pages[0]) * size, int(pages[1]) * size


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(0)

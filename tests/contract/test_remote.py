"""What only the remote store promises: the known failures of engines, replayed by a real local server."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from kg import errors
from kg.formats import CSV, JSON, N_TRIPLES, TSV, XML
from kg.store.base import Limits, Query
from kg.store.remote.connection import Credentials
from kg.store.remote.endpoints import MAX_FAILURES
from kg.store.remote.profiles import EngineProfile, find_profile
from kg.store.remote.store import RemoteStore
from kg.store.remote.target import Target

RESULTS = "application/sparql-results+json"
MARKER = "https://kg.example/release"
NAMES = "SELECT ?s WHERE { ?s <urn:name> ?n }"
GRAPH = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"


def table(*values: str, kind: str = "literal") -> bytes:
    rows = [{"s": {"type": kind, "value": value}} for value in values]
    return json.dumps({"head": {"vars": ["s"]}, "results": {"bindings": rows}}).encode()


class Stub(ThreadingHTTPServer):
    """Answers what it is told to; ``asked`` holds the form parameters of all queries but our own ASK."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Callable[[_Handler, dict[str, list[str]]], None] = lambda handler, form: handler.reply(
            table("x")
        )
        self.held = ["r1"]
        self.asked: list[dict[str, list[str]]] = []
        self.healthy = True
        self.surveys = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/query"


class _Handler(BaseHTTPRequestHandler):
    server: Stub
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        assert self.headers["Content-Type"] == "application/x-www-form-urlencoded", "form POST everywhere"
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = parse_qs(body, keep_blank_values=True)
        text = form["query"][0]
        if text == "ASK {}" or MARKER in text:
            self.server.surveys += 1
            if not self.server.healthy:
                self.close_connection = True
            elif MARKER in text:
                rows = [{"id": {"type": "literal", "value": held}} for held in self.server.held]
                self.reply(json.dumps({"head": {"vars": ["id"]}, "results": {"bindings": rows}}).encode())
            else:
                self.reply(b'{"head":{},"boolean":true}')
            return
        self.server.asked.append(form)
        self.server.answer(self, form)

    def reply(self, body: bytes, content_type: str = RESULTS, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", headers.pop("length", str(len(body))))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def stub() -> Iterator[Stub]:
    yield from run_stub()


@pytest.fixture
def other() -> Iterator[Stub]:
    yield from run_stub()


def run_stub() -> Iterator[Stub]:
    server = Stub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def open_store(stub: Stub) -> Iterator[Callable[..., RemoteStore]]:
    opened = []

    def make(*urls: str, profile: EngineProfile = find_profile("fuseki"), **more: Any) -> RemoteStore:  # noqa: B008
        target = Target(urls or (stub.url,), profile, **{"graphs": ("urn:g1", "urn:g2"), **more})
        opened.append(RemoteStore(target, workers=2, queue_s=0.2))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., RemoteStore]) -> RemoteStore:
    return open_store()


def read(store: RemoteStore, text: str = NAMES, **more: Any) -> bytes:
    answer = store.query(Query(text, **more))
    try:
        return b"".join(answer)
    finally:
        answer.close()


# --- what comes back ------------------------------------------------------------------------------------


def test_typed_literal_becomes_standard(stub: Stub, store: RemoteStore) -> None:
    row = {
        "s": {"type": "typed-literal", "value": "1", "datatype": "http://www.w3.org/2001/XMLSchema#integer"}
    }
    body = json.dumps(
        {"head": {"link": [], "vars": ["s"]}, "results": {"distinct": False, "bindings": [row]}}
    )
    stub.answer = lambda handler, form: handler.reply(body.encode())
    assert json.loads(read(store))["results"]["bindings"] == [{"s": row["s"] | {"type": "literal"}}]
    assert read(store, result_formats=(TSV,)) == b"?s\n1\n"


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("0", False), (None, False)])
def test_a_truth_value_as_a_row(stub: Stub, store: RemoteStore, value: str | None, expected: bool) -> None:
    rows = [] if value is None else [{"__ASK_RETVAL": {"type": "typed-literal", "value": value}}]
    body = json.dumps({"head": {"vars": ["__ASK_RETVAL"]}, "results": {"bindings": rows}}).encode()
    stub.answer = lambda handler, form: handler.reply(body)
    assert json.loads(read(store, "ASK { ?s ?p ?o }")) == {"head": {}, "boolean": expected}
    assert b"<boolean>" in read(store, "ASK { ?s ?p ?o }", result_formats=(XML,))


def test_a_table_is_no_truth_value(stub: Stub, store: RemoteStore) -> None:
    with pytest.raises(errors.StoreUnavailable):
        read(store, "ASK { ?s ?p ?o }")


WHOLE = table(*map(str, range(50)))
CUT = {
    "in a row": WHOLE[:700],
    "between rows": WHOLE[: WHOLE.index(b"}}, ", 500) + 2],
    "with an error text": WHOLE[:700] + b"\n##  Query cancelled due to timeout during execution   ##\n",
    "error text behind the end": WHOLE + b"\nVirtuoso S1T00 Error SR171: Transaction timed out",
    "nothing": b"",
    "error text alone": b"Virtuoso 42000 Error The estimated execution time 999 (sec) exceeds the limit",
}


@pytest.mark.parametrize("cut", CUT)
@pytest.mark.parametrize("fmt", [JSON, CSV], ids=lambda fmt: fmt.name)
def test_a_table_that_is_cut_is_no_answer(stub: Stub, store: RemoteStore, cut: str, fmt: Any) -> None:
    stub.answer = lambda handler, form: handler.reply(CUT[cut])
    with pytest.raises(errors.StoreUnavailable):
        store.query(Query(NAMES, result_formats=(fmt,)))


def test_a_graph_that_ends_in_an_error_text_is_no_answer(stub: Stub, store: RemoteStore) -> None:
    triple = b"<urn:a> <urn:b> <urn:c> .\n"
    for ending in (b"error: timed out\n", b"##  Query cancelled due to timeout   ##\n", b"<urn:a> <urn"):
        stub.answer = lambda handler, form, ending=ending: handler.reply(  # type: ignore[misc]
            triple * 100 + ending, "application/n-triples"
        )
        with pytest.raises(errors.StoreUnavailable):
            read(store, GRAPH, graph_formats=(N_TRIPLES,))
    stub.answer = lambda handler, form: handler.reply(triple, "application/n-triples")
    assert read(store, GRAPH, graph_formats=(N_TRIPLES,)) == triple


def test_a_long_answer_that_is_cut_ends_with_an_error(stub: Stub, store: RemoteStore) -> None:
    long = table(*map(str, range(50_000)))
    stub.answer = lambda handler, form: handler.reply(long[:-500] + b" error")
    answer = store.query(Query(NAMES, result_formats=(CSV,)))
    with pytest.raises(errors.StoreUnavailable):
        for _ in answer:
            pass


def test_a_connection_that_breaks_is_no_end(stub: Stub, store: RemoteStore) -> None:
    def reply(handler: _Handler, form: dict[str, list[str]]) -> None:
        handler.reply(b"<urn:a> <urn:b> <urn:c> .\n", "application/n-triples", length="1000")
        handler.close_connection = True

    stub.answer = reply
    with pytest.raises(errors.StoreUnavailable):
        read(store, GRAPH)


def test_partial_results_under_a_header(stub: Stub, store: RemoteStore) -> None:
    stub.answer = lambda handler, form: handler.reply(table("x"), X_SQL_State="S1TAT")
    with pytest.raises(errors.StoreUnavailable, match="time limit"):
        read(store)


def test_a_header_for_each_of_many_graphs(stub: Stub, store: RemoteStore) -> None:
    """Virtuoso names each graph of the dataset in a header of its own; Python's client takes a hundred."""
    graphs = {f"X_Graph_{number}": "https://kg.example/article/1" for number in range(3000)}
    stub.answer = lambda handler, form: handler.reply(table("x"), **graphs)
    assert read(store)


def test_a_page_is_no_answer(stub: Stub, store: RemoteStore) -> None:
    stub.answer = lambda handler, form: handler.reply(b"<html>Welcome</html>", "text/html")
    with pytest.raises(errors.StoreUnavailable, match="text/html"):
        read(store)


# --- row caps -------------------------------------------------------------------------------------------


def capped(handler: _Handler, form: dict[str, list[str]]) -> None:
    """An engine that gives 100 rows at most, and says so nowhere."""
    text = form["query"][0]
    if "VALUES" in text:  # the probe
        names = [{"a": {"type": "literal", "value": str(n)}} for n in range(100)]
        handler.reply(json.dumps({"head": {"vars": ["a"]}, "results": {"bindings": names}}).encode())
    elif "CONSTRUCT" in text:
        beyond = "OFFSET" in text and "<urn:large>" not in text
        handler.reply(b"" if beyond else b"<urn:a> <urn:b> <urn:c> .\n", "application/n-triples")
    else:
        count = 100 if "<urn:large>" in text else 99
        handler.reply(table(*map(str, range(count))))


def test_a_cut_table_is_told(stub: Stub, open_store: Callable[..., RemoteStore]) -> None:
    stub.answer = capped
    store = open_store(profile=find_profile("generic"))
    assert read(store, NAMES, result_formats=(CSV,)).count(b"\r\n") == 100
    with pytest.raises(errors.QueryTooLarge, match="at most 100 rows"):
        read(store, "SELECT * { ?s <urn:large> ?o }")
    assert read(store, "SELECT * { ?s <urn:large> ?o } LIMIT 100"), "asked for no more than it gives"


def test_a_cut_graph_is_told(stub: Stub, open_store: Callable[..., RemoteStore]) -> None:
    stub.answer = capped
    store = open_store(profile=find_profile("generic"))
    assert read(store, GRAPH)
    with pytest.raises(errors.QueryTooLarge, match="at most 100 rows"):
        read(store, "CONSTRUCT WHERE { ?s <urn:large> ?o }")
    assert read(store, "CONSTRUCT WHERE { ?s <urn:large> ?o } LIMIT 50")


# --- what is asked --------------------------------------------------------------------------------------


def test_graphs_are_named(stub: Stub, store: RemoteStore) -> None:
    read(store)
    assert stub.asked[-1]["default-graph-uri"] == ["urn:g1", "urn:g2"]
    assert stub.asked[-1]["named-graph-uri"] == ["urn:g1", "urn:g2"]
    read(store, "PREFIX g: <urn:> SELECT * FROM g:g1 FROM NAMED <urn:g2> { ?s ?p ?o }")
    assert stub.asked[-1]["default-graph-uri"] == ["urn:g1"]
    assert stub.asked[-1]["named-graph-uri"] == ["urn:g2"]
    assert "FROM" not in stub.asked[-1]["query"][0]


def test_credentials(stub: Stub, open_store: Callable[..., RemoteStore]) -> None:
    seen: list[str | None] = []

    def reply(handler: _Handler, form: dict[str, list[str]]) -> None:
        seen.append(handler.headers["Authorization"])
        handler.reply(table("x"))

    stub.answer = reply
    read(open_store(credentials=Credentials("basic", "user", "secret")))
    read(open_store(credentials=Credentials("bearer", token="t0ken")))
    assert seen == ["Basic dXNlcjpzZWNyZXQ=", "Bearer t0ken"]
    assert "secret" not in repr(Credentials("basic", "user", "secret"))


@pytest.mark.parametrize(
    "text",
    [
        "# \\u000ASERVICE\nSELECT * { ?s ?p ?o }",
        "SELECT * { ?s ?p '\\u0027 SERVICE <http://127.0.0.1/> { ?s ?p ?o }' }",
        "SELECT (<bif:http_get>('http://127.0.0.1/') AS ?x) {}",
        "PREFIX f: <bif:> SELECT (f:http_get('http://127.0.0.1/') AS ?x) {}",
        "SELECT (bif:http_get('http://127.0.0.1/') AS ?x) {}",
        "SELECT (<\\u0062if:http_get>('http://127.0.0.1/') AS ?x) {}",
    ],
)
def test_what_reaches_out_is_refused(stub: Stub, open_store: Callable[..., RemoteStore], text: str) -> None:
    with pytest.raises(errors.QueryRefused):
        read(open_store(profile=find_profile("virtuoso")), text)
    assert stub.asked == []


@pytest.mark.parametrize("text", ["DEFINE get:soft 'soft' SELECT * {}", "SELECT * FROM <x> {}", "{}"])
def test_what_is_no_query_is_not_sent(stub: Stub, store: RemoteStore, text: str) -> None:
    with pytest.raises(errors.QuerySyntaxError):
        read(store, text)
    assert stub.asked == []


@pytest.mark.parametrize(
    "part", ["{" * 300 + "}" * 300, "FILTER(1" + "+1" * 3000 + ")", "?s ?p ?o . " * 20_000]
)
def test_what_would_exhaust_a_stack_is_not_sent(stub: Stub, store: RemoteStore, part: str) -> None:
    with pytest.raises(errors.QueryTooLarge):
        read(store, f"SELECT * {{ {part} }}")
    assert stub.asked == []


# --- failures -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (400, "Parse error: Encountered at line 2, column 8.", errors.QuerySyntaxError),
        (500, "java.lang.NullPointerException", errors.StoreUnavailable),
        (503, "Query timed out", errors.QueryTimeout),
        (503, "overloaded", errors.StoreUnavailable),
        (401, "who?", errors.StoreUnavailable),
        (404, "no such dataset", errors.StoreUnavailable),
        (413, "too large", errors.QueryTooLarge),
        (302, "", errors.StoreUnavailable),
    ],
)
def test_statuses(stub: Stub, store: RemoteStore, status: int, said: str, expected: Any) -> None:
    stub.answer = lambda handler, form: handler.reply(said.encode(), "text/plain", status, Location="/x")
    with pytest.raises(errors.StoreError) as caught:
        read(store)
    assert type(caught.value) is expected
    assert len(stub.asked) <= 3


def test_only_what_may_pass_is_tried_again(stub: Stub, store: RemoteStore) -> None:
    def once(handler: _Handler, form: dict[str, list[str]]) -> None:
        handler.reply(b"wait", "text/plain", 503) if len(stub.asked) == 1 else handler.reply(table("x"))

    stub.answer = once
    assert b'"x"' in read(store)
    assert len(stub.asked) == 2
    stub.answer = lambda handler, form: handler.reply(b"no", "text/plain", 400)
    with pytest.raises(errors.QuerySyntaxError):
        read(store)
    assert len(stub.asked) == 3


def test_a_drop_at_a_time_does_not_outlast_the_deadline(stub: Stub, store: RemoteStore) -> None:
    def drip(handler: _Handler, form: dict[str, list[str]]) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", RESULTS)
        handler.end_headers()
        try:
            for byte in WHOLE:
                handler.wfile.write(bytes([byte]))
                time.sleep(0.05)
        except OSError:
            return
        finally:
            handler.close_connection = True

    stub.answer = drip
    started = time.monotonic()
    with pytest.raises(errors.QueryTimeout):
        read(store, limits=Limits(deadline_s=0.5))
    assert time.monotonic() - started < 3


def test_a_dead_engine_costs_nobody_time_and_comes_back(stub: Stub, store: RemoteStore) -> None:
    assert read(store)
    stub.healthy = False
    stub.answer = lambda handler, form: setattr(handler, "close_connection", True)
    for _ in range(MAX_FAILURES):
        with pytest.raises(errors.StoreUnavailable):
            read(store)
    before = len(stub.asked) + stub.surveys
    for _ in range(20):
        with pytest.raises(errors.StoreUnavailable):
            read(store)
    assert len(stub.asked) + stub.surveys - before <= 3, "the others were refused without asking"
    stub.healthy = True
    stub.answer = lambda handler, form: handler.reply(table("x"))
    until = time.monotonic() + 20
    while True:
        try:
            assert b'"x"' in read(store)
            break
        except errors.StoreUnavailable:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_a_hanging_engine_is_found_out(stub: Stub, store: RemoteStore) -> None:
    stub.answer = lambda handler, form: time.sleep(1.5)
    with pytest.raises(errors.QueryTimeout):
        read(store, limits=Limits(deadline_s=0.3))
    stub.healthy = False
    with pytest.raises(errors.StoreUnavailable):
        read(store)


def test_reads_are_balanced_and_a_dead_endpoint_is_left(
    stub: Stub, other: Stub, open_store: Callable[..., RemoteStore]
) -> None:
    store = open_store(stub.url, other.url)
    for _ in range(20):
        assert read(store)
    assert min(len(stub.asked), len(other.asked)) >= 5
    other.shutdown()
    other.server_close()
    for _ in range(20):
        assert read(store), "asked of the other one"


def test_nothing_listens(open_store: Callable[..., RemoteStore]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/query"
    with pytest.raises(errors.StoreUnavailable, match="does not answer"):
        read(open_store(url))


def test_another_release_is_not_served(stub: Stub, open_store: Callable[..., RemoteStore]) -> None:
    assert read(open_store(release_id="r1", marker=MARKER))
    stub.held = ["r2"]
    store = open_store(release_id="r1", marker=MARKER)
    with pytest.raises(errors.StoreUnavailable, match="holds release r2, not r1"):
        read(store)
    stub.held = []
    with pytest.raises(errors.StoreUnavailable, match="no release"):
        read(open_store(release_id="r1", marker=MARKER))


def test_a_marker_in_the_default_graph_tells_of_a_union(
    stub: Stub, open_store: Callable[..., RemoteStore]
) -> None:
    read(open_store(release_id="r1", marker=MARKER))
    assert "default-graph-uri" not in stub.asked[-1]

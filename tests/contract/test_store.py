"""What any store must do, whatever engine is behind it."""

from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import rdflib

from kg import errors
from kg.formats import CSV, GRAPH_FORMATS, JSON, N_TRIPLES, RESULT_FORMATS, TSV, TURTLE, XML, Format
from kg.store.base import Dataset, Limits, Query, Store

NAMES = "SELECT ?s WHERE { ?s <urn:name> ?n }"
IN_GRAPHS = "SELECT ?s WHERE { GRAPH ?g { ?s <urn:name> ?n } }"


def values(count: int) -> str:
    return "{" + " ".join(str(number) for number in range(count)) + "}"


# Slow to its first byte, so that only a deadline ends it.
ENDLESS = (
    f"SELECT (COUNT(*) AS ?n) {{ VALUES ?a {values(999)} VALUES ?b {values(999)} VALUES ?c {values(999)} }}"
)
# Quick to its first byte, and long: more than all that lies between the engine and the reader.
LARGE = f"SELECT * {{ VALUES ?a {values(100)} VALUES ?b {values(100)} VALUES ?c {values(100)} }}"


@pytest.fixture
def without_cap(request: pytest.FixtureRequest) -> None:
    if "virtuoso" in request.node.name:
        pytest.skip(
            "Virtuoso gives 10,000 rows at most; tests/contract/test_engines.py has what happens then"
        )


def read(store: Store, query: Query) -> bytes:
    answer = store.query(query)
    try:
        return b"".join(answer)
    finally:
        answer.close()


def subjects(store: Store, text: str, dataset: Dataset = Dataset()) -> set[str]:  # noqa: B008 - frozen
    content = json.loads(read(store, Query(text, dataset)))
    return {row["s"]["value"].removeprefix("urn:") for row in content["results"]["bindings"]}


def raised(store: Store, text: str, limits: Limits = Limits()) -> Exception:  # noqa: B008 - frozen
    with pytest.raises(errors.StoreError) as caught:
        read(store, Query(text, limits=limits))
    return caught.value


@pytest.mark.parametrize("fmt", RESULT_FORMATS, ids=lambda fmt: fmt.name)
def test_select_in_each_format(store: Store, fmt: Format) -> None:
    answer = store.query(Query("SELECT ?n { <urn:a> <urn:name> ?n }", result_formats=(fmt,)))
    assert answer.format == fmt
    body = b"".join(answer)
    if fmt == JSON:
        assert json.loads(body)["results"]["bindings"] == [{"n": {"type": "literal", "value": "A"}}]
    elif fmt == XML:
        assert b"<literal>A</literal>" in body
    else:
        assert body == {CSV: b"n\r\nA\r\n", TSV: b'?n\n"A"\n'}[fmt]


@pytest.mark.parametrize("fmt", RESULT_FORMATS, ids=lambda fmt: fmt.name)
def test_ask_in_each_format(store: Store, fmt: Format) -> None:
    assert b"true" in read(store, Query("ASK { ?s ?p ?o }", result_formats=(fmt,)))
    assert b"false" in read(store, Query("ASK { ?s <urn:none> ?o }", result_formats=(fmt,)))


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")  # rdflib warns of itself
@pytest.mark.parametrize("fmt", GRAPH_FORMATS, ids=lambda fmt: fmt.name)
@pytest.mark.parametrize("text", ["DESCRIBE <urn:a>", "CONSTRUCT { <urn:a> ?p ?o } { <urn:a> ?p ?o }"])
def test_graphs_in_each_format(store: Store, fmt: Format, text: str) -> None:
    answer = store.query(Query(text, graph_formats=(fmt,)))
    assert answer.format == fmt
    graph = rdflib.Graph().parse(data=b"".join(answer), format=fmt.media_type)
    assert set(graph) == {
        (rdflib.URIRef("urn:a"), rdflib.URIRef("urn:name"), rdflib.Literal("A")),
        (rdflib.URIRef("urn:a"), rdflib.URIRef("urn:knows"), rdflib.URIRef("urn:b")),
    }


def test_an_empty_graph_has_a_format_and_no_bytes(store: Store) -> None:
    answer = store.query(Query("CONSTRUCT WHERE { ?s <urn:none> ?o }", graph_formats=(N_TRIPLES,)))
    assert answer.format == N_TRIPLES
    assert b"".join(answer) == b""


def test_first_wanted_format_wins(store: Store) -> None:
    assert store.query(Query("ASK {}", result_formats=(TSV, JSON))).format == TSV
    assert store.query(Query("DESCRIBE <urn:a>", graph_formats=(N_TRIPLES, TURTLE))).format == N_TRIPLES


def test_no_wanted_format_fits_the_form(store: Store) -> None:
    with pytest.raises(errors.NotAcceptable):
        store.query(Query("ASK {}", result_formats=()))
    with pytest.raises(errors.NotAcceptable):
        store.query(Query("DESCRIBE <urn:a>", graph_formats=()))
    with pytest.raises(errors.NotAcceptable):  # and not QueryTimeout: it is settled before evaluation
        store.query(Query(ENDLESS, result_formats=(), limits=Limits(deadline_s=1.0)))


@pytest.mark.parametrize(
    ("text", "dataset", "expected"),
    [
        (NAMES, Dataset(), "abc"),
        (IN_GRAPHS, Dataset(), "abc"),
        (NAMES.replace("WHERE", "FROM <urn:g1> WHERE"), Dataset(), "a"),
        (NAMES.replace("WHERE", "FROM <urn:g1> FROM <urn:g2> WHERE"), Dataset(), "ab"),
        (NAMES.replace("WHERE", "FROM NAMED <urn:g1> WHERE"), Dataset(), ""),
        (IN_GRAPHS.replace("WHERE", "FROM <urn:g1> WHERE"), Dataset(), ""),
        (IN_GRAPHS.replace("WHERE", "FROM NAMED <urn:g1> WHERE"), Dataset(), "a"),
        (NAMES, Dataset(("urn:g1", "urn:g2")), "ab"),
        (IN_GRAPHS, Dataset(("urn:g1",)), ""),
        (NAMES, Dataset((), ("urn:g1",)), ""),
        (IN_GRAPHS, Dataset((), ("urn:g1", "urn:g3")), "ac"),
        (NAMES.replace("WHERE", "FROM <urn:g2> WHERE"), Dataset(("urn:g1",)), "a"),
        (IN_GRAPHS.replace("WHERE", "FROM NAMED <urn:g2> WHERE"), Dataset(("urn:g1",)), ""),
        (NAMES.replace("WHERE", "FROM <urn:g2> WHERE"), Dataset((), ("urn:g1",)), ""),
        (NAMES, Dataset(("urn:no-such-graph",)), ""),
    ],
)
def test_dataset(store: Store, text: str, dataset: Dataset, expected: str) -> None:
    assert subjects(store, text, dataset) == set(expected)


def test_from_behind_the_template_of_a_construct(store: Store) -> None:
    text = "CONSTRUCT { ?s <urn:name> ?n } FROM <urn:g3> { ?s <urn:name> ?n }"
    assert read(store, Query(text, graph_formats=(N_TRIPLES,))) == b'<urn:c> <urn:name> "C" .\n'


def test_syntax_error_has_a_position(store: Store) -> None:
    error = raised(store, "SELECT ?s {\n ?s ?p }")
    assert isinstance(error, errors.QuerySyntaxError)
    assert error.line == 2
    assert error.column in (8, 9, None), "some point at the token, some behind it, some at the line only"


NO_QUERIES = ["", "\0", "SELECT * { ?s ?p \ud800 }", "nonsense", "SELECT * FROM <relative> {}"]


@pytest.mark.parametrize("text", NO_QUERIES)
def test_text_that_is_no_query(store: Store, text: str) -> None:
    assert isinstance(raised(store, text), errors.QuerySyntaxError)


def test_graph_name_that_is_no_iri(store: Store) -> None:
    with pytest.raises(errors.QuerySyntaxError):
        store.query(Query(NAMES, Dataset(("not an iri",))))


@pytest.mark.parametrize(
    "text",
    [
        "INSERT DATA { <urn:x> <urn:y> <urn:z> }",
        "# SELECT\nPREFIX select: <urn:select> DELETE WHERE { ?s ?p ?o }",
        "BASE <urn:b> LOAD <http://127.0.0.1:9/>",
        "DROP ALL",
    ],
)
def test_updates_are_refused(store: Store, text: str) -> None:
    error = raised(store, text)
    assert isinstance(error, errors.QueryRefused)
    assert "release" in str(error)


@pytest.mark.parametrize(
    "template",
    [
        "SELECT * {{ SERVICE <{url}> {{ ?s ?p ?o }} }}",
        "SELECT * {{ SERVICE SILENT <{url}> {{ ?s ?p ?o }} }}",
        "SELECT * {{ sErViCe# comment\n<{url}> {{ ?s ?p ?o }} }}",
        "PREFIX ex: <{url}> SELECT * {{ SERVICEex: {{ ?s ?p ?o }} }}",
        "PREFIX ex: <{url}> SELECT * {{ SERVICESILENTex: {{ ?s ?p ?o }} }}",
        "PREFIX : <{url}> SELECT * {{ SERVICE: {{ ?s ?p ?o }} }}",
        "SELECT * {{ ?x ?y trueSERVICE<{url}>{{ ?s ?p ?o }} }}",
        "SELECT * {{ ?x ?y '''a''' SERVICE <{url}> {{ ?s ?p ?o }} }}",
        "SELECT * {{ BIND(1 AS ?a) FILTER(?a<?b)SERVICE#>\n<{url}> {{ ?s ?p ?o }} }}",
        "SELECT * {{ VALUES ?u {{ <{url}> }} SERVICE ?u {{ ?s ?p ?o }} }}",
        "ASK {{ FILTER EXISTS {{ SERVICE <{url}> {{ ?s ?p ?o }} }} }}",
        "SELECT * {{ S\\u0045RVICE <{url}> {{ ?s ?p ?o }} }}",
    ],
)
def test_service_is_refused_and_makes_no_request(store: Store, template: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        assert isinstance(raised(store, template.format(url=url)), errors.QueryRefused)
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize(
    "text",
    [
        "ASK { } # SERVICE <urn:x> {}",
        "ASK { FILTER('SERVICE' != \"INSERT DATA\") }",
        "ASK { FILTER('''it's SERVICE \"''' != '') }",
        "PREFIX service: <urn:> ASK { service:a service:name ?service }",
        "PREFIX ex: <urn:SERVICE#> ASK { OPTIONAL { _:service ex:SERVICE ?SERVICE } }",
        "PREFIX s: <urn:> ASK { GRAPH s:g1 { s:a s:name ?n } OPTIONAL { s:a <urn:SERVICE#a> 'x'@service } }",
        "ASK { BIND(1 AS ?a) BIND(2 AS ?b) FILTER(?a<?b) }",
    ],
)
def test_the_word_service_is_no_service(store: Store, text: str) -> None:
    assert json.loads(read(store, Query(text)))["boolean"] is True


def test_from_as_a_name_leaves_the_union(store: Store) -> None:
    text = "SELECT ?s { ?s <urn:name> ?FROM OPTIONAL { ?s <urn:FROM> 'FROM' } }"
    assert subjects(store, text) == set("abc")


def test_deadline_then_work_goes_on(store: Store) -> None:
    for _ in range(5):
        started = time.monotonic()
        assert isinstance(raised(store, ENDLESS, Limits(deadline_s=0.2)), errors.QueryTimeout)
        assert time.monotonic() - started < 2
        assert subjects(store, NAMES) == set("abc")


@pytest.mark.usefixtures("without_cap")
def test_closing_early_frees_the_worker(store: Store) -> None:
    for _ in range(6):
        answer = store.query(Query(LARGE))
        assert next(iter(answer))
        answer.close()
        answer.close()
    assert subjects(store, NAMES) == set("abc")


@pytest.mark.usefixtures("without_cap")
def test_an_answer_that_is_forgotten_frees_the_worker(store: Store) -> None:
    for _ in range(6):
        assert next(iter(store.query(Query(LARGE))))
    assert subjects(store, NAMES) == set("abc")


def test_result_limit_known_before_the_first_byte(store: Store) -> None:
    with pytest.raises(errors.QueryTooLarge):
        store.query(Query(NAMES, limits=Limits(max_result_bytes=20)))


@pytest.mark.usefixtures("without_cap")
def test_result_limit_reached_in_the_stream(store: Store) -> None:
    answer = store.query(Query(LARGE, limits=Limits(max_result_bytes=1_000_000)))
    size = 0
    with pytest.raises(errors.QueryTooLarge):
        for chunk in answer:
            size += len(chunk)
    assert 0 < size <= 1_000_000


@pytest.mark.parametrize("depth", [30, 20_000, 200_000])
@pytest.mark.parametrize("brackets", ["{}", "()", "!"])
def test_deep_nesting_harms_nobody(store: Store, depth: int, brackets: str) -> None:
    inside = {"{}": "{" * depth + "}" * depth, "()": f"FILTER{'(' * depth}1{')' * depth}"}.get(
        brackets, f"FILTER({'!' * depth}1)"
    )
    try:
        read(store, Query(f"SELECT * {{ {inside} }}"))
    except (errors.QueryTooLarge, errors.QueryTimeout):
        assert depth > 30
    assert subjects(store, NAMES) == set("abc")


@pytest.mark.usefixtures("without_cap")
def test_busy(store: Store) -> None:
    # Each reader stops after its first chunk; the worker blocks at a full pipe.
    answers = [store.query(Query(LARGE)) for _ in range(2)]
    with pytest.raises(errors.StoreBusy):
        store.query(Query(NAMES))
    for answer in answers:
        answer.close()
    assert subjects(store, NAMES) == set("abc")


@pytest.mark.usefixtures("without_cap")
def test_a_sleeping_reader_does_not_keep_a_worker_past_the_deadline(store: Store) -> None:
    # A busy engine takes a second for its first rows, so the deadline leaves it more.
    answers = [store.query(Query(LARGE, limits=Limits(deadline_s=3.0))) for _ in range(2)]
    time.sleep(4.0)
    with pytest.raises(errors.QueryTimeout):
        for _ in answers[0]:
            pass
    answers[0].close()
    answers[1].close()
    assert subjects(store, NAMES) == set("abc")


def test_threads(store: Store) -> None:
    def work(number: int) -> bool:
        try:
            return subjects(store, f"SELECT ?s {{ ?s <urn:name> ?n }} # {number}") == set("abc")
        except errors.StoreBusy:
            return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(400)))


def test_a_slow_query_does_not_block_others(store: Store) -> None:
    # It is not cancelled: some engines would go on with it for all of its time.
    slow = threading.Thread(target=lambda: raised(store, ENDLESS, Limits(deadline_s=3.0)))
    slow.start()
    assert subjects(store, NAMES) == set("abc")
    assert slow.is_alive()
    slow.join()


@pytest.mark.usefixtures("without_cap")
def test_large_result_streams(store: Store) -> None:
    text = LARGE.replace(values(100), values(60))
    answer = store.query(Query(text, result_formats=(CSV,), limits=Limits(deadline_s=60)))
    sizes = [len(chunk) for chunk in answer]
    assert sum(sizes) > 1_500_000
    assert sizes[0] <= 16 * 1024, "the first bytes come early"
    assert max(sizes) <= 512 * 1024, "no part of the way holds the whole"

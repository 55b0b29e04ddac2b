"""The protocol as pure functions: each way to ask, each way to get it wrong."""

from __future__ import annotations

import io
import random
from urllib.parse import parse_qsl

import pytest

from kg.formats import GRAPH_FORMATS, RESULT_FORMATS
from webapp.negotiation import HTML
from webapp.protocol import (
    FORM,
    OFFERS,
    QUERY,
    ProtocolError,
    RequestHead,
    SparqlRequest,
    _parse_pairs,
    check_url,
    choose_formats,
    find_cache_key,
    parse_request,
    read_body,
)


def status_of(call: object, *arguments: object) -> int:
    with pytest.raises(ProtocolError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.status


@pytest.mark.parametrize(
    "content_type",
    [
        QUERY,
        "Application/SPARQL-Query",
        f"{QUERY};charset=utf-8",
        f'{QUERY}; charset="UTF-8"',
        f"{QUERY}; version=1.1; charset=us-ascii",
    ],
)
def test_direct_posts(content_type: str) -> None:
    assert parse_request("POST", b"", content_type, "ASK{'é'}".encode()).text == "ASK{'é'}"


def test_a_byte_order_mark_is_no_part_of_a_query() -> None:
    assert parse_request("POST", b"", QUERY, b"\xef\xbb\xbfASK {}").text == "ASK {}"


def test_parameters_of_a_post_stand_in_the_url_or_in_the_body() -> None:
    url = b"default-graph-uri=urn:a&default-graph-uri=urn:b&named-graph-uri=urn:c&unknown=x"
    for content_type, body in ((QUERY, b"ASK {}"), (FORM, b"query=ASK+{}&default-graph-uri=")):
        asked = parse_request("POST", url, content_type, body)
        assert asked.dataset.default_graphs == ("urn:a", "urn:b")
        assert asked.dataset.named_graphs == ("urn:c",)
    asked = parse_request(
        "POST", b"default-graph-uri=urn:a", FORM, b"query=ASK%7B%7D&default-graph-uri=urn:b"
    )
    assert asked.dataset.default_graphs == ("urn:a", "urn:b")


def test_characters_that_should_have_been_encoded_are_taken() -> None:
    assert parse_request("GET", "query=ASK{'é'}".encode(), "", b"").text == "ASK{'é'}"


@pytest.mark.parametrize(
    ("status", "method", "query_string", "content_type", "body"),
    [
        (400, "GET", b"query=a&query=b", "", b""),
        (400, "POST", b"query=a", FORM, b"query=b"),
        (400, "POST", b"query=a", QUERY, b"b"),
        (400, "POST", b"", FORM, b""),
        (400, "POST", b"", FORM, b"query=%ff"),
        (400, "POST", b"", QUERY, b"\xff"),
        (400, "GET", b"query=%ED%A0%80", "", b""),
        (400, "GET", b"query=x&timeout=-1", "", b""),
        (400, "GET", b"query=x&timeout=nan", "", b""),
        (400, "GET", b"query=x&timeout=1&timeout=2", "", b""),
        (403, "GET", b"update=CLEAR+ALL", "", b""),
        (403, "POST", b"", FORM, b"update=CLEAR+ALL"),
        (403, "POST", b"", "application/sparql-update", b"CLEAR ALL"),
        (415, "POST", b"", "", b"ASK {}"),
        (415, "POST", b"query=ASK%7B%7D", "", b""),
        (415, "POST", b"", "text/plain", b"ASK {}"),
        (415, "POST", b"", "multipart/form-data; boundary=x", b"--x--"),
        (415, "POST", b"", f"{QUERY}; charset=utf-16", "ASK {}".encode("utf-16")),
        (415, "POST", b"", f"{FORM}; charset=latin-1", b"query=ASK"),
    ],
)
def test_requests_against_the_protocol(
    status: int, method: str, query_string: bytes, content_type: str, body: bytes
) -> None:
    assert status_of(parse_request, method, query_string, content_type, body) == status


def test_bodies_are_read_whole_or_refused() -> None:
    def read(data: bytes, **head: object) -> bytes:
        return read_body(io.BytesIO(data), RequestHead(**head), 100)  # type: ignore[arg-type]

    assert read(b"a" * 100, content_length="100") == b"a" * 100
    assert read(b"a" * 100, chunked=True) == b"a" * 100
    assert read(b"", content_length="0") == b""
    for status, data, head in (
        (400, b"a", {"content_length": "2"}),
        (400, b"a", {"content_length": "-1"}),
        (411, b"a", {}),
        (413, b"a" * 101, {"content_length": "101"}),
        (413, b"a" * 101, {"chunked": True}),
        (415, b"a", {"content_length": "1", "content_encoding": "gzip"}),
    ):
        with pytest.raises(ProtocolError) as caught:
            read(data, **head)
        assert caught.value.status == status


def test_long_urls() -> None:
    check_url(b"a" * 100, 100)
    assert status_of(check_url, b"a" * 101, 100) == 414


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("json",), "json jsonld"),
        (("xml",), "xml rdfxml"),
        (("csv",), "csv"),
        (("tsv", "text/tab-separated-values"), "tsv"),
        (("text",), "tsv ntriples"),
        (("turtle",), "turtle"),
        (("TTL",), "turtle"),
        (("n3",), "turtle"),
        (("nt",), "ntriples"),
        (("rdf",), "rdfxml"),
        (("rdf+xml", "application/rdf+xml"), "rdfxml"),
        (("rdf xml",), "rdfxml"),
        (("json-ld", "application/ld+json,application/x-json+ld"), "jsonld"),
        (("application/sparql-results+json",), "json"),
        (("application/sparql-results xml",), "xml"),
        (("text/csv; charset=utf-8",), "csv"),
        (("html",), "html"),
        (("nonsense", "csv"), "csv"),
    ],
)
def test_names_of_formats(names: tuple[str, ...], expected: str) -> None:
    assert " ".join(fmt.name for fmt in choose_formats(names, "text/html")) == expected


def test_a_name_that_means_nothing_is_not_acceptable() -> None:
    assert status_of(choose_formats, ("thrift",), "*/*") == 406


@pytest.mark.parametrize(
    ("accept", "first"),
    [
        (None, "json"),
        ("", "json"),
        ("*/*", "json"),
        ("application/*", "json"),
        ("text/*", "csv"),
        ("text/*, text/csv;q=0", "tsv"),
        ("*/*;q=0.1, application/sparql-results+xml;q=0.2", "xml"),
        ("application/sparql-results+json;q=0, */*", "xml"),
        ("application/sparql-results+xml,application/rdf+xml,*/*;q=0.1", "xml"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"),
        ("text/turtle;charset=utf-8", "turtle"),
        ("application/sparql-results+json, text/javascript, application/javascript", "json"),
        ("text/html;q=x, ,;,/", "html"),
    ],
)
def test_accept(accept: str | None, first: str) -> None:
    assert choose_formats((), accept)[0].name == first


def test_what_nobody_offers_leaves_nothing() -> None:
    assert choose_formats((), "image/png") == ()
    assert set(choose_formats((), "*/*")) == {*RESULT_FORMATS, *GRAPH_FORMATS, HTML}


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("SELECT (NOW() AS ?n) {}", True),
        ("SELECT * { FILTER(rand ( ) < 1) }", True),
        ("SELECT (STRUUID() AS ?n) {}", True),
        ("SELECT (\\u0055UID() AS ?n) {}", True),
        ("SELECT * { BIND(BNODE(?x) AS ?b) }", True),
        ("SELECT * { FILTER(trueRAND()) }", True),
        ("SELECT * { ?now <rand()> 'NOW()' } # UUID()", False),
        ("SELECT * { ?s ex:now() }", False),
        ("SELECT (COUNT(*) AS ?brand) {}", False),
    ],
)
def test_what_may_change_has_no_key(text: str, changes: bool) -> None:
    assert bool(find_cache_key("GET", SparqlRequest(text), OFFERS)) is not changes
    assert find_cache_key("POST", SparqlRequest(text), OFFERS) == ()


def test_keys_differ_by_all_that_changes_an_answer() -> None:
    asked = [
        (parse_request("GET", query_string, "", b""), accept)
        for query_string, accept in (
            (b"query=ASK%7B%7D", "*/*"),
            (b"query=ASK%7B+%7D", "*/*"),
            (b"query=ASK%7B%7D", "text/csv"),
            (b"query=ASK%7B%7D&default-graph-uri=urn:a", "*/*"),
            (b"query=ASK%7B%7D&named-graph-uri=urn:a", "*/*"),
        )
    ]
    assert len({find_cache_key("GET", a, choose_formats(a.format_names, accept)) for a, accept in asked}) == 5


def test_parameters_are_read_like_those_of_any_form() -> None:
    chance = random.Random(3)
    pieces = (
        "a",
        "&",
        "=",
        "+",
        "%",
        "%3A",
        "%3a",
        "%3",
        "41",
        "%25",
        "%41",
        "%0A",
        "%E4%BD%A0",
        "%E4",
        "é",
        "7B",
    )
    for _ in range(20_000):
        encoded = "".join(chance.choices(pieces, k=chance.randrange(8))).encode()
        try:
            expected = parse_qsl(encoded.decode(), keep_blank_values=True, errors="strict")
        except ValueError:
            with pytest.raises(ProtocolError):
                _parse_pairs(encoded)
        else:
            assert _parse_pairs(encoded) == expected, encoded

"""What is given again is what was given before, and nothing is that should not be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kg.settings import Settings
from tests.webapp.both_ways import ThroughBridge
from tests.webapp.conftest import BufferingClient, MakeRelease
from tests.webapp.test_direct import ALL, HUGE, OTHERS, PLAIN, fold
from webapp.answers import AnswerCache, Note, Reply
from webapp.app import create_app
from webapp.latest import Latest

SCOPE = {
    "method": "GET",
    "scheme": "http",
    "path": "/sparql",
    "query_string": b"query=ASK{}",
    "client": ("10.0.0.1", 5000),
    "headers": [(b"accept", b"*/*")],
}
CSV = {"query_string": {"query": ALL, "format": "csv"}}


@pytest.fixture
def through(app: Flask, settings: Settings) -> ThroughBridge:
    """The bridge with a cache, before an application that has opened its release."""
    app.test_client().get("/readyz")
    bridge = ThroughBridge(app, settings, AnswerCache(Latest(Path(settings.var)), 1_000_000))
    app.wsgi_app = bridge  # type: ignore[method-assign]
    return bridge


FIXED = [name for name in PLAIN if name != "the clock"]


@pytest.mark.parametrize("name", FIXED)
def test_an_answer_is_given_again_without_asking(
    through: ThroughBridge, client: FlaskClient, name: str
) -> None:
    first = client.open("/sparql", **PLAIN[name])
    through.forbid_making()
    again = client.open("/sparql", **PLAIN[name])
    assert (again.status_code, again.data) == (200, first.data)
    assert fold(again.headers) == fold(first.headers)


@pytest.mark.parametrize("name", ["the clock", *(name for name in OTHERS if name != "coded in any case")])
def test_what_may_change_fails_or_is_large_is_not_kept(
    through: ThroughBridge, client: FlaskClient, name: str
) -> None:
    asked = PLAIN.get(name) or OTHERS[name]
    responses = [client.open("/sparql", **asked) for _ in range(2)]
    kept = name in ("the service", "a slow query", "a release")
    assert bool(through.cache.bytes) == kept, responses[0].status_code
    assert responses[0].status_code == responses[1].status_code


def test_a_result_that_was_cut_is_not_kept(through: ThroughBridge, client: FlaskClient) -> None:
    """Four megabytes are the limit here; what comes before the error looks like a beginning of it."""
    large = {"query": HUGE.replace("?b", "?c").replace("{ VALUES", f"{{ VALUES ?d {{ {'3 ' * 100} }} VALUES")}
    for _ in range(2):
        client.get("/sparql", query_string=large)
    assert through.cache.bytes == 0


def test_a_client_that_has_it_gets_304(through: ThroughBridge, client: FlaskClient, app: Flask) -> None:
    etag = client.get("/sparql", **CSV).headers["ETag"]
    through.forbid_making()
    for tag in (etag, etag.removeprefix("W/"), f'"x", {etag}', "*"):
        unchanged = client.get("/sparql", **CSV, headers={"If-None-Match": tag})
        assert (unchanged.status_code, unchanged.data) == (304, b"")
        assert unchanged.headers["ETag"] == etag and "Content-Type" not in unchanged.headers
    assert client.get("/sparql", **CSV, headers={"If-None-Match": '"x"'}).status_code == 200


def test_head_is_get_without_a_body(through: ThroughBridge, client: FlaskClient) -> None:
    got = client.get("/sparql", **CSV)
    through.forbid_making()
    head = client.head("/sparql", **CSV)
    assert (head.status_code, head.data, fold(head.headers)) == (200, b"", fold(got.headers))


def test_a_new_release_and_one_that_comes_back_give_their_own(
    through: ThroughBridge, client: FlaskClient, publish: MakeRelease, settings: Settings
) -> None:
    first = client.get("/sparql", **CSV).data
    publish("r2", '<http://h/id/c> <http://h/p> "C" <http://h/g1> .\n')
    assert [client.get("/sparql", **CSV).data for _ in range(3)] == [b"s,o\r\nhttp://h/id/c,C\r\n"] * 3
    link = Path(settings.var, "next")
    link.symlink_to(Path(settings.var, "releases", "r1"))
    link.replace(Path(settings.var, "current"))
    assert [client.get("/sparql", **CSV).data for _ in range(3)] == [first] * 3


def test_an_answer_from_another_release_than_the_request_saw_is_not_kept(cache: AnswerCache) -> None:
    key = cache.make_key(SCOPE, b"")
    assert key is not None
    cache.keep(key, Reply(200, (), b"of r2", Note("r2", "sparql.query")))
    assert cache.find(key, SCOPE) is None


@pytest.fixture
def cache(publish: MakeRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AnswerCache:
    publish("r1")
    latest = Latest(tmp_path)
    cache = AnswerCache(latest, 640_000)
    monkeypatch.setattr(cache, "_tell_soon", lambda: None)  # there is no loop here
    monkeypatch.setattr(latest, "read", latest._ask)
    return cache


def keep(cache: AnswerCache, size: int, **scope: Any) -> Callable[[], Reply | None]:
    """Keep a body of some bytes; returns what finds it."""
    changed = SCOPE | scope
    key = cache.make_key(changed, b"")
    assert key is not None
    cache.keep(key, Reply(200, (), b"x" * size, Note("r1", "sparql.query")))
    return lambda: cache.find(key, changed)


def test_the_cache_is_bounded_and_forgets_what_was_not_asked_for_last(cache: AnswerCache) -> None:
    finds = [keep(cache, 5_000, query_string=b"%d" % number) for number in range(100)]
    assert all(find() for find in finds)
    first = finds[0]
    for number in range(100, 150):
        assert first() is not None
        keep(cache, 5_000, query_string=b"%d" % number)
    assert cache.bytes <= 640_000
    assert first() is not None and finds[1]() is None


def test_one_large_answer_drives_out_nothing(cache: AnswerCache) -> None:
    small, large = keep(cache, 100), keep(cache, 10_001, query_string=b"large")
    assert small() is not None and large() is None


def test_nothing_is_kept_with_no_bytes(publish: MakeRelease, tmp_path: Path) -> None:
    publish("r1")
    assert AnswerCache(Latest(tmp_path), 0).make_key(SCOPE, b"") is None


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"headers": [(b"accept", b"*/*"), (b"user-agent", b"x")]}, True),
        ({"headers": [(b"accept", b"*/*"), (b"if-none-match", b"x")]}, True),
        ({"method": "HEAD"}, True),
        ({"client": ("10.0.0.2", 1)}, True),
        ({"headers": [(b"accept", b"text/csv")]}, False),
        ({"headers": [(b"accept", b"*/*"), (b"accept-encoding", b"gzip")]}, False),
        ({"headers": [(b"accept", b"*/*"), (b"accept-language", b"ja")]}, False),
        ({"headers": [(b"accept", b"*/*"), (b"cookie", b"a=b; lang=zh")]}, False),
        ({"headers": [(b"accept", b"*/*"), (b"host", b"other")]}, False),
        ({"headers": [(b"accept", b"*/*"), (b"x-forwarded-prefix", b"/evil")]}, False),
        ({"query_string": b"query=ASK{+}"}, False),
        ({"path": "/kg/sparql"}, False),
        ({"scheme": "https"}, False),
    ],
)
def test_which_requests_are_the_same(cache: AnswerCache, change: dict[str, Any], same: bool) -> None:
    assert (cache.make_key(SCOPE, b"") == cache.make_key(SCOPE | change, b"")) == same


def test_a_forwarded_header_counts_with_who_sends_it(cache: AnswerCache) -> None:
    """What a stranger says is not believed, and must not be found by a proxy that is."""
    headers = [(b"x-forwarded-prefix", b"/pre")]
    stranger = cache.make_key(SCOPE | {"headers": headers}, b"")
    proxy = cache.make_key(SCOPE | {"headers": headers, "client": ("127.0.0.1", 1)}, b"")
    assert stranger != proxy


@pytest.mark.parametrize(
    "change",
    [{"headers": [(b"range", b"bytes=0-1")]}, {"method": "OPTIONS"}, {"method": "POST", "path": "/x"}],
)
def test_what_has_no_key(cache: AnswerCache, change: dict[str, Any]) -> None:
    assert cache.make_key(SCOPE | change, b"") is None


def test_what_was_given_is_counted(
    through: ThroughBridge, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "kg.queries")
    for _ in range(3):
        client.get("/sparql", **CSV)
    through.call_in_loop(through.cache.tell)
    again = [record.content for record in caplog.records if record.message == "query answered again"]  # type: ignore[attr-defined]
    assert sum(content["times"] for content in again) == 2
    assert {(content["rows"], content["bytes"]) for content in again} == {
        (2, len(client.get("/sparql", **CSV).data))
    }
    text = client.get("/metrics").data.decode()
    assert 'kg_answer_cache_total{outcome="hit"}' in text and "kg_answer_cache_bytes" in text


@pytest.fixture
def pages(article_var: Path) -> Iterator[tuple[FlaskClient, ThroughBridge]]:
    settings = Settings(var=str(article_var), query_workers=1)
    app = create_app(settings)
    app.test_client_class = BufferingClient
    bridge = ThroughBridge(app, settings, AnswerCache(Latest(article_var), 32 * 1024**2))
    app.wsgi_app = bridge  # type: ignore[method-assign]
    yield app.test_client(), bridge
    app.extensions["kg_contexts"].close()


@pytest.mark.parametrize("path", ["/", "/page/cjic", "/data/cjic.ttl", "/ontology", "/browse"])
def test_pages_and_documents_are_given_again(pages: tuple[FlaskClient, ThroughBridge], path: str) -> None:
    client, bridge = pages
    asked = {"headers": {"Accept-Language": "zh", "Accept-Encoding": "zstd"}}
    first = client.get(path, **asked)
    assert first.status_code == 200
    bridge.forbid_making()
    again = client.get(path, **asked)
    assert (again.status_code, again.data, fold(again.headers)) == (200, first.data, fold(first.headers))


def test_a_page_that_sets_a_cookie_is_made_each_time(pages: tuple[FlaskClient, ThroughBridge]) -> None:
    client, _ = pages
    assert [bool(client.get("/page/cjic?lang=ja").headers.getlist("Set-Cookie")) for _ in range(3)] == [
        True
    ] * 3

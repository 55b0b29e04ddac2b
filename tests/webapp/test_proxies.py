"""The site behind proxies: who is believed, and a whole site under a path of another host."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Callable, Iterator
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask
from werkzeug.serving import make_server

from kg.release.layout import Release
from kg.settings import Settings
from tests.conftest import BASE
from webapp import current
from webapp.app import create_app

MakeApp = Callable[..., Flask]


@pytest.fixture
def make_app(mini_var: Path, mini_release: Release) -> Iterator[MakeApp]:
    made = []

    def make(**options: str) -> Flask:
        app = create_app(Settings(var=str(mini_var), query_workers=1, **options))  # type: ignore[arg-type]
        app.add_url_rule("/who", "who", lambda: f"{current.client_address()} {current.request.url}")
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["kg_contexts"].close()


FORWARDED = {
    "X-Forwarded-For": "203.0.113.9, 198.51.100.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "kg.public.example",
    "X-Forwarded-Prefix": "/facts/",
}


@pytest.mark.parametrize(
    ("trusted", "peer", "seen"),
    [
        ("", "127.0.0.1", "127.0.0.1 http://localhost/who"),
        ("10.0.0.0/8", "127.0.0.1", "127.0.0.1 http://localhost/who"),
        ("127.0.0.1", "127.0.0.1", "198.51.100.7 https://kg.public.example/facts/who"),
        ("127.0.0.1, 198.51.100.0/24", "127.0.0.1", "203.0.113.9 https://kg.public.example/facts/who"),
        ("127.0.0.1 0.0.0.0/0", "127.0.0.1", "203.0.113.9 https://kg.public.example/facts/who"),
        ("::1", "::1", "198.51.100.7 https://kg.public.example/facts/who"),
        ("127.0.0.1", "", " http://localhost/who"),
    ],
)
def test_only_trusted_proxies_are_believed(make_app: MakeApp, trusted: str, peer: str, seen: str) -> None:
    client = make_app(trusted_proxies=trusted).test_client()
    answer = client.get("/who", headers=FORWARDED, environ_overrides={"REMOTE_ADDR": peer})
    assert answer.text == seen


def test_a_client_cannot_put_itself_behind_a_trusted_proxy(make_app: MakeApp) -> None:
    client = make_app(trusted_proxies="127.0.0.1").test_client()
    claimed = {"X-Forwarded-For": "127.0.0.1, 127.0.0.1, 192.0.2.1"}
    assert client.get("/who", headers=claimed).text.startswith("192.0.2.1 ")
    endless = {"X-Forwarded-For": ", ".join(["127.0.0.1"] * 1000)}
    assert client.get("/who", headers=endless).text.startswith("127.0.0.1 ")


def test_a_path_that_stays_is_taken_off(make_app: MakeApp) -> None:
    client = make_app(path_prefix="/facts").test_client()
    assert client.get("/facts/id/ada-lind").location == "/facts/page/ada-lind"
    assert client.get("/facts").status_code == 200
    assert client.get("/factsheet").status_code == 404
    assert client.get("/healthz").status_code == 200


class Proxy(BaseHTTPRequestHandler):
    """Serves another server under /facts, as a reverse proxy that takes the path away does."""

    upstream = 0

    def do_GET(self) -> None:
        if not self.path.startswith("/facts"):
            self.send_error(404)
            return
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        headers |= {
            "Host": "internal",
            "X-Forwarded-Host": self.headers["Host"],
            "X-Forwarded-Prefix": "/facts",
        }
        connection.request("GET", self.path.removeprefix("/facts") or "/", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        connection.close()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def proxy(make_app: MakeApp) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, make_app(trusted_proxies="127.0.0.1"), threaded=True)
    front = ThreadingHTTPServer(("127.0.0.1", 0), type("Here", (Proxy,), {"upstream": server.server_port}))
    threads = [threading.Thread(target=each.serve_forever) for each in (server, front)]
    for thread in threads:
        thread.start()
    yield f"http://127.0.0.1:{front.server_port}/facts/"
    for each in (front, server):
        each.shutdown()
        each.server_close()
    for thread in threads:
        thread.join()


def fetch(address: str, accept: str = "text/html,*/*;q=0.8") -> tuple[int, dict[str, str], str]:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    connection.request("GET", path, headers={"Accept": accept})
    answer = connection.getresponse()
    body = answer.read().decode("utf-8", "replace")
    headers: dict[str, str] = {}
    for name, value in answer.getheaders():
        headers[name.lower()] = ", ".join(filter(None, (headers.get(name.lower()), value)))
    connection.close()
    return answer.status, headers, body


def test_a_whole_site_under_a_path_of_another_host(proxy: str) -> None:
    waiting, seen = [proxy], {proxy}
    while waiting:
        address = waiting.pop()
        status, headers, body = fetch(address)
        assert status in (200, 303), address
        links = [headers["location"]] if status == 303 else []
        if headers.get("content-type", "").startswith("text/html"):
            links += re.findall(r'(?:href|src|action)="([^"]*)"', body)
        for link in (urljoin(address, unescape(link)).partition("#")[0] for link in links):
            own = link.startswith(proxy.removesuffix("facts/"))
            assert link.startswith(proxy) or not own, f"{address} leads out of the site: {link}"
            # One language and one query stand for all of their kind.
            if own and link not in seen and "?" not in link and "/static/" not in link:
                seen.add(link)
                waiting.append(link)
    paths = {link.removeprefix(proxy) for link in seen}
    assert {
        "page/ada-lind",
        "article/river-forum",
        "ontology",
        "sparql",
        "dumps/",
        "data/ada-lind.ttl",
    } <= paths


def test_names_stay_what_they_are(proxy: str) -> None:
    status, headers, _ = fetch(proxy + "id/ada-lind", "text/turtle")
    assert (status, headers["location"]) == (303, "/facts/data/ada-lind.ttl")
    _, headers, body = fetch(proxy + "data/ada-lind.ttl")
    assert f"@prefix id: <{BASE}id/>" in body
    assert "/facts/" not in body
    assert f'<{BASE}id/ada-lind>; rel="describes"' in headers["link"]
    assert '</facts/page/ada-lind>; rel="alternate"' in headers["link"]
    assert f"Sitemap: {proxy}sitemap.xml" in fetch(proxy + "robots.txt")[2]

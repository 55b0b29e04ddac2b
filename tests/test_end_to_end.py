"""The main job as a user does it: a real server on real sources, asked over HTTP, stopped, and misused."""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph
import pytest
import rdflib
from SPARQLWrapper import JSON, SPARQLWrapper

ROOT = Path(__file__).parent.parent
KG = Path(sys.executable).parent / "kg"
START_S = 60


@dataclass(frozen=True)
class Server:
    """A running `kg serve`."""

    process: subprocess.Popen[str]
    port: int
    folder: Path

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes
    url: str

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    @property
    def media_type(self) -> str:
        return self.headers["content-type"].partition(";")[0]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KG_")}


def copy_sources(folder: Path) -> Path:
    for name in ("ontology", "data"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(url: str, accept: str = "*/*", data: bytes | None = None, **headers: str) -> Response:
    request = urllib.request.Request(url, data, {"Accept": accept, **headers})
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        lower = {name.lower(): value for name, value in answer.headers.items()}
        return Response(answer.status, lower, answer.read(), answer.url)


def start(folder: Path, port: int) -> Server:
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [KG, "serve", "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder, env=environment(), stdout=log, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
    server = Server(process, port, folder)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if fetch(server.base + "healthz").status == 200:
                return server
        except OSError:
            pass
        time.sleep(0.1)
    process.kill()
    pytest.fail(f"no server after {START_S} s:\n{(folder / 'server.log').read_text()}")


def stop(server: Server, timeout_s: float = 10) -> int:
    server.process.send_signal(signal.SIGTERM)
    try:
        return server.process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        server.process.kill()
        raise


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start(copy_sources(tmp_path_factory.mktemp("site")), find_free_port())
    yield running
    assert stop(running) == 0


def ask(server: Server, query: str) -> list[dict[str, str]]:
    endpoint = SPARQLWrapper(server.base + "sparql", returnFormat=JSON)
    endpoint.setQuery(f"PREFIX kg: <{server.base}ontology#> {query}")
    found = endpoint.queryAndConvert()
    assert isinstance(found, dict)
    return [{name: term["value"] for name, term in row.items()} for row in found["results"]["bindings"]]


def test_the_start_page_leads_on(server: Server) -> None:
    page = fetch(server.base, "text/html")
    assert (page.status, page.media_type) == (200, "text/html")
    for target in ("page/cjic", "sparql", "dumps/"):
        assert target in page.text


def test_an_entity_is_a_page_for_people(server: Server) -> None:
    page = fetch(server.base + "id/cjic", "text/html,application/xhtml+xml,*/*;q=0.8")
    assert (page.status, page.media_type) == (200, "text/html")
    assert page.url == server.base + "page/cjic"
    assert "CJIC" in page.text


def test_its_page_shows_the_words_behind_its_facts(server: Server) -> None:
    rows = ask(
        server,
        f"""SELECT DISTINCT ?words WHERE {{
            ?axiom <http://www.w3.org/2002/07/owl#annotatedSource> <{server.base}id/cjic> ;
                   kg:evidence/kg:quotedText ?words }}""",
    )
    shown = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", "", fetch(server.base + "page/cjic").text)))
    assert rows
    assert [row["words"] for row in rows if row["words"] not in shown] == []


def test_the_words_are_where_the_evidence_says(server: Server) -> None:
    rows = ask(
        server,
        """PREFIX oa: <http://www.w3.org/ns/oa#>
        SELECT ?words ?text ?start ?end WHERE {
            ?evidence kg:quotedText ?words ; oa:hasTarget ?target .
            ?target oa:hasSource ?text ; oa:hasSelector ?position .
            ?position oa:start ?start ; oa:end ?end }""",
    )
    assert len(rows) > 20
    for row in rows:
        slug = row["text"].removesuffix("/text").rpartition("/")[2]
        text = (ROOT / "data" / "articles" / slug / "source.txt").read_bytes().decode("utf-8")
        assert text[int(row["start"]) : int(row["end"])] == row["words"]


def test_an_entity_is_data_for_programs(server: Server) -> None:
    answer = fetch(server.base + "id/cjic", "text/turtle")
    assert (answer.status, answer.media_type) == (200, "text/turtle")
    assert "accept" in answer.headers["vary"].lower() or answer.url.endswith(".ttl")
    graph = rdflib.Graph().parse(data=answer.text, format="turtle")
    assert (rdflib.URIRef(server.base + "id/cjic"), None, None) in graph


def test_the_endpoint_answers_a_post(server: Server) -> None:
    answer = fetch(
        server.base + "sparql",
        "application/sparql-results+json",
        b"ASK { ?s ?p ?o }",
        **{"Content-Type": "application/sparql-query"},
    )
    assert json.loads(answer.text)["boolean"] is True


def test_a_bad_query_is_a_bad_request(server: Server) -> None:
    answer = fetch(server.base + "sparql?query=SELECT", "application/json")
    assert (answer.status, answer.media_type) == (400, "application/problem+json")
    assert "Traceback" not in answer.text


def test_the_endpoint_sends_no_requests_of_its_own(server: Server) -> None:
    with socket.socket() as trap:
        trap.bind(("127.0.0.1", 0))
        trap.listen()
        trap.settimeout(0.5)
        address = f"http://127.0.0.1:{trap.getsockname()[1]}/"
        query = f"SELECT * WHERE {{ SERVICE <{address}> {{ ?s ?p ?o }} }}"
        answer = fetch(
            server.base + "sparql", "*/*", query.encode(), **{"Content-Type": "application/sparql-query"}
        )
        assert 400 <= answer.status < 500
        with pytest.raises(TimeoutError):
            trap.accept()


def test_the_dumps_parse_everywhere(server: Server) -> None:
    listing = fetch(server.base + "dumps/", "text/html").text
    names = sorted(set(re.findall(r'href="(?:[^"]*/)?([\w.-]+\.gz)"', listing)))
    assert [name for name in names if name.endswith(".ttl.gz")], f"no Turtle among {names}"
    sums = dict(reversed(line.split()) for line in fetch(server.base + "dumps/SHA256SUMS").text.splitlines())
    for name in names:
        packed = fetch(f"{server.base}dumps/{name}").body
        assert hashlib.sha256(packed).hexdigest() == sums[name]
        fmt = name.split(".")[-2]
        if "-rdf12." in name:
            continue  # rdflib reads no triple terms; tests/kg/release/test_dumps.py reads them by pyoxigraph
        data = gzip.decompress(packed)
        by_oxigraph = list(pyoxigraph.parse(data, format=pyoxigraph.RdfFormat.from_extension(fmt)))
        if fmt in ("nq", "trig"):
            dataset = rdflib.Dataset()
            dataset.parse(data=data, format={"nq": "nquads", "trig": "trig"}[fmt])
            by_rdflib = len(list(dataset.quads()))
        else:
            names_of_rdflib = {"rdf": "xml", "jsonld": "json-ld"}
            by_rdflib = len(rdflib.Graph().parse(data=data, format=names_of_rdflib.get(fmt, fmt)))
        assert by_rdflib == len(set(by_oxigraph)) == len(by_oxigraph) > 0, name
        assert not any(isinstance(quad.subject, pyoxigraph.BlankNode) for quad in by_oxigraph), name


def test_what_is_not_there_is_not_found(server: Server) -> None:
    page = fetch(server.base + "id/no-such-thing", "text/html")
    assert (page.status, page.media_type) == (404, "text/html")


def test_serving_on_a_taken_port_is_one_clear_line(server: Server) -> None:
    done = subprocess.run(
        [KG, "serve", "--port", str(server.port)],
        cwd=server.folder, env=environment(), capture_output=True, text=True, timeout=START_S,
    )  # fmt: skip
    assert done.returncode != 0
    assert str(server.port) in done.stderr
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if str(server.port) in line]) == 1


def test_a_new_release_is_served_without_a_restart(server: Server) -> None:
    entities = server.folder / "data" / "entities.ttl"
    before = entities.read_text(encoding="utf-8")
    old = fetch(server.base + "page/cjic", "text/html").headers.get("etag")
    try:
        entities.write_text(
            before + '\nid:cjic <http://www.w3.org/2004/02/skos/core#altLabel> "Zone of the test"@en'
            " {| <ontology#source> <https://example.org/> |} .\n",
            encoding="utf-8",
        )
        done = subprocess.run(
            [KG, "build"], cwd=server.folder, env={**environment(), "KG_PORT": str(server.port)},
            capture_output=True, text=True, timeout=START_S,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        page = fetch(server.base + "page/cjic", "text/html")
        assert "Zone of the test" in page.text
        assert page.headers.get("etag") != old or old is None
    finally:
        entities.write_text(before, encoding="utf-8")


def test_sigterm_ends_it_within_seconds(tmp_path: Path) -> None:
    server = start(copy_sources(tmp_path), find_free_port())
    started = time.monotonic()
    assert stop(server) == 0
    assert time.monotonic() - started < 5
    log = (tmp_path / "server.log").read_text()
    assert server.base in log, "it says where it serves"
    assert "Traceback" not in log
    with pytest.raises(OSError):
        fetch(server.base + "healthz")

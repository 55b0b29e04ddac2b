"""The servers that a benchmark compares: ours over a release of a generated graph, and those of others."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby
from pathlib import Path

from pyoxigraph import NamedNode, Quad, RdfFormat, Store, parse

from bench.graph import BASE
from kg import __version__
from kg.release.catalogue import switch_current
from kg.release.layout import Manifest, releases_path
from kg.release.lookups import write_lookups
from kg.release.manifest import write_manifest
from kg.release.search import write_index
from kg.release.site import render_context
from kg.sources import read_sources
from kg.store.connection import Credentials
from kg.store.loading import RemoteGraphs
from kg.store.profiles import find_profile
from kg.vocab import Names
from tests.engines import ENGINES, Missing, running
from tests.engines.process import START_S, find_free_port, find_program, started

ROOT = Path(__file__).parent.parent
OURS = "Article KG"
RDFLIB = "rdflib-endpoint"
PEERS = (*ENGINES, RDFLIB)
RDFLIB_TRIPLES = 300_000
"""More than these rdflib-endpoint reads for longer than anyone would wait."""

# The union of all graphs as default graph: Oxigraph server's parameter stands in its profile, Fuseki has a
# graph of that name, and the other two do so by themselves.
_UNION = {"fuseki": (("default-graph-uri", "urn:x-arq:UnionGraph"),)}


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; ``parameters`` go with each query, ``load_s`` is how long it took to load."""

    name: str
    url: str
    load_s: float
    parameters: tuple[tuple[str, str], ...] = ()


def read_quads(path: Path) -> Iterator[Quad]:
    """Yield the quads of a file in N-Quads."""
    yield from parse(path=str(path), format=RdfFormat.N_QUADS)


@contextmanager
def serve_ours(folder: Path, graph: Path) -> Iterator[Server]:
    """Build a release of a graph and serve it by ``kg serve`` as it comes, until the block ends."""
    load_s = build(folder / "var", graph)
    port = find_free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "kg", "--var", str(folder / "var")]
    command += ["serve", "--no-build", "--port", str(port)]
    environment = os.environ | {"KG_BASE_IRI": BASE}
    with (folder / "ours.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        wait_until_up(server, f"{url}/readyz", folder / "ours.log")
        yield Server(OURS, f"{url}/sparql", load_s)
    finally:
        server.terminate()  # asked, and not killed as peers are: it has workers to end
        server.wait(30)


def wait_until_up(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until a server answers; raises ``RuntimeError`` with the end of its log if it does not."""
    until = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")


def build(var: Path, graph: Path) -> float:
    """Make a release without dumps and pages for sitemaps; returns the seconds that the store took."""
    release_id = sha256(graph.read_bytes()[:1_000_000] + str(graph.stat().st_size).encode()).hexdigest()[:16]
    folder = releases_path(var) / release_id
    folder.mkdir(parents=True)
    begun = time.monotonic()
    store = Store(str(folder / "store"))
    store.bulk_load(path=str(graph), format=RdfFormat.N_QUADS)
    store.optimize()
    store.flush()
    quads = len(store)
    load_s = time.monotonic() - begun
    del store
    write_index(folder / "search.sqlite", read_quads(graph), Names(BASE))
    write_lookups(folder / "lookups.sqlite", read_quads(graph), Names(BASE))
    (folder / "context.jsonld").write_text(render_context(read_sources(ROOT, BASE)), encoding="utf-8")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    manifest = Manifest(release_id, BASE, now, f"article-kg {__version__}", quads, {}, (), ())
    write_manifest(folder / "manifest.json", manifest)
    switch_current(var, release_id)
    return load_s


@contextmanager
def serve_peer(name: str, folder: Path, graph: Path, triples: int) -> Iterator[Server]:
    """Start a server of others and load a graph into it; raises ``Missing`` where it cannot be had."""
    if name == RDFLIB:
        with _serve_rdflib(folder, graph, triples) as server:
            yield server
        return
    with running(name, folder) as engine:
        begun = time.monotonic()
        profile = find_profile(engine.profile)
        credentials = (
            Credentials(profile.auth, engine.user, engine.password) if engine.user else Credentials()
        )
        load(RemoteGraphs(engine.query_url, profile, credentials), graph)
        parameters = _UNION.get(name, profile.union_parameters)
        yield Server(name, engine.query_url, time.monotonic() - begun, parameters)


def load(engine: RemoteGraphs, graph: Path) -> None:
    """Load a file into an engine, graph by graph as the file has them."""
    for name, quads in groupby(read_quads(graph), key=lambda quad: quad.graph_name):
        assert isinstance(name, NamedNode)
        engine.replace(name.value, (quad.triple for quad in quads))


@contextmanager
def _serve_rdflib(folder: Path, graph: Path, triples: int) -> Iterator[Server]:
    if triples > RDFLIB_TRIPLES:
        raise Missing(f"{RDFLIB} is left out above {RDFLIB_TRIPLES:,} triples")
    beside = Path(sys.executable).with_name(RDFLIB)
    program = str(beside) if beside.exists() else find_program(RDFLIB, f"PyPI, {RDFLIB}[web,cli]")
    port = find_free_port()
    url = f"http://127.0.0.1:{port}/"
    folder.mkdir(parents=True)
    begun = time.monotonic()
    command = [program, "serve", "--host", "127.0.0.1", "--port", str(port), str(graph)]
    try:
        with started(command, folder, f"{url}?query=ASK%7B%7D"):
            yield Server(RDFLIB, url, time.monotonic() - begun)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def describe_machine() -> str:
    """Return how many cores there are and how busy they are."""
    return f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"

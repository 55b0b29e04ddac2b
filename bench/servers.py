"""Our own server over a release of a generated graph, and what each server that is compared has."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from pyoxigraph import RdfFormat, Store

from bench.graph import BASE
from bench.results import OURS
from kg import __version__
from kg.dataset import read_lines
from kg.release.catalogue import switch_current
from kg.release.layout import Manifest, releases_path
from kg.release.making.lookups import write_lookups
from kg.release.making.search import write_index
from kg.release.making.site import render_context
from kg.release.manifest import write_manifest
from kg.sorting import sort_lines
from kg.sources import read_sources
from kg.store.planning.statistics import write_statistics
from kg.store.planning.survey import survey_quads
from kg.vocab import Names
from tests.engines.process import START_S, find_free_port

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; ``parameters`` go with each query, ``load_s`` is how long it took to load.

    ``pid`` is the process that it started as, of ours only.
    """

    name: str
    url: str
    load_s: float
    parameters: tuple[tuple[str, str], ...] = ()
    pid: int | None = None


@contextmanager
def serve_ours(folder: Path, graph: Path) -> Iterator[Server]:
    """Serve a release of a graph by ``kg serve`` as it comes, until the block ends."""
    load_s = prepare_release(folder, graph)
    port = find_free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "kg", "--var", str(folder / "var")]
    command += ["serve", "--no-build", "--port", str(port)]
    environment = os.environ | {"KG_BASE_IRI": BASE}
    with (folder / "ours.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        wait_until_up(server, f"{url}/readyz", folder / "ours.log")
        yield Server(OURS, f"{url}/sparql", load_s, pid=server.pid)
    finally:
        server.terminate()  # asked, and not killed as peers are: it has workers to end
        server.wait(30)


def prepare_release(folder: Path, graph: Path) -> float:
    """Build a release of a graph in ``folder/var``, unless it is there; returns its seconds of loading."""
    kept = folder / "loaded-in-s"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        kept.write_text(f"{build(folder / 'var', graph):.1f}")
    return float(kept.read_text())


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
    write_statistics(survey_quads(sort_lines(read_lines(graph), folder)), folder / "store")
    quads = len(store)
    load_s = time.monotonic() - begun
    del store
    write_index(folder / "search.sqlite", read_lines(graph), Names(BASE))
    write_lookups(folder / "lookups.sqlite", read_lines(graph), Names(BASE))
    (folder / "context.jsonld").write_text(render_context(read_sources(ROOT, BASE)), encoding="utf-8")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    manifest = Manifest(release_id, BASE, now, f"article-kg {__version__}", quads, {}, (), ())
    write_manifest(folder / "manifest.json", manifest)
    switch_current(var, release_id)
    return load_s


def describe_machine() -> str:
    """Return how many cores there are and how busy they are."""
    return f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"

"""Servers of others over the same file, each loaded by its own bulk loader and started as it comes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from bench.servers import Server
from kg.store.remote.profiles import find_profile
from tests.engines import ENGINES, Missing
from tests.engines.process import Engine, find_free_port, find_program, started
from tests.engines.start import VIRTUOSO_PASSWORD, fetch_fuseki, start_oxigraph, start_virtuoso

RDFLIB = "rdflib-endpoint"
PEERS = (*ENGINES, RDFLIB)
RDFLIB_TRIPLES = 300_000
"""More than these rdflib-endpoint reads for longer than anyone would wait."""
VIRTUOSO_BUFFERS = 170_000
"""Pages of 8 KiB in memory, as Virtuoso's own configuration file advises for 2 GB of free memory."""
LOADED = "loaded-in-s"
"""File that tells how long loading took, so that a folder that was kept is not loaded again."""

# The union of all graphs as default graph: Oxigraph server's parameter stands in its profile, Fuseki has a
# graph of that name, and the other two do so by themselves.
_UNION = {"fuseki": (("default-graph-uri", "urn:x-arq:UnionGraph"),)}
_STARTS: dict[str, Callable[[Path], AbstractContextManager[Engine]]] = ENGINES | {
    "oxigraph": partial(start_oxigraph, limit_s=None),
    "virtuoso": partial(start_virtuoso, buffers=VIRTUOSO_BUFFERS),
}


@contextmanager
def serve_peer(name: str, folder: Path, graph: Path, triples: int) -> Iterator[Server]:
    """Load a graph into a server of others, unless the folder has it, and run it until the block ends.

    Raises
    ------
    Missing: it cannot be had, or not at this size.
    """
    if name == RDFLIB:
        with _serve_rdflib(folder, graph, triples) as server:
            yield server
        return
    _load(name, folder, graph)
    with _STARTS[name](folder) as engine:
        parameters = _UNION.get(name, find_profile(engine.profile).union_parameters)
        yield Server(name, engine.query_url, float((folder / LOADED).read_text()), parameters)


def _load(name: str, folder: Path, graph: Path) -> None:
    if (folder / LOADED).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    seconds = _LOADERS[name](folder, graph)
    (folder / LOADED).write_text(f"{seconds:.1f}")


def _load_oxigraph(folder: Path, graph: Path) -> float:
    beside = Path(sys.executable).with_name("oxigraph")
    program = str(beside) if beside.exists() else find_program("oxigraph", "PyPI, the extra engines")
    store = ["--location", str(folder / "store")]
    seconds = _time([program, "load", *store, "--file", str(graph)], folder)
    return seconds + _time([program, "optimize", *store], folder)


def _load_virtuoso(folder: Path, graph: Path) -> float:
    isql = find_program("isql-vt", "Debian's package virtuoso-opensource-7-bin")
    with start_virtuoso(folder, buffers=VIRTUOSO_BUFFERS, readable=graph.parent) as engine:
        orders = f"ld_dir('{graph.parent}', '{graph.name}', 'urn:none'); rdf_loader_run(); checkpoint;"
        return _time([isql, engine.sql_address, "dba", VIRTUOSO_PASSWORD, f"exec={orders}"], folder)


def _load_fuseki(folder: Path, graph: Path) -> float:
    java = find_program("java", "Debian's package default-jre-headless")
    command = [java, "-Xmx2g", "-cp", str(fetch_fuseki()), "tdb2.tdbloader", "--loader=phased"]
    return _time([*command, f"--loc={folder / 'tdb2'}", str(graph)], folder)


_LOADERS = {"oxigraph": _load_oxigraph, "virtuoso": _load_virtuoso, "fuseki": _load_fuseki}


def _time(command: list[str], folder: Path) -> float:
    begun = time.monotonic()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]} could not load: {(done.stdout + done.stderr)[-600:]}")
    return time.monotonic() - begun


@contextmanager
def _serve_rdflib(folder: Path, graph: Path, triples: int) -> Iterator[Server]:
    if triples > RDFLIB_TRIPLES:
        raise Missing(f"{RDFLIB} is left out above {RDFLIB_TRIPLES:,} triples")
    beside = Path(sys.executable).with_name(RDFLIB)
    program = str(beside) if beside.exists() else find_program(RDFLIB, "PyPI, the extra bench")
    port = find_free_port()
    url = f"http://127.0.0.1:{port}/"
    folder.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    command = [program, "serve", "--host", "127.0.0.1", "--port", str(port), str(graph)]
    with started(command, folder, f"{url}?query=ASK%7B%7D"):
        yield Server(RDFLIB, url, time.monotonic() - begun)

"""A release in somebody else's engine: where it is, how it gets there, and how one knows that it is there.

Graph by graph the engine is given what the dumps hold, and each is read back and compared by count and
hash. A marker, one triple in a graph of its own, says which release the engine holds; while graphs are
loaded it says so, and servers answer 503 to queries instead of mixing two releases.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, cast
from urllib.parse import urlsplit

import pyoxigraph as ox

from kg.errors import ReleaseError, SettingsError
from kg.formats import TURTLE
from kg.release.layout import DumpFile, Release
from kg.settings import Settings
from kg.store.remote.connection import Credentials
from kg.store.remote.endpoints import SURVEY_S
from kg.store.remote.inspection import IDENTIFIER
from kg.store.remote.loading import RemoteGraphs, hash_triples
from kg.store.remote.profiles import EngineProfile, find_profile
from kg.store.remote.target import Target

LOADING = "none, it is being loaded"
"""What the marker says in place of an id while graphs are loaded."""


@dataclass(frozen=True, slots=True)
class GraphReport:
    """What became of one graph: ``loaded`` is false where the engine held it already."""

    graph: str
    triples: int
    loaded: bool


def to_target(release: Release, settings: Settings) -> Target:
    """Return the engine of the settings as it should be for a release.

    Raises
    ------
    SettingsError: an address is none, or there is no such profile or authentication.

    In an address ``{release}`` stands for the id, so that each release may have a dataset of its own.
    """
    urls = tuple(url.strip().replace("{release}", release.id) for url in settings.store.split(","))
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(f"store {url!r} is no address.", "Write it like https://host/path/query.")
        if parts.username or parts.password:
            raise SettingsError("store holds a password.", "Set it in KG_STORE_USER and KG_STORE_PASSWORD.")
    profile = find_profile(settings.store_profile)
    return Target(
        urls=urls,
        profile=profile,
        credentials=_to_credentials(settings, profile),
        graphs=tuple(list_graphs(release)),
        release_id=release.id,
        marker=release.manifest.base_iri + "release",
    )


def _to_credentials(settings: Settings, profile: EngineProfile) -> Credentials:
    if settings.store_token:
        return Credentials("bearer", token=settings.store_token)
    if not settings.store_user:
        return Credentials()
    return Credentials(settings.store_auth or profile.auth, settings.store_user, settings.store_password)


def list_graphs(release: Release) -> list[str]:
    """Return the names of all graphs of a release, sorted."""
    return sorted({dump.graph for dump in release.manifest.dumps if dump.graph})


def publish_to_engine(
    release: Release, settings: Settings, on_step: Callable[[str], None] = lambda step: None
) -> Iterator[GraphReport]:
    """Bring a release into every engine of the settings, and yield a report for each graph.

    What is there already is left, so a run that broke off is taken up where it was.

    Raises
    ------
    StoreUnavailable: an engine refuses or does not answer.
    ReleaseError: an engine does not hold afterwards what it was given.
    """
    target = to_target(release, settings)
    for url in target.urls:
        engine = RemoteGraphs(url, target.profile, target.credentials)
        yield from _publish(release, target, engine, on_step)


def _publish(
    release: Release, target: Target, engine: RemoteGraphs, on_step: Callable[[str], None]
) -> Iterator[GraphReport]:
    on_step("asking what is there")
    held = {graph for graph in engine.list_graphs() if graph.startswith(release.manifest.base_iri)}
    if target.marker in held:
        engine.replace(target.marker, [to_mark(target.marker, LOADING)])
        on_step("letting servers notice")
        time.sleep(SURVEY_S + 1)
    for graph in list_graphs(release):
        on_step(f"graph {graph}")
        yield _bring(release, graph, engine, graph in held)
    for graph in sorted(held - set(list_graphs(release)) - {target.marker}):
        on_step(f"removing {graph}")
        engine.remove(graph)
    engine.replace(target.marker, [to_mark(target.marker, release.id)])


def _bring(release: Release, graph: str, engine: RemoteGraphs, is_held: bool) -> GraphReport:
    wanted = hash_triples(read_dump(release, graph))
    if is_held and is_there(engine, graph, wanted):
        return GraphReport(graph, wanted[0], loaded=False)
    engine.replace(graph, read_dump(release, graph))
    count = engine.count(graph)
    if count != wanted[0]:
        raise ReleaseError(
            f"graph {graph}: {wanted[0]} triples were sent, and the engine holds {count}.",
            "Run it again; if it stays so, the engine changes what it is given.",
        )
    if hash_triples(engine.read(graph)) != wanted:
        raise ReleaseError(
            f"graph {graph}: the engine holds as many triples as were sent, and others.",
            "Run it again; if it stays so, the engine changes what it is given.",
        )
    return GraphReport(graph, count, loaded=True)


def is_there(engine: RemoteGraphs, graph: str, wanted: tuple[int, str]) -> bool:
    """Return whether an engine holds of a graph what its count and hash say."""
    return engine.count(graph) == wanted[0] and hash_triples(engine.read(graph)) == wanted


def read_dump(release: Release, graph: str) -> Iterator[ox.Triple]:
    """Yield the triples of a graph of a release; raises ``ReleaseError`` if it has no dump of it."""
    with gzip.open(release.dumps_path / _find_dump(release, graph).name) as file:
        for quad in ox.parse(cast(IO[bytes], file), format=ox.RdfFormat.TURTLE):
            yield ox.Triple(quad.subject, quad.predicate, quad.object)


def _find_dump(release: Release, graph: str) -> DumpFile:
    for dump in release.manifest.dumps:
        if (dump.graph, dump.format, dump.coding, dump.rdf) == (graph, TURTLE.name, "gzip", "1.1"):
            return dump
    raise ReleaseError(f"release {release.id} has no dump of graph {graph} in Turtle.", "Build it again.")


def to_mark(marker: str, said: str) -> ox.Triple:
    """Return the triple by which an engine says which release it holds."""
    return ox.Triple(ox.NamedNode(marker), ox.NamedNode(IDENTIFIER), ox.Literal(said))

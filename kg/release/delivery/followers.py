"""A release for engines that follow a topic: only what differs is sent, and each is asked until it has it.

Events come to an engine in their order, so the marker (``kg.release.delivery.engine``) tells how far one is:
when it says what was sent last, all that was sent before has been dealt with.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyoxigraph as ox

from kg.errors import ReleaseError, StoreUnavailable
from kg.release.delivery.engine import (
    LOADING,
    GraphReport,
    is_there,
    list_graphs,
    read_dump,
    to_mark,
    to_target,
)
from kg.release.layout import Release
from kg.settings import Settings
from kg.store.remote.endpoints import SURVEY_S
from kg.store.remote.loading import RemoteGraphs, compare_triples, hash_triples
from kg.store.remote.topic import Change, Topic, write_patches

PATIENCE_S = 300.0
"""How long engines may take to come to the end of the topic."""

_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class _Followers:
    """The engines by their addresses, the topic they follow, and the graph of their marker."""

    topic: Topic
    engines: dict[str, RemoteGraphs]
    marker: str

    def list_graphs(self, base: str) -> set[str]:
        """Return the graphs under the base IRI that any of them holds, without the marker."""
        held = {graph for engine in self.engines.values() for graph in engine.list_graphs()}
        return {graph for graph in held if graph.startswith(base)} - {self.marker}

    def change(self, graph: str, wanted: list[ox.Triple]) -> bool:
        """Send what brings a graph to what is wanted, whichever engine departs from it in whatever way."""
        measure = hash_triples(wanted)
        removed: dict[ox.Triple, None] = {}
        added: dict[ox.Triple, None] = {}
        for engine in self.engines.values():
            if wanted and is_there(engine, graph, measure):
                continue
            leaving, coming = compare_triples(_read(engine, graph), wanted)
            removed.update(dict.fromkeys(leaving))
            added.update(dict.fromkeys(coming))
        return self.topic.send(write_patches(Change(graph, removed, added))) > 0

    def mark(self, said: str) -> None:
        """Have all engines say something as their marker, and wait until they do."""
        mark = to_mark(self.marker, said)
        self.change(self.marker, [mark])
        until = time.monotonic() + PATIENCE_S
        for url, engine in self.engines.items():
            while (held := set(_read(engine, self.marker))) != {mark}:
                if mark in held:  # and what came while the engine was behind, which leaves by another event
                    self.change(self.marker, [mark])
                if time.monotonic() > until:
                    raise StoreUnavailable(
                        f"the engine at {url} has not come to the end of topic {self.topic.address} in"
                        f" {PATIENCE_S:.0f} seconds.",
                        "See in its log whether it follows the topic, then run it again.",
                    )
                time.sleep(_LOOK_S)


def publish_to_followers(
    release: Release, settings: Settings, on_step: Callable[[str], None] = lambda step: None
) -> Iterator[GraphReport]:
    """Bring a release to all engines of the settings by their topic, and yield a report for each graph.

    Raises
    ------
    StoreUnavailable: an engine or the topic's brokers do not answer, or an engine does not follow.
    ReleaseError: an engine does not hold afterwards what was sent.
    """
    target = to_target(release, settings)
    engines = {url: RemoteGraphs(url, target.profile, target.credentials) for url in target.urls}
    followers = _Followers(Topic(settings.store_topic), engines, target.marker)
    on_step("waiting for what was sent before")
    followers.mark(_say_loading())
    on_step("letting servers notice")
    time.sleep(SURVEY_S + 1)
    graphs = list_graphs(release)
    changed = set()
    for graph in sorted(followers.list_graphs(release.manifest.base_iri) | set(graphs)):
        on_step(f"graph {graph}")
        wanted = list(read_dump(release, graph)) if graph in graphs else []
        if followers.change(graph, wanted):
            changed.add(graph)
    on_step("waiting for all engines")
    followers.mark(_say_loading())
    reports = [_check(release, graph, followers, is_new=graph in changed) for graph in graphs]
    if left := followers.list_graphs(release.manifest.base_iri) - set(graphs):
        raise ReleaseError(
            f"graph {min(left)} is not in the release, and did not leave all engines.", "Run it again."
        )
    yield from reports
    followers.mark(release.id)


def _say_loading() -> str:
    """Return what no earlier run has said, so that an engine that says it has come that far."""
    return f"{LOADING} ({uuid.uuid4().hex})"


def _check(release: Release, graph: str, followers: _Followers, *, is_new: bool) -> GraphReport:
    wanted = hash_triples(read_dump(release, graph))
    for url, engine in followers.engines.items():
        if not is_there(engine, graph, wanted):
            raise ReleaseError(
                f"graph {graph}: the engine at {url} does not hold what was sent.",
                "Run it again; if it stays so, see in its log why it refuses what comes from the topic.",
            )
    return GraphReport(graph, wanted[0], loaded=is_new)


def _read(engine: RemoteGraphs, graph: str) -> Iterator[ox.Triple]:
    """Yield what an engine holds of a graph; one that is not there is no graph to ask for."""
    if engine.count(graph):
        yield from engine.read(graph)

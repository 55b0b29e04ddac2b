"""``python -m tests.engines.lag [EVENTS [SMALLEST_BATCH]]``: how long an event takes to each node.

An event counts from just before it is given to the client until a query at the node sees it; nodes are asked
one after the other every few milliseconds, which the figures hold.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pyoxigraph as ox

from kg.store.remote.topic import Change, Topic, write_patches
from tests.engines.cluster import SMALLEST_BATCH, FusekiCluster, Node, running_cluster

GRAPH = "urn:lag"
WAIT_S = 120
PAUSE_S = 0.01


@dataclass(frozen=True, slots=True)
class Lags:
    """Seconds from topic to node: of one event at a time, and until many sent at once were everywhere.

    ``return_s`` is how long a node that was killed took from its start until it had what came meanwhile.
    """

    events: int
    nodes: int
    seconds: tuple[float, ...]
    burst_events: int
    burst_s: float
    return_s: float

    def describe(self) -> str:
        """Return one line for people."""
        median, largest = statistics.median(self.seconds), max(self.seconds)
        return (
            f"lag of {self.events} events, one at a time, at {self.nodes} nodes: median {median:.3f} s,"
            f" max {largest:.3f} s; {self.burst_events} at once were everywhere after {self.burst_s:.2f} s;"
            f" a node that was killed had what it missed {self.return_s:.1f} s after its start"
        )


def measure_lag(cluster: FusekiCluster, events: int, burst: int = 1000) -> Lags:
    """Send events one by one, each when the one before is everywhere, then many at once."""
    topic = Topic(cluster.topic)
    seconds: list[float] = []
    for number in range(events):
        began = time.monotonic()
        _send(topic, [f"urn:lag:{number}"])
        seconds += _wait(cluster, f"urn:lag:{number}", began)
    began = time.monotonic()
    _send(topic, [f"urn:burst:{number}" for number in range(burst)])
    burst_s = max(_wait(cluster, f"urn:burst:{burst - 1}", began))
    return_s = _bring_back(cluster.nodes[-1], topic)
    return Lags(events, len(cluster.nodes), tuple(seconds), burst, burst_s, return_s)


def _bring_back(node: Node, topic: Topic) -> float:
    node.kill()
    _send(topic, ["urn:missed"])
    began = time.monotonic()
    node.start()
    while not _has(node, "urn:missed"):
        if time.monotonic() - began > WAIT_S:
            raise TimeoutError(f"node {node.number} has not caught up in {WAIT_S} s")
        time.sleep(PAUSE_S)
    return time.monotonic() - began


def _send(topic: Topic, names: list[str]) -> None:
    triples = (ox.Triple(ox.NamedNode(name), ox.NamedNode("urn:p"), ox.Literal(name)) for name in names)
    topic.send(patch for triple in triples for patch in write_patches(Change(GRAPH, [], [triple])))


def _wait(cluster: FusekiCluster, name: str, began: float) -> list[float]:
    """Return after how many seconds each node had the thing; raises ``TimeoutError``."""
    missing, seconds = list(cluster.nodes), []
    while missing:
        for node in [node for node in missing if _has(node, name)]:
            seconds.append(time.monotonic() - began)
            missing.remove(node)
        if time.monotonic() - began > WAIT_S:
            raise TimeoutError(f"{len(missing)} nodes have not seen {name} in {WAIT_S} s")
        time.sleep(PAUSE_S)
    return seconds


def _has(node: Node, name: str) -> bool:
    text = urlencode({"query": f"ASK {{ GRAPH <{GRAPH}> {{ <{name}> ?p ?o }} }}"})
    request = urllib.request.Request(f"{node.url}/query?{text}", headers={"Accept": "text/csv"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return b"true" in response.read()


if __name__ == "__main__":
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    smallest_batch = int(sys.argv[2]) if len(sys.argv) > 2 else SMALLEST_BATCH
    with tempfile.TemporaryDirectory() as folder, running_cluster(Path(folder), smallest_batch) as cluster:
        print(measure_lag(cluster, events).describe())

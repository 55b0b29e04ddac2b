"""What operators watch: counters, histograms and gauges in the format of Prometheus.

Several server processes share them through files in ``PROMETHEUS_MULTIPROC_DIR``, which `kg serve` sets; a
process that is asked adds them up. Without it (a single process, a test) they live in memory.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from kg.store.base import StoreState

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

REQUESTS = Counter("kg_http_requests", "Requests answered.", ("endpoint", "status"))
QUERIES = Counter("kg_queries", "SPARQL queries of clients, by how they ended.", ("outcome",))
QUERY_SECONDS = Histogram(
    "kg_query_seconds", "Seconds from a query of the store to its last byte.", buckets=_SECONDS
)
RESULT_BYTES = Counter("kg_query_result_bytes", "Bytes of results, before any content coding.")
RESULT_ROWS = Counter("kg_query_result_rows", "Rows of SELECT results.")
CACHE = Counter(
    "kg_answer_cache", "Requests whose answer is kept: given from memory (hit) or made (miss).", ("outcome",)
)
CACHE_BYTES = Gauge("kg_answer_cache_bytes", "Bytes of answers that are kept.", multiprocess_mode="livesum")
STORE = Gauge(
    "kg_store_queries",
    "Queries that run (busy), the slow among them, those that wait, and how many more could start (idle).",
    ("state",),
    multiprocess_mode="livesum",
)


_requests: dict[tuple[str, int], Counter] = {}
_queries: dict[str, Counter] = {}
_states = {name: STORE.labels(name) for name in ("idle", "busy", "slow", "waiting")}
_shown: dict[str, int] = {}


def count_request(endpoint: str, status: int, times: int = 1) -> None:
    """Count answered requests by the name of their view."""
    counter = _requests.get((endpoint, status))
    if counter is None:  # finding a child by its labels costs more than counting
        counter = _requests[endpoint, status] = REQUESTS.labels(endpoint, str(status))
    counter.inc(times)


def count_queries_again(times: int, size: int, rows: int) -> None:
    """Count queries that were answered from memory, ``size`` and ``rows`` each."""
    QUERIES.labels("ok").inc(times)
    RESULT_BYTES.inc(times * size)
    RESULT_ROWS.inc(times * rows)


def count_cache(hits: int, misses: int, size: int) -> None:
    """Count requests that the cache of answers was asked for, and show how large it is."""
    CACHE.labels("hit").inc(hits)
    CACHE.labels("miss").inc(misses)
    CACHE_BYTES.set(size)


def count_queries(outcome: str, seconds: Sequence[float], size: int, rows: int) -> None:
    """Count queries that have ended alike, each with its seconds; bytes and rows are of all their results."""
    counter = _queries.get(outcome)
    if counter is None:
        counter = _queries[outcome] = QUERIES.labels(outcome)
    counter.inc(len(seconds))
    for taken in seconds:
        QUERY_SECONDS.observe(taken)
    RESULT_BYTES.inc(size)
    RESULT_ROWS.inc(rows)


def show_store(state: StoreState) -> None:
    """Set the gauges of this process's store, those that have changed."""
    for name, gauge in _states.items():
        value = getattr(state, name)
        if _shown.get(name) != value:
            _shown[name] = value
            gauge.set(value)


def render_metrics() -> bytes:
    """Return the text exposition of all server processes."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        return generate_latest(REGISTRY)
    for pid in {path.stem.rpartition("_")[2] for path in Path(folder).glob("gauge_live*_*.db")}:
        if not Path("/proc", pid).exists():
            mark_process_dead(int(pid), folder)  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return generate_latest(registry)

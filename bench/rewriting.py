"""What rewriting gains: ``python -m bench.rewriting --triples 1000000``.

Asks the engine, in this process, queries as they are written and as ``kg.store.planning.rewriting`` writes
them anew, in turn, and tells the time of the processor for both. Of the mix it takes the shapes that are
rewritten; others show what the mix has no shape for. Both answers must have the same rows.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pyoxigraph import QueryResultsFormat, QuerySolutions, RdfFormat, Store

from bench.graph import Size, make_graph
from bench.mix import ACTIVE, ROLE, SHAPES, Shape
from kg.dataset import read_lines
from kg.sorting import sort_lines
from kg.store.planning.rewriting import rewrite
from kg.store.planning.statistics import Statistics
from kg.store.planning.survey import survey_quads

OTHERS = (
    Shape("equal", "rewriting", ACTIVE, "SELECT ?p ?o { ?s ?p ?o FILTER(?s = $it) }"),
    Shape(
        "in",
        "rewriting",
        ACTIVE,
        "SELECT ?s ?name { ?s skos:prefLabel ?name FILTER(?s IN ($it, id:person-0)) }",
    ),
    Shape("count-all", "rewriting", ACTIVE, "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"),
    Shape("properties", "rewriting", ACTIVE, "SELECT DISTINCT ?p { ?s ?p ?o }"),
    Shape(
        "not-exists-of-two",
        "rewriting",
        ROLE,
        "SELECT (COUNT(*) AS ?n) { ?m org:role $it ; org:member ?person"
        " FILTER NOT EXISTS { ?claim kg:about ?person ; kg:modality kg:plan } }",
    ),
    Shape(
        "never-spoken-of",
        "rewriting",
        ACTIVE,
        "SELECT (COUNT(*) AS ?n) { ?person a schema:Person"
        " FILTER NOT EXISTS { ?claim kg:about ?person ; kg:saidBy ?other } }",
    ),
)


def measure(store: Store, known: Statistics, size: Size, rounds: int) -> Iterator[str]:
    """Yield the lines of a table: milliseconds as written and rewritten, median (min–max)."""
    yield "| shape | as written, ms | rewritten, ms | rewriting, µs |"
    yield "|---|---|---|---|"
    for shape in (*SHAPES.values(), *OTHERS):
        asked = [shape.write(size, turn) for turn in range(rounds)]
        if any(rewrite(query, known) != query for query in asked):
            yield f"| {shape.name} | {' | '.join(_compare(store, known, asked))} |"


def _compare(store: Store, known: Statistics, asked: list[str]) -> list[str]:
    times: list[list[float]] = [[], [], []]
    for query in asked:
        begun = time.process_time()
        other = rewrite(query, known)
        times[2].append((time.process_time() - begun) * 1e6)
        (written_s, expected), (rewritten_s, rows) = _ask(store, query), _ask(store, other)
        if rows != expected:
            raise SystemExit(f"The rows differ: {query} became {other}")
        times[0].append(written_s * 1e3)
        times[1].append(rewritten_s * 1e3)
    return [f"{statistics.median(each):.1f} ({min(each):.1f}–{max(each):.1f})" for each in times]


def _ask(store: Store, query: str) -> tuple[float, Counter[bytes]]:
    begun = time.process_time()
    result = store.query(query, use_default_graph_as_union=True)
    assert isinstance(result, QuerySolutions)
    body = result.serialize(format=QueryResultsFormat.TSV)
    seconds = time.process_time() - begun
    return seconds, Counter(body.split(b"\n"))


def main() -> None:
    """Make a store and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.rewriting", description=__doc__.partition("\n")[0])
    parser.add_argument("--triples", type=int, default=100_000, help="size of the graph (100000)")
    parser.add_argument("--rounds", type=int, default=5, help="times that each shape is asked (5)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kg-bench-") as folder:
        graph, path = Path(folder, "graph.nq"), Path(folder, "store")
        with graph.open("w", encoding="utf-8") as file:
            file.writelines(make_graph(asked.triples))
        store = Store(str(path))
        store.bulk_load(path=str(graph), format=RdfFormat.N_QUADS)
        store.optimize()
        known = survey_quads(sort_lines(read_lines(graph), Path(folder)))
        for line in measure(store, known, Size(asked.triples), asked.rounds):
            print(line, flush=True)


if __name__ == "__main__":
    main()

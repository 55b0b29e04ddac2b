"""The benchmark of pages measures each form of a document, of typical things and of the hub."""

from __future__ import annotations

from pathlib import Path

from bench.graph import Size, make_graph
from bench.pages import FORMS, OURS, measure_in_process
from bench.servers import build

TRIPLES, ROUNDS = 3_000, 2


def test_figures_of_each_form(tmp_path: Path) -> None:
    graph = tmp_path / "graph.nq"
    graph.write_text("".join(make_graph(TRIPLES)), encoding="utf-8")
    build(tmp_path / "var", graph)
    figures = measure_in_process(tmp_path / "var", Size(TRIPLES), ROUNDS)
    assert len(figures) == 2 * len(FORMS)
    for line, cells in figures.items():
        assert len(cells[OURS]) == ROUNDS, line
        assert min(cells[OURS]) > 0

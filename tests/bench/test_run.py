"""Answers of different servers are compared by what they mean; what was measured is kept and shown."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from bench.asking import Measurement, read_rows, read_term, read_triples
from bench.differences import list_differences
from bench.graph import Size
from bench.load import make_paths
from bench.report import KINDS, PAGE, render_groups, render_growth, render_result, write_section
from bench.results import OURS, Result, read_results, write_result
from bench.run import main
from bench.servers import Server

XSD = "http://www.w3.org/2001/XMLSchema#"


def measure(server: str, seconds: float, rows: int = 1, fault: str = "") -> Measurement:
    return Measurement(server, "labels", "point", 0, seconds, Counter({("row",): rows}), fault)


def make_result(kind: str = "mix", triples: int = 1000, figure: float = 3.0) -> Result:
    line = "labels" if kind == "mix" else "8"
    figures = {line: {"peer": [1.0], OURS: [figure - 1, figure, figure + 1]}}
    return Result(kind, triples, "2026-01-01", "2 cores", "ms", figures, {OURS: 1.5})


def literal(value: str, datatype: str) -> dict[str, str]:
    return {"type": "literal", "value": value, "datatype": XSD + datatype}


def test_numbers_are_equal_by_value_and_texts_by_letter() -> None:
    assert read_term(literal("2.5000000001", "decimal")) == read_term(literal("2.5E0", "double"))
    assert read_term(literal("2", "integer")) != read_term(literal("3", "integer"))
    assert read_term(literal("1234567", "integer")) != read_term(literal("1234568", "integer"))
    assert read_term(literal("a", "string")) == read_term({"type": "literal", "value": "a"})
    assert read_term({"type": "literal", "value": "2"}) != read_term(literal("2", "integer"))


def test_rows_are_a_multiset_and_graphs_a_set() -> None:
    row = {"x": {"type": "uri", "value": "urn:a"}}
    twice = json.dumps({"head": {"vars": ["x"]}, "results": {"bindings": [row, row]}}).encode()
    assert sorted(read_rows(twice).values()) == [2]
    lines = b"<urn:a> <urn:b> <urn:c> .\n" * 2
    assert read_triples(lines, "text/plain").total() == 1


def test_medians_ratios_and_means() -> None:
    result = make_result()
    assert "| labels | 3.00 (2.00–4.00) | 1.00 | 3.00 |" in render_result(result)
    assert "| point | 3.00 (of 1 of 8 shapes) |" in render_groups(result)
    assert render_result(result)[0] == "1,000 triples, 2026-01-01; 2 cores. Loaded in 1.5 s (Article KG)."


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        (measure("peer", 0.1), []),
        (
            measure("peer", 0.1, rows=3),
            ["labels, round 0, peer: 3 rows, ours 1; 2 that we do not have, 0 of ours not there"],
        ),
        (measure("peer", 0.1, fault="status 500"), ["labels, round 0, peer: status 500 after 0.1 s"]),
    ],
)
def test_what_differs_is_listed(theirs: Measurement, told: list[str]) -> None:
    assert list_differences([measure(OURS, 0.1), theirs]) == told


def test_our_own_fault_is_listed() -> None:
    both = [measure(OURS, 0.1, fault="status 504"), measure("peer", 0.1)]
    assert list_differences(both) == [f"labels, round 0, {OURS}: status 504 after 0.1 s"]


def test_results_are_kept_by_kind_and_size_and_show_growth(tmp_path: Path) -> None:
    for triples, figure in ((1000, 3.0), (1000, 2.0), (100, 5.0)):
        write_result(make_result(triples=triples, figure=figure), tmp_path)
    write_result(make_result("cold"), tmp_path)
    small, large = read_results("mix", tmp_path)
    assert (small.triples, large.triples) == (100, 1000)
    assert large.median("labels", OURS) == 2.0  # the last run of a size stands
    lines = render_growth([small, large, *read_results("cold", tmp_path)])
    assert "| queries: point, geometric mean, ms | 5.00 | 2.00 |" in lines
    assert "| 8 connections, cold, ms | – | 3.00 |" in lines


def test_cold_queries_end_where_a_number_makes_them_new() -> None:
    server = Server("peer", "http://127.0.0.1:1/ds/query", 0.0, (("default-graph-uri", "urn:all"),))
    cold, hot = (make_paths(server, Size(1000), 0, kind) for kind in ("cold", "hot"))
    assert all(path.startswith("/ds/query?default-graph-uri=urn%3Aall&query=") for path in cold)
    assert len(hot) < len(cold)
    other = make_paths(server, Size(100_000), 1, "cold")
    assert set(other) != set(make_paths(server, Size(100_000), 0, "cold"))


@pytest.mark.parametrize("wrong", [["mixed"], ["--triples", "0"], ["--rounds", "0"]])
def test_a_wrong_option_is_told(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(wrong)
    assert left.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_the_page_has_the_sections_that_are_written(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    for name in (*KINDS, "growth"):
        write_section(name, ["| a |", "|---|"], page)
        write_section(name, ["| b |", "|---|"], page)
    text = page.read_text(encoding="utf-8")
    assert "| a |" not in text and text.count("| b |") == 7
    assert "## Search and browsing" in text
    with pytest.raises(ValueError, match="has no section"):
        write_section("other", [], page)

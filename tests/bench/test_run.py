"""Answers of different servers are compared by what they mean, and what differs is listed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from bench.asking import Measurement, read_rows, read_term, read_triples
from bench.report import PAGE, render_differences, render_groups, render_shapes, write_section

XSD = "http://www.w3.org/2001/XMLSchema#"


def measure(server: str, seconds: float, rows: int = 1, fault: str = "") -> Measurement:
    return Measurement(server, "labels", "point", 0, seconds, Counter({("row",): rows}), fault)


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
    measurements = [measure("ours", 0.002), measure("ours", 0.004), measure("peer", 0.001)]
    line = next(line for line in render_shapes(measurements, ["ours", "peer"]) if line.startswith("| labels"))
    assert line == "| labels | point | 3.00 (2.00–4.00) | 1.00 (1.00–1.00) | 3.00 |"
    assert "| point | 3.00 (of 1 of 8 shapes) |" in render_groups(measurements, ["ours", "peer"])


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        (measure("peer", 0.1), "same rows"),
        (measure("peer", 0.1, rows=3), "3 rows, ours 1; 2 that we do not have, 0 of ours not there"),
        (measure("peer", 0.1, fault="status 500"), "status 500 after 0.1 s"),
    ],
)
def test_what_differs_is_listed(theirs: Measurement, told: str) -> None:
    assert told in "\n".join(render_differences([measure("ours", 0.1), theirs], ["ours", "peer"]))


def test_our_own_fault_is_listed() -> None:
    both = [measure("ours", 0.1, fault="status 504"), measure("peer", 0.1)]
    assert "ours: status 504" in "\n".join(render_differences(both, ["ours", "peer"]))


def test_the_page_has_the_sections_that_are_written(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    for name in ("mix", "load"):
        write_section(name, ["| a |", "|---|"], page)
        write_section(name, ["| b |", "|---|"], page)
    text = page.read_text(encoding="utf-8")
    assert "| a |" not in text and text.count("| b |") == 2
    assert "## Search and browsing" in text
    with pytest.raises(ValueError, match="has no section"):
        write_section("other", [], page)

"""Turns measurements into tables of Markdown, and puts them into docs/performance.md."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from pathlib import Path

from bench.asking import Measurement
from bench.mix import GROUPS, SHAPES

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
FEW = 12
"""Differences that are listed in full; of the rest the number is told."""


def select_times(measurements: Iterable[Measurement], server: str, shape: str) -> list[float]:
    """Return the milliseconds of the answers that a server gave to a shape without a fault."""
    return [
        1000 * one.seconds
        for one in measurements
        if one.server == server and one.shape == shape and not one.fault
    ]


def render_shapes(measurements: list[Measurement], servers: list[str]) -> list[str]:
    """Return a table with a line for each shape; a ratio is our median divided by theirs."""
    ours, *peers = servers
    head = ["shape", "group", f"{ours}, ms (min–max)"]
    for peer in peers:
        head += [f"{peer}, ms (min–max)", "ratio"]
    lines = [_row(head), _row(["---"] * len(head))]
    for shape in SHAPES.values():
        own = select_times(measurements, ours, shape.name)
        cells = [shape.name, shape.group, _spread(own)]
        for peer in peers:
            theirs = select_times(measurements, peer, shape.name)
            cells += [_spread(theirs), _ratio(own, theirs)]
        lines.append(_row(cells))
    return lines


def render_groups(measurements: list[Measurement], servers: list[str]) -> list[str]:
    """Return a table with the geometric mean of the ratios, over the shapes that both answered."""
    ours, *peers = servers
    lines = [_row(["our time / theirs, geometric mean", *peers]), _row(["---"] * (len(peers) + 1))]
    for group in GROUPS:
        cells = [group]
        for peer in peers:
            pairs = [
                (select_times(measurements, ours, shape.name), select_times(measurements, peer, shape.name))
                for shape in SHAPES.values()
                if shape.group == group
            ]
            ratios = [
                statistics.median(own) / statistics.median(their) for own, their in pairs if own and their
            ]
            told = f"{statistics.geometric_mean(ratios):.2f}" if ratios else "–"
            cells.append(
                told if len(ratios) == len(pairs) else f"{told} (of {len(ratios)} of {len(pairs)} shapes)"
            )
        lines.append(_row(cells))
    return lines


def render_differences(measurements: list[Measurement], servers: list[str]) -> list[str]:
    """Return what failed, and where a peer's rows are not ours."""
    ours = servers[0]
    own = {(one.shape, one.turn): one for one in measurements if one.server == ours}
    found = []
    for one in measurements:
        mine = own[one.shape, one.turn]
        where = f"{one.shape}, round {one.turn}, {one.server}"
        if one.fault:
            found.append(f"- {where}: {one.fault} after {one.seconds:.1f} s")
        elif not mine.fault and one.rows != mine.rows:
            extra, missing = (one.rows - mine.rows).total(), (mine.rows - one.rows).total()
            found.append(
                f"- {where}: {one.rows.total()} rows, ours {mine.rows.total()};"
                f" {extra} that we do not have, {missing} of ours not there"
            )
    if not found:
        return ["All servers answered the same rows to all queries."]
    rest = [f"- and {len(found) - FEW} more"] if len(found) > FEW else []
    return [f"Faults and differing answers ({len(found)} of {len(measurements)}):", "", *found[:FEW], *rest]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _spread(times: list[float]) -> str:
    return f"{statistics.median(times):.2f} ({min(times):.2f}–{max(times):.2f})" if times else "–"


def _ratio(own: list[float], theirs: list[float]) -> str:
    return f"{statistics.median(own) / statistics.median(theirs):.2f}" if own and theirs else "–"


def write_section(name: str, lines: list[str], page: Path = PAGE) -> None:
    """Put lines between the markers of a section; raises ``ValueError`` where there are none."""
    text = page.read_text(encoding="utf-8")
    start, end = f"<!-- bench {name} -->\n", f"<!-- end of bench {name} -->"
    if start not in text or end not in text:
        raise ValueError(f"{page} has no section {start.strip()}")
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    page.write_text(before + start + "\n".join(lines) + "\n" + end + after, encoding="utf-8")

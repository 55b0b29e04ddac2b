"""Makes docs/performance.md of the results that are kept: ``python -m bench.report``.

Only what stands between the markers of a section is written; the words around it are a person's.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from pathlib import Path

from bench.mix import GROUPS, SHAPES
from bench.results import FOLDER, OURS, Result, read_results

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
FEW = 12
"""Remarks that are listed in full; of the rest the number is told."""
KINDS = ("mix", "cold", "hot", "crowd", "pages", "build")
"""Kinds of results, each with a section of its own on the page."""


def render_result(result: Result) -> list[str]:
    """Return a result as lines of Markdown: how it was measured, its table, means, and what was remarked."""
    loading = ", ".join(f"{seconds:.1f} s ({name})" for name, seconds in result.loading.items())
    head = f"{result.triples:,} triples, {result.date}; {result.machine}"
    lines = [f"{head}. Loaded in {loading}." if loading else f"{head}.", "", *render_table(result)]
    if result.kind == "mix":
        lines += ["", *render_groups(result)]
    return [*lines, "", *render_remarks(result)]


def render_table(result: Result) -> list[str]:
    """Return a table with a line for each line of figures; a ratio is our median divided by theirs."""
    peers = [name for name in result.columns if name != OURS]
    head = ["", *[f"{name}, {result.unit}".removesuffix(", ") for name in result.columns[:1]]]
    for peer in peers:
        head += [f"{peer}", "ratio"]
    lines = [_row(head), _row(["---"] * len(head))]
    for line, cells in result.figures.items():
        row = [line, *[_spread(cells.get(name, [])) for name in result.columns[:1]]]
        for peer in peers:
            row += [_spread(cells.get(peer, [])), _tell(result.ratio(line, peer))]
        lines.append(_row(row))
    return lines


def render_groups(result: Result) -> list[str]:
    """Return a table with the geometric mean of the ratios, over the shapes that both answered."""
    peers = [name for name in result.columns if name != OURS]
    lines = [_row(["our time / theirs, geometric mean", *peers]), _row(["---"] * (len(peers) + 1))]
    for group in GROUPS:
        shapes = [shape.name for shape in SHAPES.values() if shape.group == group]
        cells = [group]
        for peer in peers:
            ratios = [ratio for shape in shapes if (ratio := result.ratio(shape, peer))]
            told = f"{statistics.geometric_mean(ratios):.2f}" if ratios else "–"
            few = f" (of {len(ratios)} of {len(shapes)} shapes)"
            cells.append(told if len(ratios) == len(shapes) else told + few)
        lines.append(_row(cells))
    return lines


def render_remarks(result: Result) -> list[str]:
    """Return what failed or differed."""
    if not result.remarks:
        return ["All servers answered the same rows to all queries."] if result.kind == "mix" else []
    rest = [f"- and {len(result.remarks) - FEW} more"] if len(result.remarks) > FEW else []
    return ["Remarks:", "", *[f"- {remark}" for remark in result.remarks[:FEW]], *rest]


def render_growth(results: Iterable[Result]) -> list[str]:
    """Return how our medians grow with the graph: a line for each figure, a column for each size."""
    kept = list(results)
    sizes = sorted({result.triples for result in kept})
    lines = [_row(["", *[f"{size:,}" for size in sizes]]), _row(["---"] * (len(sizes) + 1))]
    for kind in KINDS:
        of_kind = {result.triples: result for result in kept if result.kind == kind}
        for name, figures in _grow(of_kind).items():
            lines.append(_row([name, *[_tell(figures.get(size)) for size in sizes]]))
    return lines


def _grow(results: dict[int, Result]) -> dict[str, dict[int, float]]:
    """Return line → size → our median; of the mix, the geometric mean of each group."""
    grown: dict[str, dict[int, float]] = {}
    for size, result in results.items():
        if result.kind == "mix":
            for group in GROUPS:
                medians = [result.median(name, OURS) for name in SHAPES if SHAPES[name].group == group]
                known = [median for median in medians if median]
                if known:
                    line = f"queries: {group}, geometric mean, {result.unit}"
                    grown.setdefault(line, {})[size] = statistics.geometric_mean(known)
            continue
        for line in result.figures:
            median = result.median(line, OURS)
            if median is not None:
                name = f"{line} connections, {result.kind}" if result.kind in ("cold", "hot") else line
                grown.setdefault(f"{name}, {result.unit}" if result.unit else name, {})[size] = median
    return grown


def write_page(page: Path = PAGE, folder: Path = FOLDER) -> None:
    """Write all sections of which there are results, and the drawings beside the page."""
    from bench.charts import draw_all  # the drawing library takes a second to import

    kept = []
    for kind in KINDS:
        results = read_results(kind, folder)
        kept += results
        if results:
            parts = ["\n".join(render_result(result)) for result in results]
            write_section(kind, "\n\n".join(parts).splitlines(), page)
    if kept:
        write_section("growth", render_growth(kept), page)
        draw_all(kept, page.parent / "charts")


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _spread(figures: list[float]) -> str:
    if not figures:
        return "–"
    middle, least, most = statistics.median(figures), min(figures), max(figures)
    return _tell(middle) if len(figures) == 1 else f"{_tell(middle)} ({_tell(least)}–{_tell(most)})"


def _tell(figure: float | None) -> str:
    """Return a figure with three digits that count.

    >>> [_tell(figure) for figure in (0.01234, 1.5, 27_100.0, None)]
    ['0.0123', '1.50', '27,100', '–']
    """
    if figure is None:
        return "–"
    if figure >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.3g}" if figure < 1 else f"{figure:.2f}" if figure < 10 else f"{figure:.1f}"


def write_section(name: str, lines: list[str], page: Path = PAGE) -> None:
    """Put lines between the markers of a section; raises ``ValueError`` where there are none."""
    text = page.read_text(encoding="utf-8")
    start, end = f"<!-- bench {name} -->\n", f"<!-- end of bench {name} -->"
    if start not in text or end not in text:
        raise ValueError(f"{page} has no section {start.strip()}")
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    page.write_text(before + start + "\n".join(lines) + "\n" + end + after, encoding="utf-8")


if __name__ == "__main__":
    write_page()

"""Draws results as SVG: ratios of the mix, and requests per second. The same results give the same bytes."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.mix import SHAPES
from bench.results import OURS, Result

COLOURS = {
    OURS: "#0b57a4",
    "oxigraph": "#d1495b",
    "virtuoso": "#8d6a00",
    "fuseki": "#3c7a5a",
    "rdflib-endpoint": "#777777",
}
MARKS = {"oxigraph": "o", "virtuoso": "s", "fuseki": "^", "rdflib-endpoint": "D"}
"""Forms beside colours, for eyes that see few colours."""
plt.rcParams |= {"svg.hashsalt": "article-kg", "font.size": 9, "axes.spines.top": False}
plt.rcParams |= {"axes.spines.right": False, "svg.fonttype": "none"}


def draw_all(results: list[Result], folder: Path) -> None:
    """Draw what there are results of; each drawing is one file in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    mixes = [result for result in results if result.kind == "mix"]
    if mixes:
        _save(draw_ratios(mixes), folder / "ratios.svg")
    for kind in ("cold", "hot"):
        found = [result for result in results if result.kind == kind]
        if found:
            _save(draw_load(found), folder / f"{kind}.svg")


def draw_ratios(results: list[Result]) -> Figure:
    """Draw, for each size, our time divided by each peer's; left of the line we are quicker."""
    figure, axes = plt.subplots(
        1, len(results), figsize=(4.2 * len(results) + 1.2, 7.5), sharey=True, squeeze=False
    )
    names = list(SHAPES)
    for axis, result in zip(axes[0], results, strict=True):
        for peer in result.columns[1:]:
            points = [(ratio, row) for row, name in enumerate(names) if (ratio := result.ratio(name, peer))]
            axis.plot(*zip(*points, strict=True), MARKS[peer], color=COLOURS[peer], label=peer, markersize=5)
        axis.axvline(1, color="#333", linewidth=1)
        axis.set_xscale("log")
        axis.set_title(f"{result.triples:,} triples")
        axis.set_xlabel("our time / theirs")
        axis.grid(axis="x", color="#ddd")
    axes[0][0].set_yticks(range(len(names)), names)
    axes[0][0].invert_yaxis()
    _put_legend(figure, axes[0][0])
    return figure


def draw_load(results: list[Result]) -> Figure:
    """Draw requests per second of each server at each number of connections."""
    figure, axes = plt.subplots(1, len(results), figsize=(max(7.2, 4.2 * len(results)), 3.6), squeeze=False)
    for axis, result in zip(axes[0], results, strict=True):
        width = 0.8 / len(result.columns)
        for place, name in enumerate(result.columns):
            heights = [result.median(line, name) or 0 for line in result.figures]
            spots = [number + place * width for number in range(len(heights))]
            axis.bar(spots, heights, width, color=COLOURS[name], label=name)
        axis.set_xticks([number + 0.4 for number in range(len(result.figures))], list(result.figures))
        axis.set_xlabel("connections")
        axis.set_ylabel("requests per second")
        axis.set_title(f"{result.triples:,} triples")
    _put_legend(figure, axes[0][0])
    return figure


def _put_legend(figure: Figure, axis: Axes) -> None:
    handles, names = axis.get_legend_handles_labels()
    figure.legend(handles, names, loc="upper center", ncols=len(names), frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.95))


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)

"""What a benchmark measured, kept as a file so that tables and drawings can be made of several runs.

``bench/results/<kind>-<triples>.json`` holds the last run of a kind at a size; ``bench.report`` makes
docs/performance.md of all of them.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent / "results"
OURS = "Article KG"

Figures = dict[str, dict[str, list[float]]]
"""Line of a table → column → the figures that were measured, one for each round."""


@dataclass(frozen=True, slots=True)
class Result:
    """One run: ``unit`` says what the figures are.

    ``machine`` says how busy it was before and after, ``loading`` how many seconds each server loaded, and
    ``remarks`` what failed or differed.
    """

    kind: str
    triples: int
    date: str
    machine: str
    unit: str
    figures: Figures
    loading: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def columns(self) -> list[str]:
        """Ours first, then the others in the order of the first line that has them."""
        names = dict.fromkeys(name for line in self.figures.values() for name in line)
        return sorted(names, key=lambda name: name != OURS)

    def median(self, line: str, column: str) -> float | None:
        """Return the median of the figures of a cell, or None where nothing was measured."""
        figures = self.figures.get(line, {}).get(column)
        return statistics.median(figures) if figures else None

    def ratio(self, line: str, peer: str) -> float | None:
        """Return our median divided by a peer's."""
        ours, theirs = self.median(line, OURS), self.median(line, peer)
        return ours / theirs if ours and theirs else None


def write_result(result: Result, folder: Path = FOLDER) -> Path:
    """Keep a result in place of the last one of its kind and size; returns its file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.kind}-{result.triples}.json"
    rounded = {
        line: {column: [float(f"{figure:.4g}") for figure in figures] for column, figures in cells.items()}
        for line, cells in result.figures.items()
    }
    content = asdict(result) | {"figures": rounded}
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def read_results(kind: str, folder: Path = FOLDER) -> list[Result]:
    """Return the kept results of a kind, the smallest graph first."""
    return sorted(_read(kind, folder), key=lambda result: result.triples)


def _read(kind: str, folder: Path) -> Iterator[Result]:
    for path in folder.glob(f"{kind}-*.json"):
        result = Result(**json.loads(path.read_text(encoding="utf-8")))
        if result.kind == kind:
            yield result

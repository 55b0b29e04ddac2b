"""What is known of a release's quads before anything is asked of them: counted once, at the build.

A query over the union of all graphs would count the same, so the figures may stand for such a count
(``kg.store.planning.counts``), make a pattern needless and tell which way of joining is cheaper
(``kg.store.planning.rewriting``), and tell how much a small query can cost (``kg.store.planning.bounds``).
All are about quads and not triples: what two graphs say counts twice, as it does for the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

FILE_NAME = "statistics.json"
"""In the folder of the store; the engine leaves alone what it does not know."""

Rows = Sequence[tuple[str, str, int]]
"""A value of one property, a value of another, and how many pairs of quads have them and one subject."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What ``survey`` found; terms are IRIs, and a table that cannot name all of them is None.

    Attributes
    ----------
    properties: property → quads with it.
    classes: class → quads that say that something is of it.
    most_objects: property → quads with it that one subject has at most.
    most_quads: quads that one subject has at most, which says nothing without the former.
    classes_of: property → classes of which each of its subjects is, by exactly one quad each.
    values: property → value → quads, of properties with few values, all of them IRIs, and many quads.
    together: property → another that sorts behind it → how often their values have one subject; of pairs of
        those properties, and whatever is not listed of a pair does not occur.

    >>> Statistics({"http://schema.org/name": 3}, None).properties
    {'http://schema.org/name': 3}
    """

    properties: Mapping[str, int] | None = None
    classes: Mapping[str, int] | None = None
    most_objects: Mapping[str, int] | None = None
    most_quads: int = 0
    classes_of: Mapping[str, Sequence[str]] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    together: Mapping[str, Mapping[str, Rows]] = field(default_factory=dict)


def write_statistics(statistics: Statistics, folder: Path) -> None:
    """Write into the folder of a store, sorted by IRI."""
    text = json.dumps(asdict(statistics), indent=1, sort_keys=True, ensure_ascii=False)
    (folder / FILE_NAME).write_text(text + "\n", encoding="utf-8")


def read_statistics(folder: Path) -> Statistics:
    """Return what was written; nothing is known where there is no file, as in a store made elsewhere."""
    try:
        content = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        return Statistics(**content)
    except (OSError, ValueError, TypeError):
        return Statistics()

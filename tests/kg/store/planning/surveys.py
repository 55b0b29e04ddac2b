"""What tests know of the stores that they make."""

from __future__ import annotations

import pyoxigraph as ox

from kg.store.planning.statistics import Statistics
from kg.store.planning.survey import survey_quads


def list_lines(store: ox.Store) -> list[bytes]:
    """Return the quads of a store, sorted."""
    return sorted(ox.serialize(store, format=ox.RdfFormat.N_QUADS).splitlines(keepends=True))


def survey_store(store: ox.Store) -> Statistics:
    """Return what the build would know of a store."""
    return survey_quads(list_lines(store))

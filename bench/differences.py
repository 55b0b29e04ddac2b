"""Says where servers answered differently, or failed."""

from __future__ import annotations

from bench.asking import Measurement
from bench.results import OURS


def list_differences(measurements: list[Measurement]) -> list[str]:
    """Return what failed, and where a peer's rows are not ours."""
    own = {(one.shape, one.turn): one for one in measurements if one.server == OURS}
    found = []
    for one in measurements:
        mine = own[one.shape, one.turn]
        where = f"{one.shape}, round {one.turn}, {one.server}"
        if one.fault:
            found.append(f"{where}: {one.fault} after {one.seconds:.1f} s")
        elif not mine.fault and one.rows != mine.rows:
            extra, missing = (one.rows - mine.rows).total(), (mine.rows - one.rows).total()
            found.append(
                f"{where}: {one.rows.total()} rows, ours {mine.rows.total()};"
                f" {extra} that we do not have, {missing} of ours not there"
            )
    return found

"""Makes the store of a release: of all its lines, or of the store of an earlier release and what changed.

Data files of a store are never written again (RocksDB makes new ones), so those of an earlier release are
linked and not copied; what goes and what comes is worked out line by line. Source: RocksDB, "Checkpoints".
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pyoxigraph import RdfFormat, Store, parse

from kg.dataset import read_lines
from kg.errors import ReleaseError
from kg.release.digests import check_file
from kg.release.dumps.change import Change
from kg.release.files import LIST, FileEntry, parse_list
from kg.store.planning.statistics import FILE_NAME, write_statistics
from kg.store.planning.survey import survey_quads

_IMMUTABLE = ".sst"
_STORE = "store/"
_READ_BYTES = 1024 * 1024
_NOT_TAKEN = tuple(f"{_STORE}{name}" for name in ("LOCK", "LOG", FILE_NAME))


def write_store(path: Path, lines: Path) -> None:
    """Make a store of a file of N-Quads, and leave it as it is read fastest."""
    store = Store(str(path))
    # The engine does not need the interpreter while it loads.
    with ThreadPoolExecutor(max_workers=1) as thread:
        statistics = thread.submit(survey_quads, read_lines(lines))
        # Lenient, since the lines were made of quads that are valid.
        store.bulk_load(path=str(lines), format=RdfFormat.N_QUADS, lenient=True)
        store.optimize()
        store.flush()
        write_statistics(statistics.result(), path)


def renew_store(path: Path, lines: Path, earlier: Path | None, change: Change | None) -> None:
    """Make a store of N-Quads, from an earlier one where little changed and all of it is whole.

    Parameters
    ----------
    earlier: folder of an earlier release.
    change: what went and came since the earlier one; None if that is not known.
    """
    if earlier is not None and change is not None:
        try:
            _take_over(path, lines, earlier, change)
            return
        except (OSError, ValueError, RuntimeError, ReleaseError):
            shutil.rmtree(path, ignore_errors=True)
    write_store(path, lines)


def _take_over(path: Path, lines: Path, release: Path, change: Change) -> None:
    path.mkdir()
    for entry in parse_list((release / LIST).read_bytes(), LIST).files:
        if entry.path.startswith(_STORE) and not entry.path.startswith(_NOT_TAKEN):
            _take_file(release, entry, path)
    store = Store(str(path))
    for quad in parse(b"".join(change.gone), format=RdfFormat.N_QUADS, lenient=True):
        store.remove(quad)
    store.extend(parse(b"".join(change.come), format=RdfFormat.N_QUADS, lenient=True))
    store.flush()
    size = _count_lines(lines)
    if len(store) != size:
        raise ValueError(f"{path} has {len(store)} quads and not {size}")
    write_statistics(survey_quads(read_lines(lines)), path)


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_READ_BYTES), b""))


def _take_file(release: Path, entry: FileEntry, folder: Path) -> None:
    source = release / entry.path
    check_file(source, entry.sha256)
    target = folder / source.name
    if source.suffix == _IMMUTABLE:
        try:
            os.link(source, target)
            return
        except OSError:  # there are file systems without
            pass
    shutil.copyfile(source, target)

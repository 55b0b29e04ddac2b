"""What processes use, read from ``/proc`` (Linux, proc(5))."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def find_family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [pid]
    for member in found:
        try:
            for task in Path(f"/proc/{member}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:
            continue  # it has just ended
    return found


def read_processor_s(pid: int) -> float:
    """Return the processor time of a process and of its children that have ended, in seconds."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0  # it has just ended, and is counted with the one that started it
    return sum(map(int, fields[11:15])) / _TICKS_A_SECOND


def count_processor_s() -> float:
    """Return what this process and all that it started have used so far, in seconds."""
    return sum(map(read_processor_s, find_family(os.getpid())))


def read_memory(pid: int) -> int:
    """Return the proportional set size in bytes: what is shared counts once over all."""
    return _read_bytes(f"/proc/{pid}/smaps_rollup", "Pss:")


def read_resident(pid: int) -> int:
    """Return the resident set size in bytes: what is shared counts in each; it takes far less to read."""
    return _read_bytes(f"/proc/{pid}/status", "VmRSS:")


def count_files(pid: int) -> int:
    """Return how many files a process has open."""
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return 0


def _read_bytes(path: str, name: str) -> int:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), 0)

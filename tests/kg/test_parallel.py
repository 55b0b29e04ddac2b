"""Jobs run in other processes, come back in order, and take nothing with them when they fail."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from kg.errors import ReleaseError, WorkLost
from kg.parallel import count_processes, run_all


def fail(message: str) -> None:
    raise ReleaseError(message, "Do this.")


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_jobs(processes: int) -> None:
    assert list(run_all([partial(pow, 2, number) for number in range(20)], processes)) == [
        2**number for number in range(20)
    ]


def test_jobs_run_in_other_processes() -> None:
    assert os.getpid() not in set(run_all([os.getpid] * 4, 2))
    assert count_processes() >= 1


def test_an_error_comes_back_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"no room\. Do this\."):
        list(run_all([partial(fail, "no room."), partial(pow, 1, 1)], 2))


def test_a_process_that_is_killed_is_told() -> None:
    with pytest.raises(WorkLost, match="memory"):
        list(run_all([partial(os._exit, 9), partial(pow, 1, 1)], 2))


def interrupt(process: int) -> None:
    os.kill(process, signal.SIGINT)
    time.sleep(600)


def test_who_is_interrupted_waits_for_no_job() -> None:
    with pytest.raises(KeyboardInterrupt):
        list(run_all([partial(interrupt, os.getpid()), partial(time.sleep, 600)], 2))

"""Runs jobs on all cores, each in a process of its own, and hands on what they return in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import TypeVar

from kg.errors import WorkLost

T = TypeVar("T")


def count_processes() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_all(jobs: Sequence[Callable[[], T]], processes: int = 1) -> Iterator[T]:
    """Yield what each job returns, in the order of the jobs.

    Parameters
    ----------
    jobs: functions of modules, or partials of such, since other processes have to find them.
    processes: 1 runs the jobs here, one after the other, as they are asked for.

    Raises
    ------
    WorkLost: one of the processes was ended from outside.

    >>> from functools import partial
    >>> list(run_all([partial(pow, 2, 3), partial(pow, 3, 2)]))
    [8, 9]
    """
    if processes == 1 or len(jobs) < 2:
        for job in jobs:
            yield job()
        return
    # Not forked: a thread of this process may hold a lock, for example that of a progress display.
    with ProcessPoolExecutor(processes, get_context("spawn"), _leave_with_parent) as pool:
        futures = [pool.submit(job) for job in jobs]
        try:
            for future in futures:
                yield future.result()
        except BrokenProcessPool as error:
            raise WorkLost(
                "a process that shared the work was ended from outside.",
                "The system does that when memory runs short: free some, or give the machine more.",
            ) from error
        except (KeyboardInterrupt, SystemExit):
            for process in active_children():  # nobody waits for what they do any more
                process.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def tell_progress(results: Iterable[T], total: int, tell: Callable[[str], None]) -> Iterator[T]:
    """Yield results as they come, and tell after each tenth of them how far it is.

    >>> told = []
    >>> list(tell_progress("abcde", 5, told.append)), told
    (['a', 'b', 'c', 'd', 'e'], ['20 %', '40 %', '60 %', '80 %', '100 %'])
    """
    told = 0
    for done, result in enumerate(results, start=1):
        if done * 10 // total > told:
            told = done * 10 // total
            tell(f"{told * 10} %")
        yield result


def _leave_with_parent() -> None:
    """Let a process end when the one that started it is killed; it would wait for jobs for ever."""
    parent = parent_process()
    if parent is not None:
        Thread(target=_wait_for, args=(parent.sentinel,), daemon=True).start()


def _wait_for(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)

"""Starts workers quickly: a process that has imported all they need, and forks one for each request.

A fresh interpreter costs 60-100 ms of a processor before it opens the store, a fork 1-2 ms, and forked
workers share the memory of what was imported. Under an attack of slow queries, each of which may cost a
worker, that is what keeps workers at hand for others. The server process itself cannot fork safely: it has
threads. This one has none, and opens no store.

The module is both ends: ``Nursery`` is held by the server, ``main`` runs in the process.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

import kg
from kg.store.embedded import sandbox, worker
from kg.store.embedded.process import Lost, WorkerProcess

ALLOCATOR = "libjemalloc.so.2"
"""Takes the place of the C library's where it is installed; else the loader goes on without. RocksDB asks for
blocks of some kilobytes and gives them back all the time, which the C library is slow at (docs/design.md)."""

_NUMBER = struct.Struct("i")
_ROOT = Path(kg.__file__).resolve().parent.parent


def _make_environment() -> dict[str, str]:
    """Return what a worker knows of the server's environment: an allocator, and least of all a proxy."""
    allocator = os.environ.get("LD_PRELOAD", ALLOCATOR)
    return {"LD_PRELOAD": allocator, "PYTHONPATH": str(_ROOT), "LC_ALL": "C.UTF-8"}


class Nursery:
    """The server's end.

    Parameters
    ----------
    arguments: of ``kg.store.embedded.worker.main``.
    """

    def __init__(self, store_path: Path, max_bytes: int, service_prefixes: tuple[str, ...]) -> None:
        self._control, far_end = socket.socketpair()
        arguments = [str(far_end.fileno()), str(os.getpid()), str(store_path), str(max_bytes)]
        with far_end:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-P", "-m", "kg.store.embedded.nursery", *arguments, *service_prefixes],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_make_environment(),
                pass_fds=(far_end.fileno(),),
                start_new_session=True,
            )

    def start_worker(self) -> WorkerProcess:
        """Fork a worker.

        Raises
        ------
        Lost: the nursery has ended; a new one is needed.
        """
        pipes = [os.pipe() for _ in range(3)]
        (input_far, input_near), (output_near, output_far), (status_near, status_far) = pipes
        far_ends = [input_far, output_far, status_far]
        try:
            socket.send_fds(self._control, [b"w"], far_ends)
            answer = self._control.recv(_NUMBER.size)
        except OSError:
            answer = b""
        finally:
            for descriptor in far_ends:
                os.close(descriptor)
        near_ends = (input_near, output_near, status_near)
        if len(answer) < _NUMBER.size:
            for descriptor in near_ends:
                os.close(descriptor)
            raise Lost
        return WorkerProcess(_NUMBER.unpack(answer)[0], *near_ends)

    def close(self) -> None:
        """End the process, and with it all its workers."""
        self._control.close()
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()


def main(control_fd: int, parent: int, arguments: worker.Arguments) -> None:
    """Fork workers until the server closes its end."""
    sandbox.die_with_parent()
    if os.getppid() != parent:
        return
    if not arguments.service_prefixes:
        sandbox.enter()
    control = socket.socket(fileno=control_fd)
    wake_near, wake_far = os.pipe()
    os.set_blocking(wake_far, False)
    signal.set_wakeup_fd(wake_far, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    gc.freeze()  # what is here by now is never looked at again, so its pages stay shared
    me, statuses = os.getpid(), dict[int, int]()
    poller = select.poll()
    poller.register(control, select.POLLIN)
    poller.register(wake_near, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poller.poll()}
        if wake_near in ready:
            os.read(wake_near, 4096)
            _report_ends(statuses)
        if control_fd in ready:
            message, descriptors, _, _ = socket.recv_fds(control, 1, 3)
            if not message:
                return
            pid = os.fork()
            if pid == 0:
                _become_worker(
                    descriptors, [control_fd, wake_near, wake_far, *statuses.values()], arguments, me
                )
            os.close(descriptors[0])
            os.close(descriptors[1])
            statuses[pid] = descriptors[2]
            control.send(_NUMBER.pack(pid))


def _report_ends(statuses: dict[int, int]) -> None:
    """Tell the server how each worker ended, through the pipe that it left for that."""
    while statuses:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        descriptor = statuses.pop(pid)
        with contextlib.suppress(OSError):  # the server may have closed its end
            os.write(descriptor, _NUMBER.pack(os.waitstatus_to_exitcode(status)))
        os.close(descriptor)


def _become_worker(
    descriptors: list[int], others: list[int], arguments: worker.Arguments, parent: int
) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for descriptor in others:
        os.close(descriptor)
    os.dup2(descriptors[0], 0)
    os.dup2(descriptors[1], 1)
    for descriptor in descriptors:
        os.close(descriptor)
    code = 1
    try:
        sandbox.die_with_parent()
        if os.getppid() == parent:
            worker.main(arguments)
        code = 0
    except (BrokenPipeError, KeyboardInterrupt):
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(
        int(sys.argv[1]),
        int(sys.argv[2]),
        worker.Arguments(sys.argv[3], int(sys.argv[4]), tuple(sys.argv[5:])),
    )

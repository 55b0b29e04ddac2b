"""A worker process and the two ends of its pipes."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from pathlib import Path

import kg
from kg.store import frames

READ_BYTES = 256 * 1024
_LOWERED = 10
"""Niceness of a worker whose query is slow: quick queries go first, and it has the rest."""


class Lost(Exception):
    """The worker ended in the middle of an answer."""


class Overdue(Exception):
    """The time to wait for the worker is over."""


class WorkerProcess:
    """A process that runs ``kg.store.worker``; one thread at a time talks to it, any may kill it."""

    def __init__(self, store_path: Path, max_bytes: int, service_prefixes: tuple[str, ...] = ()) -> None:
        arguments = [str(store_path), str(max_bytes), str(os.getpid()), *service_prefixes]
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", "kg.store.worker", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            # Nothing of the server's environment is a worker's business, least of all a proxy.
            env={"PYTHONPATH": str(Path(kg.__file__).resolve().parent.parent), "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._input, self._output = self.process.stdin, self.process.stdout
        os.set_blocking(self._input.fileno(), False)
        self._buffer = bytearray()
        self.deadline = float("inf")
        self.client = ""
        self.slow = False

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    @property
    def is_overdue(self) -> bool:
        """Whether its query is past its deadline."""
        return time.monotonic() >= self.deadline

    @property
    def has_frame(self) -> bool:
        """Whether the next frame has been read completely, so that ``receive`` does not wait."""
        return self._frame_length() is not None

    def send(self, data: bytes, deadline: float) -> None:
        """Write a request; the pipe takes 64 KiB at once and the rest as the worker reads."""
        view = memoryview(data)
        try:
            while view:
                _wait(self._input.fileno(), select.POLLOUT, deadline)
                view = view[os.write(self._input.fileno(), view) :]
        except BrokenPipeError:
            raise Lost from None

    def receive(self, deadline: float) -> tuple[bytes, bytes]:
        """Return kind and payload of the next frame.

        Parameters
        ----------
        deadline: seconds of the monotonic clock.

        Raises
        ------
        Lost, Overdue: the worker has ended, or the deadline came first; what was read of a frame stays.
        """
        while (length := self._frame_length()) is None:
            _wait(self._output.fileno(), select.POLLIN, deadline)
            data = os.read(self._output.fileno(), READ_BYTES)
            if not data:
                raise Lost
            self._buffer += data
        end = frames.HEADER_BYTES + length
        kind, payload = bytes(self._buffer[:1]), bytes(self._buffer[frames.HEADER_BYTES : end])
        del self._buffer[:end]
        return kind, payload

    def _frame_length(self) -> int | None:
        if len(self._buffer) < frames.HEADER_BYTES:
            return None
        _, length = frames.parse_header(bytes(self._buffer[: frames.HEADER_BYTES]))
        return length if len(self._buffer) >= frames.HEADER_BYTES + length else None

    def lower_priority(self) -> None:
        """Let other processes go first; a process that has ended meanwhile is none of our business here."""
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self.process.pid, _LOWERED)

    def restore_priority(self) -> bool:
        """Return whether the process has its usual priority again; only a privileged server may do that."""
        try:
            os.setpriority(os.PRIO_PROCESS, self.process.pid, 0)
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """End the process; its pipes stay open for a reader that may be waiting at them."""
        with contextlib.suppress(OSError):
            self.process.kill()

    def bury(self) -> int:
        """End the process, free what it held, and return how it ended (a negative signal number)."""
        self.kill()
        code = self.process.wait()
        for pipe in (self._input, self._output):
            with contextlib.suppress(OSError):
                pipe.close()
        return code

    def read_exit_code(self) -> int:
        """Return how a worker that has closed its output ended, as it does so at once."""
        try:
            return self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return 0


def _wait(descriptor: int, event: int, deadline: float) -> None:
    poller = select.poll()
    poller.register(descriptor, event)
    remaining = deadline - time.monotonic()
    if remaining <= 0 or not poller.poll(min(remaining, 86_400.0) * 1000 + 1):
        raise Overdue

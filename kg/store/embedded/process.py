"""A worker process, as the server sees it: a number, and pipes."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
import time

from kg.store.embedded import frames

READ_BYTES = 256 * 1024
PIPE_BYTES = 64 * 1024
"""What an empty pipe takes at once (pipe(7))."""
QUICK_CPU_S = 0.05
"""Processor time that a query may take and still be quick. Time on the clock would not do: on a machine
under load it passes for a query that has hardly begun."""
CROWDED_CPU_S = 0.01
"""The same while others wait for a worker."""
LOOK_S = 0.01
"""How often those who wait for a quick query look at these clocks."""
QUICK_WALL_S = 0.5
"""Time on the clock after which a query is slow in any case, such as one that waits for a disk."""
_LOWERED = 10
"""Niceness of a worker whose query is slow: quick queries go first, and it has the rest."""
_NUMBER = struct.Struct("i")
_LAST_WORDS_S = 5.0


class Lost(Exception):
    """The process ended in the middle of what it was to say."""


class Overdue(Exception):
    """The time to wait for the worker is over."""


class WorkerProcess:
    """A process that runs ``kg.store.embedded.worker``; one thread at a time talks to it, any may kill it.

    Parameters
    ----------
    pid: of a process that has just been started.
    input_fd, output_fd: near ends of the pipes at its standard input and output.
    status_fd: near end of the pipe through which its parent tells how it ended.
    """

    def __init__(self, pid: int, input_fd: int, output_fd: int, status_fd: int) -> None:
        self.pid = pid
        # A number may be given to another process as soon as this one has ended; a descriptor may not.
        try:
            self._handle = os.pidfd_open(pid)
        except ProcessLookupError:
            self._handle = -1  # it has ended already, as the first look at it will show
        self._input, self._output, self._status = input_fd, output_fd, status_fd
        self._input_poll = _make_poll(input_fd, select.POLLOUT)
        self._output_poll = _make_poll(output_fd, select.POLLIN)
        self._status_poll = _make_poll(status_fd, select.POLLIN)
        os.set_blocking(input_fd, False)
        self._buffer = bytearray()
        self._exit_code: int | None = None
        # Of the processor time of another process (clock_getcpuclockid(3)).
        self._clock = (~pid << 3) | 2
        self._began = self._began_cpu = 0.0
        self.deadline = float("inf")
        self.client = ""
        self.slow = False
        self.has_more = False
        """Whether it has been sent more than what it is wanted for, so that it cannot be used again."""

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._read_status(0.0) is None

    def begin(self, deadline_s: float, began: float, began_cpu: float) -> None:
        """Start the clocks of a query that began at this time of the monotonic clock and of ``read_cpu``."""
        self._began, self._began_cpu = began, began_cpu
        self.deadline = self._began + deadline_s

    @property
    def is_costly(self) -> bool:
        """Whether its query has taken more processor time than a quick one may."""
        return self.read_cpu() - self._began_cpu >= QUICK_CPU_S

    def read_quick_left(self, quick_cpu_s: float = QUICK_CPU_S) -> float:
        """Return the seconds for which its query may still be called quick; none or less if it is slow.

        ``quick_cpu_s`` is the processor time that a quick query may take.
        """
        cpu_s = quick_cpu_s - (self.read_cpu() - self._began_cpu)
        return min(cpu_s, QUICK_WALL_S - (time.monotonic() - self._began))

    def read_cpu(self) -> float:
        """Return the seconds of processor time that the process has taken since it was started."""
        try:
            return time.clock_gettime(self._clock)
        except OSError:
            return 0.0  # it has ended, as whoever reads from it will see

    @property
    def is_overdue(self) -> bool:
        """Whether its query is past its deadline."""
        return time.monotonic() >= self.deadline

    def send(self, data: bytes, deadline: float) -> None:
        """Write a request; the pipe takes 64 KiB at once and the rest as the worker reads."""
        view = memoryview(data)
        try:
            while view:
                try:
                    view = view[os.write(self._input, view) :]
                except BlockingIOError:
                    _wait(self._input_poll, deadline)
        except BrokenPipeError:
            raise Lost from None

    @property
    def output_fd(self) -> int:
        """The descriptor that becomes readable when the worker has something to say."""
        return self._output

    def send_at_once(self, data: bytes) -> bool:
        """Write at most ``PIPE_BYTES`` to an idle worker without waiting; False if it was lost."""
        try:
            return os.write(self._input, data) == len(data)
        except (BlockingIOError, BrokenPipeError):
            return False

    def receive(self, deadline: float) -> tuple[bytes, bytes]:
        """Return kind and payload of the next frame.

        Parameters
        ----------
        deadline: seconds of the monotonic clock.

        Raises
        ------
        Lost, Overdue: the worker has ended, or the deadline came first; what was read of a frame stays.
        """
        while (frame := self.take_frame()) is None:
            _wait(self._output_poll, deadline)
            self.read_available()
        return frame

    def read_available(self) -> None:
        """Read what is there; waits if nothing is, and raises ``Lost`` if the worker has ended."""
        data = os.read(self._output, READ_BYTES)
        if not data:
            raise Lost
        self._buffer += data

    def take_frame(self) -> tuple[bytes, bytes] | None:
        """Return kind and payload of the next frame, if all of it has been read."""
        buffer = self._buffer
        if len(buffer) < frames.HEADER_BYTES:
            return None
        kind, length = frames.parse_header(buffer)
        end = frames.HEADER_BYTES + length
        if len(buffer) < end:
            return None
        payload = bytes(buffer[frames.HEADER_BYTES : end])
        del buffer[:end]
        return kind, payload

    def lower_priority(self) -> None:
        """Let other processes go first; a process that has ended meanwhile is none of our business here."""
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self.pid, _LOWERED)

    def restore_priority(self) -> bool:
        """Return whether the process has its usual priority again; only a privileged server may do that."""
        try:
            os.setpriority(os.PRIO_PROCESS, self.pid, 0)
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """End the process; its pipes stay open for a reader that may be waiting at them."""
        if self._handle >= 0:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def bury(self) -> None:
        """End the process and close its pipes; nobody may be waiting at them any more."""
        self.kill()
        self._read_status(_LAST_WORDS_S)
        for descriptor in (self._input, self._output, self._status, self._handle):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._handle = -1

    def read_exit_code(self) -> int:
        """Return how a worker that has closed its output ended: a negative signal number, 0 if unknown."""
        return self._read_status(_LAST_WORDS_S) or 0

    def _read_status(self, timeout_s: float) -> int | None:
        """Return the exit code, or None if the process has not ended within so many seconds."""
        if self._exit_code is None:
            with contextlib.suppress(Overdue):
                _wait(self._status_poll, time.monotonic() + timeout_s)
                data = os.read(self._status, _NUMBER.size)
                # Nothing where its parent has ended before it could tell.
                self._exit_code = _NUMBER.unpack(data)[0] if len(data) == _NUMBER.size else -signal.SIGKILL
        return self._exit_code


def _make_poll(descriptor: int, event: int) -> select.poll:
    poller = select.poll()
    poller.register(descriptor, event)
    return poller


def _wait(poller: select.poll, deadline: float) -> None:
    remaining_ms = min(deadline - time.monotonic(), 86_400.0) * 1000
    if not poller.poll(max(0.0, remaining_ms)):
        raise Overdue

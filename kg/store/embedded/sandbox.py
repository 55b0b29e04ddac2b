"""What a query worker gives up before it sees a stranger's text: the network, new programs, core files.

A query must never cause an outbound request. ``kg.store.tokens`` refuses SERVICE by reading the words of a
query; this is the wall behind it, and here the engine's own parser decides: where it comes to act on a
SERVICE clause, the kernel ends the process at its first socket. Linux only (seccomp(2), prctl(2),
unshare(2)); elsewhere, and where the kernel is built without it, ``enter`` returns False.
"""

from __future__ import annotations

import ctypes
import platform
import resource
import signal
import struct

_PR_SET_PDEATHSIG = 1
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000

_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_OFFSET, _ARCHITECTURE_OFFSET = 0, 4
_ALLOW, _KILL_PROCESS = 0x7FFF0000, 0x80000000
_X32_NUMBERS = 0x40000000

# Machine → its audit architecture, and the numbers of socket, execve, execveat and io_uring_setup.
_SYSTEM_CALLS: dict[str, tuple[int, tuple[int, ...]]] = {
    "x86_64": (0xC000003E, (41, 59, 322, 425)),
    "aarch64": (0xC00000B7, (198, 221, 281, 425)),
}

KILLED_BY = signal.SIGSYS
"""The signal that ends a process which tries what it has given up."""


def enter() -> bool:
    """Give up sockets and new programs for good; returns whether the system enforces it.

    To be called while the process has one thread: threads that it starts later inherit the filter.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    known = _SYSTEM_CALLS.get(platform.machine())
    library = _load_c_library()
    if known is None or library is None:
        return False
    library.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)  # an empty network, where we may have one
    program = _write_filter(*known)
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    if library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(library.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0) == 0)


def die_with_parent() -> None:
    """Ask the kernel to end this process when the thread that started it ends."""
    library = _load_c_library()
    if library is not None:
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _write_filter(architecture: int, forbidden: tuple[int, ...]) -> bytes:
    """Return a BPF program that kills the process at a forbidden call, or at one of another architecture."""
    count = len(forbidden)
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE_OFFSET),
        (_JUMP_IF_EQUAL, 0, count + 3, architecture),
        (_LOAD, 0, 0, _NUMBER_OFFSET),
        (_JUMP_IF_AT_LEAST, count + 1, 0, _X32_NUMBERS),
        *((_JUMP_IF_EQUAL, count - index, 0, number) for index, number in enumerate(forbidden)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _KILL_PROCESS),
    ]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def _load_c_library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None, use_errno=True)
        library.prctl  # noqa: B018 - not there outside Linux
    except (OSError, AttributeError):
        return None
    return library

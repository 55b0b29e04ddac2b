from __future__ import annotations

import subprocess
import sys

import pytest

from kg.store.embedded import sandbox

ENTER = "from kg.store.embedded import sandbox; import os, socket, sys; entered = sandbox.enter(); "
THREAD = "import threading; t = threading.Thread(target=lambda: socket.socket()); t.start(); t.join()"


def run(code: str) -> int:
    return subprocess.run([sys.executable, "-c", ENTER + code], check=False).returncode


@pytest.fixture(scope="module", autouse=True)
def _needs_seccomp() -> None:
    if run("sys.exit(0 if entered else 3)") == 3:
        pytest.skip("this system has no seccomp filter: SERVICE is refused by its words alone")


@pytest.mark.parametrize(
    "code",
    [
        "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
        "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
        "socket.socket(socket.AF_UNIX)",
        "socket.create_connection(('127.0.0.1', 1))",
        "os.execv(sys.executable, ['python', '-c', ''])",
        THREAD,
    ],
)
def test_the_kernel_ends_who_reaches_out(code: str) -> None:
    assert run(code) == -sandbox.KILLED_BY


def test_the_rest_goes_on() -> None:
    code = (
        "import threading; t = threading.Thread(target=lambda: open(os.devnull).close()); t.start(); t.join()"
    )
    assert run(code) == 0

"""What processes use."""

from __future__ import annotations

import os
import subprocess
import sys

from bench.processes import count_files, find_family, read_memory, read_processor_s, read_resident

CHILD = """
import time
while time.process_time() < 0.2:
    pass
print(flush=True)
input()
"""
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
input()
child.communicate(b"\\n")
print(flush=True)
input()
"""


def test_family_and_what_it_uses() -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as parent:
        assert parent.stdin and parent.stdout
        child = int(parent.stdout.readline())
        assert find_family(parent.pid) == [parent.pid, child]
        assert parent.pid in find_family(os.getpid())
        assert read_processor_s(child) > 0.1
        assert 1_000_000 < read_memory(child) <= read_resident(child)
        assert count_files(child) >= 3
        alone = read_processor_s(parent.pid)

        parent.stdin.write("\n")
        parent.stdin.flush()
        parent.stdout.readline()

        # A child that has ended is counted with the process that waited for it.
        assert find_family(parent.pid) == [parent.pid]
        assert read_processor_s(parent.pid) - alone > 0.1
        assert read_processor_s(child) == read_memory(child) == count_files(child) == 0
        parent.communicate("\n")

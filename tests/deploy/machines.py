"""Replicas that are machines of their own to the network: each in a namespace, behind a cable of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kg.check.findings import check_sources
from kg.release.making.build import build_release
from kg.sources import read_sources
from tests.conftest import MINI
from tests.deploy.cluster import ask, find_nginx, find_ports, start_nginx, started, wait_until
from tests.network import hold_network

PORT = 8000
"""The same in each namespace: the ports of one are not those of another."""


def run_ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


@dataclass(frozen=True, slots=True)
class Machine:
    """A namespace with one cable to this one; ``number`` is in its name and its network."""

    number: int

    @property
    def name(self) -> str:
        return f"kg{os.getpid() % 100_000}-{self.number}"

    @property
    def address(self) -> str:
        return f"10.211.{self.number}.2"

    @property
    def gateway(self) -> str:
        return f"10.211.{self.number}.1"

    def cut(self) -> None:
        """From now on every packet to it and from it is lost, and nobody is told."""
        run_ip("-n", self.name, "link", "set", "eth0", "down")

    def mend(self) -> None:
        run_ip("-n", self.name, "link", "set", "eth0", "up")


@contextmanager
def open_machine(number: int) -> Iterator[Machine]:
    """Make a machine; raises ``OSError`` without root, iproute2, or a kernel that lends namespaces."""
    machine = Machine(number)
    run_ip("netns", "add", machine.name)
    try:
        run_ip("link", "add", machine.name, "type", "veth", "peer", "eth0", "netns", machine.name)
        run_ip("address", "add", f"{machine.gateway}/30", "dev", machine.name)
        run_ip("link", "set", machine.name, "up")
        run_ip("-n", machine.name, "address", "add", f"{machine.address}/30", "dev", "eth0")
        run_ip("-n", machine.name, "link", "set", "lo", "up")
        run_ip("-n", machine.name, "link", "set", "eth0", "up")
        yield machine
    finally:
        # The cable first: with its namespace it would go some time after the last process there.
        subprocess.run(["ip", "link", "delete", machine.name], capture_output=True)
        run_ip("netns", "delete", machine.name)


@dataclass(frozen=True, slots=True)
class Site:
    """Three machines with a replica each, behind nginx at a port of loopback."""

    machines: list[Machine]
    replicas: list[subprocess.Popen[bytes]]
    var: Path
    port: int


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """Run it until the block ends; raises ``OSError`` where machines cannot be made."""
    find_nginx()
    port, var = find_ports(), folder / "var"
    read = read_sources(MINI, f"http://127.0.0.1:{port}/")
    build_release(read, check_sources(read), var)
    kg = str(Path(sys.executable).with_name("kg"))
    with ExitStack() as stack:
        stack.enter_context(hold_network())
        machines = [stack.enter_context(open_machine(number)) for number in (1, 2, 3)]
        replicas = []
        for machine in machines:
            environment = {
                "KG_VAR": str(var), "KG_HOST": machine.address, "KG_PORT": str(PORT), "KG_PROCESSES": "1",
                "KG_QUERY_WORKERS": "2", "KG_TRUSTED_PROXIES": machine.gateway,
            }  # fmt: skip
            command = ["ip", "netns", "exec", machine.name, kg, "serve", "--no-build"]
            replicas.append(stack.enter_context(started(command, environment, folder / "kg.log")))
        for machine in machines:
            wait_until(lambda address=machine.address: ask(address, PORT, "/healthz")[0] == 200)  # type: ignore[misc]
        servers = [f"{machine.address}:{PORT}" for machine in machines]
        stack.enter_context(start_nginx(folder / "nginx", servers, f"127.0.0.1:{port}"))
        wait_until(lambda: ask("127.0.0.1", port, "/healthz")[0] == 200)
        yield Site(machines, replicas, var, port)

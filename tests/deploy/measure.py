"""``python -m tests.deploy.measure``: the figures of docs/scaling.md, as lines of a table.

Everything runs on this machine, the load generator (wrk, Debian's package) too; so figures tell what one
costs beside the other, not what a site with machines of its own would reach. About five minutes.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlencode

from kg.check.findings import check_sources
from kg.release.delivery.places import Directory, find_place
from kg.release.delivery.transfer import fetch_release
from kg.release.files import LIST, write_list
from kg.release.layout import read_current_id
from kg.release.making.build import build_release
from kg.sources import read_sources
from tests.deploy.cluster import QUERY, ROOT, ask, find_ports, start_nginx, started, wait_until
from tests.deploy.machines import running_site

PAGE = "/page/cjic"
"""The page with most facts on it."""
POINT = "SELECT ?p ?o { <%sid/cjic> ?p ?o }"
ROUNDS, SECONDS, CONNECTIONS = 3, 3, 16
KG = str(Path(sys.executable).with_name("kg"))


def run_wrk(url: str, connections: int) -> float:
    """Return requests a second; what is not 2xx is an error."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in done, done
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", done)[0])


def show(what: str, values: list[float], unit: str, digits: int = 0) -> None:
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"| {what} | {middle:,.{digits}f} ({low:,.{digits}f}–{high:,.{digits}f}) {unit} |", flush=True)


@contextmanager
def serving(var: Path, port: int, log: Path, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        "KG_VAR": str(var), "KG_PORT": str(port), "KG_PROCESSES": "1", "KG_TRUSTED_PROXIES": "127.0.0.1",
        **settings,
    }  # fmt: skip
    with started([KG, "serve", "--no-build"], environment, log) as process:
        wait_until(lambda: ask("127.0.0.1", port, "/healthz")[0] == 200)
        yield process


def measure_replicas(var: Path, port: int, folder: Path) -> None:
    """One and three replicas, direct and through nginx, in turn; then what a failure costs."""
    point = "/sparql?" + urlencode({"query": POINT % f"http://127.0.0.1:{port}/", "format": "json"})
    ways = {
        "entity page, one replica asked directly": f"http://127.0.0.1:{port + 1}{PAGE}",
        "entity page, from the cache of nginx": f"http://127.0.0.1:{port}{PAGE}",
        "query, one replica asked directly": f"http://127.0.0.1:{port + 1}{point}",
        "query, nginx and one replica": f"http://127.0.0.1:{port + 4}{point}",
        "query, nginx and three replicas": f"http://127.0.0.1:{port}{point}",
    }
    with ExitStack() as stack:
        replicas = [
            stack.enter_context(serving(var, port + number, folder / "kg.log")) for number in (1, 2, 3)
        ]
        servers = [f"127.0.0.1:{port + number}" for number in (1, 2, 3)]
        stack.enter_context(start_nginx(folder / "three", servers, f"127.0.0.1:{port}"))
        stack.enter_context(start_nginx(folder / "one", servers[:1], f"127.0.0.1:{port + 4}"))
        found: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(ROUNDS):
            for way, url in ways.items():
                found[way].append(run_wrk(url, CONNECTIONS))
        for way, values in found.items():
            show(way, values, "a second")
        measure_failures(port, point, replicas)


def measure_failures(port: int, point: str, replicas: list[subprocess.Popen[bytes]]) -> None:
    for what, event in (
        ("slowest answer, a replica stopped (SIGSTOP)", lambda: os.killpg(replicas[0].pid, signal.SIGSTOP)),
        ("slowest answer, a replica killed (SIGKILL)", lambda: os.killpg(replicas[1].pid, signal.SIGKILL)),
    ):
        before, after, failed = watch(port, point, event)
        print(f"| {what} | {after:,.0f} ms; before {before:,.0f} ms; {failed} failed |", flush=True)
        os.killpg(replicas[0].pid, signal.SIGCONT)


def watch(port: int, path: str, event: Callable[[], object]) -> tuple[float, float, int]:
    """Return the slowest answers before and after an event, in ms, and how many failed."""
    answers: list[tuple[float, float, int]] = []
    ended = threading.Event()

    def go_on() -> None:
        while not ended.is_set():
            start = time.monotonic()
            try:
                status = ask("127.0.0.1", port, path)[0]
            except OSError:
                status = 0
            answers.append((start, (time.monotonic() - start) * 1000, status))

    threads = [threading.Thread(target=go_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(4)
    moment = time.monotonic()
    event()
    time.sleep(14)
    ended.set()
    for thread in threads:
        thread.join()
    before = max(took for start, took, _ in answers if start + took / 1000 < moment)
    after = max(took for start, took, _ in answers if start + took / 1000 >= moment)
    return before, after, sum(status != 200 for *_, status in answers)


def measure_cables(folder: Path) -> None:
    """Cut the cable to one of three replicas, of which each is a machine to the network."""
    for turn in range(ROUNDS):
        with running_site(folder / f"site-{turn}") as site:
            before, after, failed = watch(site.port, QUERY, site.machines[0].cut)
        print(
            f"| slowest answer, a cable cut | {after:,.0f} ms; before {before:,.0f} ms; {failed} failed |",
            flush=True,
        )


def measure_fetch(var: Path, port: int, folder: Path) -> None:
    """Fetch the release, and one that was made a gigabyte larger with files such as a store has."""
    large = folder / "large"
    shutil.copytree(var, large, symlinks=True)
    release = large / "releases" / read_current_id(large)
    for number in range(16):
        with (release / "store" / f"9{number:05}.sst").open("wb") as file:
            for _ in range(64):
                file.write(os.urandom(1024**2))
    (release / LIST).unlink()
    write_list(release, release.name)
    with serving(large, port + 1, folder / "kg.log", KG_REPLICATION_TOKEN="t"):
        for what, source in (("of 1.1 GB", large), ("of 3.5 MB", var)):
            took = [time_fetch(Directory(source), folder) for _ in range(ROUNDS)]
            show(f"fetch {what}, from a folder", took, "s", 2)
        took = [time_fetch(find_place(f"http://127.0.0.1:{port + 1}/", "t"), folder) for _ in range(ROUNDS)]
        show("fetch of 1.1 GB, from `kg serve`", took, "s", 2)


def time_fetch(place: object, folder: Path) -> float:
    target = folder / "fetched"
    start = time.monotonic()
    fetch_release(place, target)  # type: ignore[arg-type]
    took = time.monotonic() - start
    shutil.rmtree(target)
    return took


def main(parts: list[str]) -> None:
    """Measure all parts, or those that are named: replicas, fetch, cables."""
    port = find_ports()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        read = read_sources(ROOT, f"http://127.0.0.1:{port}/")
        var = folder / "var"
        build_release(read, check_sources(read), var)
        print("| what | figure |\n|---|---|")
        if "replicas" in parts:
            measure_replicas(var, port, folder)
        if "fetch" in parts:
            measure_fetch(var, port, folder)
        if "cables" in parts:  # needs root, for network namespaces
            measure_cables(folder)


if __name__ == "__main__":
    main(sys.argv[1:] or ["replicas", "fetch", "cables"])

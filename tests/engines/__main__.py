"""``python -m tests.engines NAME``: run an engine until Ctrl-C."""

from __future__ import annotations

import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.engines import ENGINES, Missing, running
from tests.engines.cluster import running_cluster

CLUSTER = "cluster"


def main(name: str) -> None:
    """Run an engine or the cluster, and print where it answers."""
    with tempfile.TemporaryDirectory() as folder:
        if name == CLUSTER:
            with running_cluster(Path(folder)) as cluster:
                print(
                    f"kg publish --profile fuseki --store {cluster.store} --topic {cluster.topic}", flush=True
                )
                wait()
            return
        with running(name, Path(folder) / name) as engine:
            print(f"query {engine.query_url}\nupdate {engine.update_url}\ngraphs {engine.graphs_url}")
            print(
                f"user {engine.user} password {engine.password}" if engine.user else "no password", flush=True
            )
            wait()


def wait() -> None:
    """Wait for Ctrl-C, or for the signal to end."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        signal.pause()


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in (*ENGINES, CLUSTER):
        sys.exit(f"usage: python -m tests.engines {'|'.join(ENGINES)}|{CLUSTER}")
    try:
        main(sys.argv[1])
    except Missing as error:
        sys.exit(str(error))

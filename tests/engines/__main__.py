"""``python -m tests.engines NAME``: run an engine until Ctrl-C."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

from tests.engines import ENGINES, Missing, running


def main(name: str) -> None:
    """Run an engine and print where it answers."""
    with tempfile.TemporaryDirectory() as folder, running(name, Path(folder) / name) as engine:
        print(f"query {engine.query_url}\nupdate {engine.update_url}\ngraphs {engine.graphs_url}")
        print(f"user {engine.user} password {engine.password}" if engine.user else "no password", flush=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            signal.pause()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in ENGINES:
        sys.exit(f"usage: python -m tests.engines {'|'.join(ENGINES)}")
    try:
        main(sys.argv[1])
    except Missing as error:
        sys.exit(str(error))

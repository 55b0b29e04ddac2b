"""What nginx tells a replica about who asks."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.cluster import ROOT, ask, find_ports, start_nginx, wait_until

pytestmark = pytest.mark.engines


class Echo(BaseHTTPRequestHandler):
    """A replica that tells what it was sent."""

    def do_GET(self) -> None:
        body = json.dumps(dict(self.headers.items())).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def test_replicas_learn_who_asks_and_nobody_can_pretend(tmp_path: Path) -> None:
    script = (ROOT / "deploy/nginx/cluster.sh").read_text(encoding="utf-8")
    assert "KG_TRUSTED_PROXIES=${KG_TRUSTED_PROXIES:-127.0.0.1}" in script
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    pretended = {
        "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Prefix": "/evil", "Forwarded": "for=203.0.113.9",
    }  # fmt: skip
    port = find_ports()
    try:
        with start_nginx(tmp_path / "nginx", [f"127.0.0.1:{server.server_port}"], f"127.0.0.1:{port}"):
            wait_until(lambda: ask("127.0.0.1", port, "/who")[0] == 200)
            for path in ("/who", "/sparql"):
                sent = json.loads(ask("127.0.0.1", port, path, pretended)[2])
                assert sent["X-Forwarded-For"] == "127.0.0.1"
                assert sent["X-Forwarded-Host"] == f"127.0.0.1:{port}"
                assert sent["X-Forwarded-Proto"] == "http"
                assert not {"X-Forwarded-Prefix", "Forwarded"} & sent.keys()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

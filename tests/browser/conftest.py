"""A real browser on the real article; a page fails if it breaks the policy, logs errors or asks elsewhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect, sync_playwright

from tests.network import hold_network

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARTICLE = "/article/cjic-17th-beijing-tokyo-forum"
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)

OpenPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = ""
    if CHROMIUM is None:
        reason = "chromium is not installed (apt-get install chromium)"
    elif not (ROOT / "webapp/static/built/manifest.json").is_file():
        reason = "the scripts of the pages are not built (make setup, where npm packages can be had)"
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of the real article, without a slash at its end; the release is its second."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KG_")}
    address = f"http://127.0.0.1:{port}"
    environment |= {
        "KG_VAR": str(tmp_path_factory.mktemp("var")),
        "KG_PROCESSES": "1",
        "KG_BASE_IRI": f"{address}/",
    }
    _build_without_a_name(environment, tmp_path_factory.mktemp("sources"))
    log = tmp_path_factory.mktemp("log") / "server.log"
    command = [sys.executable, "-m", "kg", "serve", "--port", str(port)]
    with log.open("wb") as out:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
    try:
        _await(f"{address}/healthz", server, log)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def _build_without_a_name(environment: dict[str, str], folder: Path) -> None:
    """Build a release that lacks a name, so that there is a past one, and something that changed."""
    for name in ("data", "ontology"):
        shutil.copytree(ROOT / name, folder / name)
    entities = folder / "data" / "entities.ttl"
    whole = entities.read_text(encoding="utf-8")
    lacking = re.sub(r'    skos:prefLabel "東京"@ja \{\|.*?\|\} ;\n', "", whole, count=1, flags=re.DOTALL)
    assert lacking != whole
    entities.write_text(lacking, encoding="utf-8")
    command = [sys.executable, "-m", "kg", "build"]
    subprocess.run(
        command, cwd=ROOT, env=environment | {"KG_SOURCES": str(folder)}, check=True, capture_output=True
    )


@pytest.fixture(scope="session")
def release_ids(site: str) -> dict[str, str]:
    """Identifiers of the ``current`` release and of the ``past`` one."""
    request = urllib.request.Request(f"{site}/releases/", headers={"Accept": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        current, past = (entry["id"] for entry in json.load(answer)["releases"])
    return {"current": current, "past": past}


def _await(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise AssertionError(f"the server does not answer\n{log.read_text()}")


@pytest.fixture(scope="module", autouse=True)
def _network() -> Iterator[None]:
    with hold_network():
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser, site: str) -> Iterator[OpenPage]:
    """Opens an address of the site in a browser of its own; the other options are those of a context."""
    contexts, faults = [], []

    def listen(message: ConsoleMessage) -> None:
        # What the server refuses for good reason is logged by the browser too; tests look at the page.
        refused = "Failed to load resource: the server responded" in message.text
        if message.type == "error" and not refused:
            faults.append(message.text)

    def open_(
        path: str,
        axe: bool = False,
        init_script: str = "",
        on_response: Callable[[Response], object] | None = None,
        **options: Any,
    ) -> Page:
        context = browser.new_context(**{"viewport": WIDE, "locale": "en"} | options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        if axe:
            context.add_init_script(path=AXE)
        if init_script:
            context.add_init_script(init_script)
        page = context.new_page()
        if on_response:
            page.on("response", on_response)
        page.on("console", listen)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda asked: asked.url.startswith((site, "data:")) or faults.append(asked.url))
        page.goto(f"{site}{path}")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert faults == []

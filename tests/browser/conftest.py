"""A real browser on the real article; a page fails if it breaks the policy, logs errors or asks elsewhere."""

from __future__ import annotations

import os
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
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARTICLE = "/article/cjic-17th-beijing-tokyo-forum"

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
    """The address of a running server with a release of the real article, without a slash at its end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KG_")}
    environment |= {"KG_VAR": str(tmp_path_factory.mktemp("var")), "KG_PROCESSES": "1"}
    log = tmp_path_factory.mktemp("log") / "server.log"
    command = [sys.executable, "-m", "kg", "serve", "--port", str(port)]
    with log.open("wb") as out:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
    address = f"http://127.0.0.1:{port}"
    try:
        _await(f"{address}/healthz", server, log)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def _await(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise AssertionError(f"the server does not answer\n{log.read_text()}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser, site: str) -> Iterator[OpenPage]:
    """Opens an address of the site in a browser of its own; the options are those of a context."""
    contexts, faults = [], []

    def listen(message: ConsoleMessage) -> None:
        # What the server refuses for good reason is logged by the browser too; tests look at the page.
        if message.type == "error" and "Failed to load resource" not in message.text:
            faults.append(message.text)

    def open_(path: str, axe: bool = False, **options: Any) -> Page:
        wide = {"viewport": {"width": 1280, "height": 900}, "locale": "en"}
        context = browser.new_context(**wide | options)
        contexts.append(context)
        context.set_default_timeout(20_000)
        if axe:
            context.add_init_script(path=AXE)
        page = context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda asked: asked.url.startswith((site, "data:")) or faults.append(asked.url))
        page.goto(f"{site}{path}")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert faults == []

"""Takes the screenshots of the README anew: ``make screenshots``, beside a server at the address given.

Needs Debian's ``chromium``; writes into ``docs/screenshots/``.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent / "screenshots"
QUERY = """PREFIX org: <http://www.w3.org/ns/org#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
SELECT ?body (COUNT(?post) AS ?posts) WHERE {
  ?post a org:Membership ; org:organization ?organization .
  ?organization skos:prefLabel ?body FILTER(LANG(?body) = "en")
}
GROUP BY ?body ORDER BY DESC(?posts) ?body"""


@dataclass(frozen=True)
class Shot:
    """A page to show: its file, its path, and the selector of what is opened on it first."""

    name: str
    path: str
    opened: str = ""


SHOTS = (
    Shot("entity", "/page/lou-jiwei", "main details.evidence summary, main details summary"),
    Shot("article", "/article/cjic-17th-beijing-tokyo-forum"),
    Shot("graph", "/graph/cjic"),
    Shot("sparql", f"/sparql?{urlencode({'query': QUERY})}"),
)


def main(address: str) -> None:
    """Take all of them."""
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for shot in SHOTS:
            context = browser.new_context(
                viewport={"width": 1200, "height": 800}, locale="en", color_scheme="light"
            )
            page = context.new_page()
            take(page, address.rstrip("/"), shot)
            context.close()
        browser.close()


def take(page: Page, address: str, shot: Shot) -> None:
    """Open a page, show what is to be seen on it, and write the picture."""
    page.goto(address + shot.path)
    page.wait_for_load_state("networkidle")
    if shot.opened:
        page.locator(shot.opened).first.click()
    page.wait_for_timeout(1500)
    page.screenshot(path=FOLDER / f"{shot.name}.png")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/")

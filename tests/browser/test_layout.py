"""What pages weigh, that nothing on them moves by itself, and that the frame leaves room on a phone."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import Response, expect

from tests.browser.conftest import ARTICLE, PHONE, WIDE, OpenPage

MAX_ASSETS_BYTES = 100_000
MAX_HEADER_PX = 150
MAX_SHIFT = 0.001  # a control that moves by a pixel; up to 0.1 is what is called good
WATCH = """
window.shifts = [];
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push(
    [entry.value, ...entry.sources.map(({node}) => node?.outerHTML?.slice(0, 60))].join(" "));
}).observe({type: "layout-shift", buffered: true});
"""
HELD = "PREFIX org: <http://www.w3.org/ns/org#> SELECT ?who ?post { ?who org:holds ?post }"
MOVING = {
    "start": "/",
    "person": "/page/lou-jiwei",
    "article": ARTICLE,
    "graph": "/graph/cjic",
    "map": "/map",
    "query": "/sparql",
    "answer": f"/sparql?query={quote(HELD)}",
    "error in a query": "/sparql?query=SELECT%20x",
}


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("name", MOVING)
def test_nothing_moves_by_itself(open_page: OpenPage, name: str, viewport: dict[str, int]) -> None:
    page = open_page(MOVING[name], init_script=WATCH, viewport=viewport)
    page.wait_for_load_state("networkidle")
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")
    shifts = page.evaluate("window.shifts")
    assert sum(float(shift.split()[0]) for shift in shifts) < MAX_SHIFT, shifts


@pytest.mark.parametrize("path", ["/", "/page/wang-yi", "/page/cjic"])
def test_start_and_things_weigh_little(open_page: OpenPage, path: str) -> None:
    """All that such a page loads, compressed as it is sent, with its headers."""
    answers: list[Response] = []
    page = open_page(path, on_response=lambda answer: answers.append(answer))
    page.wait_for_load_state("networkidle")
    sizes = {answer.url: answer.request.sizes() for answer in answers}
    assert all(any(kind in url for url in sizes) for kind in (".css?", ".js"))
    weight = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes.values())
    assert weight < MAX_ASSETS_BYTES, sizes


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_the_frame_leaves_room_on_a_phone(open_page: OpenPage, scripts: bool) -> None:
    page = open_page("/dumps/", viewport=PHONE, java_script_enabled=scripts)
    header = page.locator("header.site").bounding_box()
    assert header and header["height"] <= MAX_HEADER_PX
    for link in page.locator("header.site a").all():
        box = link.bounding_box()
        assert box and box["width"] >= 24 and box["height"] >= 24
    last = page.get_by_role("navigation", name="Site").get_by_role("link").last
    expect(last).to_have_attribute("aria-current", "page")
    if scripts:
        expect(last).to_be_in_viewport(ratio=1)
    page.get_by_role("navigation", name="Site").get_by_role("link").first.focus()
    expect(page.get_by_role("link", name="Browse")).to_be_in_viewport(ratio=1)

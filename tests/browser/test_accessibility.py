"""axe-core finds nothing on any type of page: in three languages, light and dark, wide and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import ARTICLE, AXE, OpenPage

HELD = "PREFIX%20org:%20%3Chttp://www.w3.org/ns/org%23%3E%20SELECT%20?a%20?b%20%7B?a%20org:holds%20?b%7D"
PAGES = {
    "start": "/",
    "browse": "/browse",
    "browse, narrowed down": "/browse?type=org:Membership",
    "browse, in vain": "/browse?country=nowhere",
    "what points here": "/page/china/links?relation=http://www.w3.org/ns/org%23organization",
    "entities": "/entities",
    "releases": "/releases/",
    "release and what changed": "/releases/{current}",
    "release that is past": "/releases/{past}",
    "page of a past release": "/releases/{past}/page/wang-yi",
    "person": "/page/wang-yi",
    "zone": "/page/cjic",
    "event": "/page/beijing-tokyo-forum-17",
    "article": ARTICLE,
    "vocabulary": "/ontology",
    "search": "/search?q=wang",
    "nothing found": "/search?q=qqqq",
    "graph": "/graph/beijing-tokyo-forum-17",
    "timeline": "/timeline",
    "map": "/map",
    "downloads": "/dumps/",
    "query": "/sparql",
    "answer": f"/sparql?query={HELD}",
    "graph answer": "/sparql?query=DESCRIBE%20%3Chttp://www.w3.org/ns/org%23Post%3E",
    "error in a query": "/sparql?query=SELECT%20x",
    "not found": "/page/nobody",
    "not understood": "/page/cjic/links?relation=none",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (npm ci)"),
]


def find_faults(page: Page) -> list[str]:
    """Return the rules that a page breaks, with the first element of each."""
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{fault['id']}: {fault['nodes'][0]['html'][:200]} {fault['nodes'][0]['failureSummary']}"
        for fault in found["violations"]
    ]


@pytest.mark.parametrize("language", ["en", "zh", "ja"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(
    open_page: OpenPage, release_ids: dict[str, str], name: str, language: str
) -> None:
    page = open_page(PAGES[name].format(**release_ids), axe=True, locale=language)
    assert (page.locator("html").get_attribute("lang") or "")[:2] == language
    page.evaluate("[...document.querySelectorAll('main details')].slice(0, 4).forEach(d => d.open = true)")
    assert find_faults(page) == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 740})
    assert find_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"


def test_axe_finds_nothing_in_what_scripts_draw(open_page: OpenPage) -> None:
    query = HELD.replace("?a%20?b", "?a%20?b%20(STRLEN(STR(?b))%20AS%20?n)")
    page = open_page(f"/sparql?query={query}", axe=True)
    for name in ("Graph", "Chart", "Raw", "Table"):
        page.get_by_role("tab", name=name).click()
        page.wait_for_function(f"document.querySelector('[aria-selected=true]').textContent == '{name}'")
        assert find_faults(page) == [], name
    page.get_by_role("textbox", name="Query").click()
    page.keyboard.type(" kg:De")
    page.get_by_role("listbox").wait_for()
    assert find_faults(page) == []


def test_axe_finds_nothing_in_suggestions(open_page: OpenPage) -> None:
    page = open_page("/", axe=True)
    page.get_by_role("combobox").press_sequentially("wang")
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("ArrowDown")
    assert find_faults(page) == []

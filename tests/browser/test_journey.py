"""A reader's way through the site, wide and on a phone, with scripts and without."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, WIDE, OpenPage

WAYS = {
    "wide": {"viewport": WIDE},
    "phone": {"viewport": PHONE, "has_touch": True, "is_mobile": True},
    "phone, without scripts": {"viewport": PHONE, "java_script_enabled": False},
}
POSTS = (
    "PREFIX org: <http://www.w3.org/ns/org#>\n"
    "SELECT ?who (COUNT(?post) AS ?posts) WHERE { ?who org:holds ?post } GROUP BY ?who ORDER BY DESC(?posts)"
)


def find_path(page: Page) -> str:
    """The address of a page without the site, as one would pass it on."""
    parts = urlsplit(page.url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def write_query(page: Page, text: str) -> None:
    """Replace the query, in the editor or in the plain field, and run it."""
    page.wait_for_load_state()  # after which the editor, if it comes, has taken the place of the field
    box = page.get_by_role("textbox", name="Query")
    if box.evaluate("box => box.tagName") == "TEXTAREA":
        box.fill(text)
    else:
        box.click()
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(text)
    page.get_by_role("button", name="Run").click()


@pytest.mark.parametrize("way", WAYS)
def test_from_a_name_to_the_words_and_back(open_page: OpenPage, way: str) -> None:
    page = open_page("/", **WAYS[way])
    box = page.get_by_role("search").locator("input")
    box.fill("王毅")
    box.press("Enter")
    page.get_by_role("main").get_by_role("link", name="Wang Yi", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Wang Yi")
    person = page.url
    evidence = page.locator("main details").first
    evidence.locator("summary").first.click()
    expect(evidence.locator("mark").first).to_be_visible()
    publisher = evidence.get_by_role("link", name="At the publisher").first
    expect(publisher).to_have_attribute("href", re.compile(r"^https://chinareportasean\.com/.*#:~:text="))
    evidence.locator("a[href*='/article/']").first.click()
    expect(page).to_have_url(re.compile(r"/article/cjic-17th-beijing-tokyo-forum#"))
    expect(page.locator(":target")).to_be_in_viewport()
    page.go_back()
    expect(page).to_have_url(person)
    page.get_by_role("link", name="What surrounds it, drawn").click()
    expect(page.get_by_role("heading", name="The same as a list")).to_be_visible()
    if "without" not in way:
        expect(page.locator("svg.graph .thing").first).to_be_visible()
    sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert sideways == 0, "something is wider than the screen"


@pytest.mark.parametrize("way", WAYS)
def test_from_a_facet_to_a_shared_address(open_page: OpenPage, way: str) -> None:
    page = open_page("/browse", **WAYS[way])
    facets = page.get_by_role("navigation", name="Narrow down")
    facets.get_by_role("link", name="person", exact=True).click()
    expect(page).to_have_url(re.compile(r"/browse\?.*type="))
    expect(page.get_by_role("heading", name="7 things")).to_be_visible()
    country = page.locator("details.facet", has=page.get_by_role("heading", name="Country", exact=True))
    if country.get_attribute("open") is None:
        country.locator("summary").click()
    country.get_by_role("link", name="Japan", exact=True).click()
    expect(page.get_by_role("heading", name="1 thing", exact=True)).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("Motegi Toshimitsu")
    shared = open_page(find_path(page), **WAYS[way])
    expect(shared.get_by_role("heading", name="1 thing", exact=True)).to_be_visible()


@pytest.mark.parametrize("way", WAYS)
def test_from_an_example_to_a_chart_an_error_and_a_shared_address(open_page: OpenPage, way: str) -> None:
    page = open_page("/", **WAYS[way])
    page.get_by_role("link", name="Who addressed the Forum by video link").click()
    expect(page.get_by_role("table")).to_contain_text("Wang Yi")
    write_query(page, POSTS)
    expect(page.get_by_role("columnheader", name="posts")).to_be_visible()
    if "without" not in way:
        page.get_by_role("tab", name="Chart").click()
        expect(page.locator("svg.chart .bar").first).to_be_visible()
        width = page.locator("svg.chart").evaluate("drawing => drawing.getBoundingClientRect().width")
        assert width <= page.evaluate("innerWidth")
    shared = open_page(find_path(page), **WAYS[way])
    expect(shared.get_by_role("columnheader", name="posts")).to_be_visible()
    write_query(page, "SELECT ?who\nWHERE { ?who ?is }")
    expect(page.get_by_role("alert")).to_contain_text("Line 2, column")

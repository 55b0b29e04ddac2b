"""A reader's way through the site, wide and on a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, WIDE, OpenPage


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_from_a_name_to_the_words_and_back(open_page: OpenPage, viewport: dict[str, int]) -> None:
    page = open_page("/", viewport=viewport)
    page.get_by_role("combobox").fill("王毅")
    page.get_by_role("combobox").press("Enter")
    page.get_by_role("main").get_by_role("link", name="Wang Yi", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Wang Yi")
    evidence = page.locator("main details").first
    evidence.locator("summary").first.click()
    expect(evidence.locator("mark").first).to_be_visible()
    evidence.locator("a[href*='/article/']").first.click()
    expect(page).to_have_url(re.compile(r"/article/cjic-17th-beijing-tokyo-forum#"))
    expect(page.locator(":target")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Wang Yi")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow == 0, "nothing is wider than the screen"


def test_from_a_facet_to_a_shared_address(open_page: OpenPage) -> None:
    page = open_page("/browse")
    page.get_by_role("main").get_by_role("link", name=re.compile("person", re.IGNORECASE)).first.click()
    expect(page).to_have_url(re.compile(r"/browse\?.*type="))
    shared = open_page("/browse" + page.url.partition("/browse")[2])
    expect(shared.get_by_role("main")).to_contain_text("Lou Jiwei")

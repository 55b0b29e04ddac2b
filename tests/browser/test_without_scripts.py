"""Everything that is information is there with JavaScript off."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import ARTICLE, OpenPage

OFF = {"java_script_enabled": False}


def test_search_and_pages(open_page: OpenPage) -> None:
    page = open_page("/", **OFF)
    page.get_by_role("searchbox").fill("王毅")
    page.keyboard.press("Enter")
    page.get_by_role("main").get_by_role("link", name="王毅").or_(
        page.get_by_role("main").get_by_role("link", name="Wang Yi")
    ).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Wang Yi")
    summary = page.locator("details.evidence > summary").first
    summary.click()
    expect(page.locator("details.evidence[open]").first).to_contain_text("Wang Yi")


def test_a_query_and_its_error(open_page: OpenPage) -> None:
    page = open_page("/sparql", **OFF)
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("table")).to_contain_text("Wang Yi")
    page.get_by_role("textbox", name="Query").fill("SELECT x")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("alert")).to_contain_text("Line 1, column 9")


def test_the_article_is_read(open_page: OpenPage) -> None:
    page = open_page(f"{ARTICLE}#s3", **OFF)
    words = page.locator("#s3 a.cited").first
    expect(words).to_be_visible()
    words.click()
    expect(page.locator(":target")).to_be_visible()

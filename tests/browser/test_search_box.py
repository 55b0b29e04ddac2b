"""Suggestions as you type, by keyboard, in every script."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage


@pytest.mark.parametrize("typed", ["王毅", "wang y", "Yi Wang"])
def test_a_person_is_found_and_opened_by_keyboard(open_page: OpenPage, typed: str) -> None:
    page = open_page("/")
    box = page.get_by_role("combobox")
    box.press_sequentially(typed)
    first = page.get_by_role("option").first
    expect(first).to_contain_text("Wang Yi")
    expect(box).to_have_attribute("aria-expanded", "true")
    box.press("ArrowDown")
    expect(first).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", first.get_attribute("id") or "?")
    box.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Wang Yi")


def test_escape_closes_and_enter_searches(open_page: OpenPage) -> None:
    page = open_page("/")
    box = page.get_by_role("combobox")
    box.press_sequentially("motegi")
    expect(page.get_by_role("option").first).to_be_visible()
    box.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(box).to_have_value("motegi")
    box.press("Enter")
    page.wait_for_url("**/search?q=motegi*")


def test_arrow_up_goes_to_the_last_and_past_it_back_to_the_words(open_page: OpenPage) -> None:
    page = open_page("/")
    box = page.get_by_role("combobox")
    box.press_sequentially("forum")
    options = page.get_by_role("option")
    expect(options.first).to_be_visible()
    box.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    box.press("ArrowDown")
    expect(page.locator("[aria-selected=true]")).to_have_count(0)


def test_a_server_that_fails_leaves_a_box_that_searches(open_page: OpenPage) -> None:
    page = open_page("/")
    page.route("**/search/suggest*", lambda route: route.fulfill(status=503, body="busy"))
    box = page.get_by_role("combobox")
    box.press_sequentially("cjic")
    box.press("Enter")
    page.wait_for_url("**/search?q=cjic*")

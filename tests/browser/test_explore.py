"""The graph, the timeline and the map, by keyboard and without scripts."""

from __future__ import annotations

import re
from itertools import combinations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, WIDE, OpenPage

# Words have a halo of four pixels, which may lie over lines and over other halos.
WITHOUT_HALO = """text => {
  const {x, y, width, height} = text.getBoundingClientRect();
  return {x: x + 4, y: y + 4, width: width - 8, height: height - 8};
}"""


def test_the_graph_says_what_the_list_says(open_page: OpenPage) -> None:
    page = open_page("/graph/wang-yi")
    drawn = page.locator("svg.graph .thing")
    expect(drawn.first).to_be_visible()
    listed = set(page.locator("#relations li > a:first-of-type").all_text_contents())
    titles = set(page.locator("svg.graph .thing > title").all_text_contents())
    assert titles == listed | {"Wang Yi"}


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_words_in_the_graph_lie_over_no_others(open_page: OpenPage, viewport: dict[str, int]) -> None:
    page = open_page("/graph/cjic", viewport=viewport)
    expect(page.locator("svg.graph .thing").first).to_be_visible()
    words = page.locator("svg.graph .relation:not(.crowded) text, svg.graph .thing text").all()
    boxes = [box for word in words if (box := word.evaluate(WITHOUT_HALO))]
    assert len(boxes) > 12
    for one, other in combinations(boxes, 2):
        beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
        above = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
        assert beside or above, (one, other)
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= viewport["width"] for box in boxes)
    size = page.locator("svg.graph .thing text").first.evaluate("text => text.getScreenCTM().a * 13")
    assert size > 11, "words are large enough to read"


def test_the_graph_grows_by_keyboard_and_the_list_with_it(open_page: OpenPage) -> None:
    page = open_page("/graph/wang-yi")
    thing = page.get_by_role("button", name=re.compile("^17th Beijing-Tokyo Forum;"))
    thing.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    thing.focus()
    before = page.locator("svg.graph .thing").count()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=re.compile("^Motegi Toshimitsu;"))).to_be_visible()
    assert page.locator("svg.graph .thing").count() > before
    expect(page.locator("#relations")).to_contain_text("Motegi Toshimitsu")
    expect(thing).to_be_focused()
    page.get_by_role("status").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("17th Beijing-Tokyo Forum")


def test_relations_are_filtered_by_the_script(open_page: OpenPage) -> None:
    page = open_page("/graph/wang-yi")
    expect(page.locator("svg.graph .thing").first).to_be_visible()
    box = page.get_by_role("checkbox", name="took part in")
    section = page.get_by_role("heading", name="took part in")
    expect(section).to_be_visible()
    box.uncheck()
    expect(section).to_be_hidden()
    expect(page.get_by_role("button", name="Show")).to_be_hidden()


@pytest.mark.parametrize("scripts", ["off", "lost"])
def test_relations_are_filtered_without_scripts(open_page: OpenPage, scripts: str) -> None:
    page = open_page("/graph/wang-yi", java_script_enabled=scripts == "lost")
    if scripts == "lost":
        page.route("**/graph-*.js", lambda route: route.fulfill(status=503))
        page.reload()
    for other in page.get_by_role("checkbox").all():
        other.uncheck()
    page.get_by_role("checkbox", name="holds").check()
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#relations h3")).to_have_text(["holds"])


def test_dated_things_stand_in_order_and_others_apart(open_page: OpenPage) -> None:
    page = open_page("/timeline", java_script_enabled=False)
    dates = [time.get_attribute("datetime") or "" for time in page.locator(".dates time").all()]
    assert dates == sorted(dates) and "2021-10-25" in dates
    expect(page.get_by_role("main")).to_contain_text("Wang Yi as Foreign Minister of China")


def test_the_map_shows_places_with_their_source(open_page: OpenPage) -> None:
    page = open_page("/map")
    expect(page.locator("svg.map .spot")).to_have_count(2)
    expect(page.get_by_role("row", name="Beijing")).to_contain_text("contributions/cities/CN.json")
    without = page.locator("section", has=page.get_by_role("heading", name="Places without coordinates"))
    expect(without).to_contain_text("Daxing District")
    expect(without).not_to_contain_text("Tokyo")
    page.locator("svg.map .spot", has_text="Tokyo").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Tokyo")

"""Everything can be done by keyboard: focus is seen, goes on, and comes back from what Escape closes."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ARTICLE, OpenPage

FOCUS = """() => {
  let at = document.activeElement;
  if (!at || at === document.body) return null;
  while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  const box = at.getBoundingClientRect();
  const ring = element => element && getComputedStyle(element);
  const seen = style => style && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
  const dot = at.querySelector(':scope > circle'); // of a thing in a drawing
  return {
    name: at.outerHTML.slice(0, 90),
    seen: dot ? parseFloat(ring(dot).strokeWidth) >= 3
      : seen(ring(at)) || seen(ring(at.closest('.cm-editor'))),
    there: box.width > 0 && box.bottom > 0 && box.top < innerHeight,
  };
}"""


@pytest.mark.parametrize(
    "path", ["/", "/page/lou-jiwei", "/browse", "/graph/wang-yi", "/sparql", "/search?q=wang"]
)
def test_the_focus_is_seen_wherever_it_goes(open_page: OpenPage, path: str) -> None:
    page = open_page(path, reduced_motion="reduce")  # or what is focused would still be scrolled to
    page.wait_for_load_state("networkidle")
    stops = []
    for _ in range(40):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUS)
        if stop is None:
            break
        if not stop["seen"]:  # the editor marks itself a moment later
            stop = page.wait_for_function(
                f"() => {{ const stop = ({FOCUS})(); return stop?.seen && stop }}"
            ).json_value()
        assert stop["seen"] and stop["there"], stop
        stops.append(stop["name"])
        if "cm-content" in stop["name"]:
            page.keyboard.press("Escape")  # then Tab leads on, at the speed of a hand
            page.wait_for_timeout(200)
    assert len(set(stops)) > 12, "the focus goes on and is caught nowhere"


def test_the_first_key_leads_past_the_frame(open_page: OpenPage) -> None:
    page = open_page("/browse")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_evidence_opens_and_closes_and_gives_the_focus_back(open_page: OpenPage) -> None:
    page = open_page("/page/wang-yi")
    marker = page.locator("details.evidence > summary").first
    marker.focus()
    page.keyboard.press("Enter")
    expect(page.locator("details.evidence[open] mark").first).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name=re.compile("in the article")).first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("details.evidence[open]")).to_have_count(0)
    expect(marker).to_be_focused()


def test_words_of_an_article_show_their_facts_and_facts_their_words(open_page: OpenPage) -> None:
    page = open_page(ARTICLE)
    words = page.locator("#s6 a.cited").first
    words.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog")
    expect(panel).to_be_focused()
    expect(panel).to_contain_text("Wang Yi")
    expect(words).to_have_class(re.compile(r"\blit\b"))
    page.keyboard.press("Tab")
    assert panel.evaluate("panel => panel.contains(document.activeElement)")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(words).to_be_focused()
    page.locator("#n6 > summary").focus()
    page.keyboard.press("Enter")
    fact = page.locator("#n6 .fact", has_text="Motegi Toshimitsu").first
    fact.locator("a").first.focus()
    expect(page.locator("#s6 .cited.lit").first).to_be_visible()


def test_words_under_several_facts_show_each_of_them(open_page: OpenPage) -> None:
    page = open_page(ARTICLE, has_touch=True)
    words = page.locator("a.cited.much").first
    records = (words.get_attribute("data-records") or "").split()
    assert len(records) > 2
    words.tap()
    facts = page.get_by_role("dialog").locator(".fact")
    expect(facts).to_have_count(len(records))
    facts.last.hover()
    lit = page.locator(".cited.lit")
    expect(lit.first).to_be_visible()
    last = facts.last.get_attribute("data-record") or "?"
    assert all(last in (piece.get_attribute("data-records") or "") for piece in lit.all())


def test_the_editor_lets_the_focus_go(open_page: OpenPage) -> None:
    page = open_page("/sparql")
    editor = page.get_by_role("textbox", name="Query")
    editor.click()
    page.keyboard.press("Tab")
    expect(editor).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Run")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(editor).to_be_focused()


def test_a_facet_is_opened_and_chosen(open_page: OpenPage) -> None:
    page = open_page("/browse")
    facet = page.locator("details.facet", has=page.get_by_role("heading", name="Modality"))
    facet.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(facet).to_have_attribute("open", "")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/browse?*modality=*")
    page.locator(".chosen a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/browse")

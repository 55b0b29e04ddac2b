"""The SPARQL page as its users use it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage

PREFIX = "PREFIX org: <http://www.w3.org/ns/org#> "
HELD = PREFIX + "SELECT ?who ?post (STRLEN(STR(?post)) AS ?n) { ?who org:holds ?post } ORDER BY ?who"


def ask(page: Page, query: str) -> None:
    """Replace the text in the editor as a user does, and run it by keyboard."""
    page.get_by_role("textbox", name="Query").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(query)
    page.keyboard.press("Control+Enter")


def test_an_example_runs_at_a_click_and_goes_back(open_page: OpenPage) -> None:
    page = open_page("/sparql")
    page.get_by_role("link", name="Former posts").click()
    expect(page.get_by_role("table")).to_be_visible()
    expect(page.get_by_role("textbox", name="Query")).to_contain_text("kg:former")
    assert "query=" in page.url
    expect(page.locator("#extent")).to_contain_text("ms")
    page.go_back()
    expect(page.get_by_role("table")).to_have_count(0)


def test_an_address_is_shared(open_page: OpenPage) -> None:
    page = open_page("/sparql")
    ask(page, HELD)
    expect(page.get_by_role("link", name="Wang Yi").first).to_be_visible()
    other = open_page(page.url.partition("//")[2].partition("/")[2].join(("/", "")))
    expect(other.get_by_role("link", name="Wang Yi").first).to_be_visible()
    expect(other.get_by_role("textbox", name="Query")).to_contain_text("org:holds")


def test_an_answer_as_table_raw_chart_and_graph(open_page: OpenPage) -> None:
    page = open_page(f"/sparql?query={quote(HELD)}")
    page.get_by_role("tab", name="Chart").click()
    expect(page.locator("svg.chart .bar")).to_have_count(10)
    page.keyboard.press("ArrowRight")
    expect(page.locator("svg.graph .thing").first).to_be_visible()
    page.get_by_role("tab", name="Raw").click()
    expect(page.get_by_role("tabpanel")).to_contain_text('"bindings"')
    page.get_by_role("tab", name="Table").click()
    page.get_by_role("button", name="n", exact=True).click()
    expect(page.locator("th").nth(2)).to_have_attribute("aria-sort", "ascending")
    numbers = [int(text) for text in page.locator("td.number").all_inner_texts()]
    assert numbers == sorted(numbers)
    page.get_by_role("link", name="Wang Yi").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Wang Yi")


def test_places_are_a_map(open_page: OpenPage) -> None:
    query = (
        "SELECT ?name ?lat ?long { VALUES (?name ?lat ?long) { ('Here' 39.9 116.4) ('There' 35.7 139.7) } }"
    )
    page = open_page(f"/sparql?query={quote(query)}")
    page.get_by_role("tab", name="Map").click()
    expect(page.locator("svg.map .spot")).to_have_count(2)


def test_a_graph_is_drawn(open_page: OpenPage) -> None:
    page = open_page(f"/sparql?query={quote(PREFIX + 'CONSTRUCT WHERE { ?who org:holds ?post }')}")
    expect(page.get_by_role("tabpanel")).to_contain_text("org#holds")
    page.get_by_role("tab", name="Graph").click()
    expect(page.locator("svg.graph .thing").first).to_be_visible()
    assert page.locator("svg.graph .thing").count() > 10


def test_who_types_before_the_editor_is_there_goes_on_in_it(open_page: OpenPage) -> None:
    page = open_page("/")
    held: list[Route] = []
    page.route("**/sparql-*.js", lambda route: held.append(route))
    with page.expect_request("**/sparql-*.js"):
        page.goto(f"{page.url}sparql", wait_until="commit")
    field = page.locator("textarea")
    field.fill("SELECT ?thing WHERE { }")
    field.press("ArrowLeft")
    field.press("ArrowLeft")
    held[0].continue_()
    expect(page.locator(".cm-editor.cm-focused")).to_be_visible()
    page.keyboard.type(" ?thing")
    expect(page.get_by_role("textbox", name="Query")).to_have_text("SELECT ?thing WHERE { ?thing }")


def test_what_the_browser_selects_is_typed_over_before_the_editor_is_told(open_page: OpenPage) -> None:
    untold = "addEventListener('selectionchange', (event) => event.stopImmediatePropagation(), true)"
    page = open_page("/sparql", init_script=untold)
    page.get_by_role("textbox", name="Query").click()
    expect(page.locator(".cm-editor.cm-focused")).to_be_visible()  # which makes it show its own selection
    page.get_by_role("textbox", name="Query").fill(HELD)  # selects all, and inserts at once
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("link", name="Wang Yi").first).to_be_visible()


def test_an_error_points_at_its_place(open_page: OpenPage) -> None:
    page = open_page("/sparql")
    ask(page, "SELECT *\nWHERE { ?s ?p ?o } LIMIT abc")
    expect(page.get_by_role("alert")).to_contain_text("Line 2, column 26")
    expect(page.locator(".cm-lintRange-error")).to_have_text("abc")
    ask(page, HELD)
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator(".cm-lintRange-error")).to_have_count(0)


def test_classes_things_and_prefixes_are_completed(open_page: OpenPage) -> None:
    page = open_page("/sparql")
    page.get_by_role("textbox", name="Query").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("SELECT ?p { ?p a schema:Pers")
    expect(page.get_by_role("option").first).to_contain_text("schema:Person")
    page.wait_for_timeout(100)  # CodeMirror takes no choice in the first moment of a list
    page.keyboard.press("Enter")
    page.keyboard.type(" ; ?q wang")
    page.get_by_role("option", name="Wang Yi").first.click()
    editor = page.get_by_role("textbox", name="Query")
    expect(editor).to_contain_text("id:wang-yi")
    expect(editor).to_contain_text("PREFIX schema: <https://schema.org/>")
    expect(editor).to_contain_text("PREFIX id: <")


def test_markup_in_an_answer_stays_text_in_every_view(open_page: OpenPage) -> None:
    attack = "<img src=x onerror=document.title=1>"
    query = f"SELECT ?a ?n ('{attack}' AS ?c) {{ VALUES (?a ?n) {{ ('{attack}' 1) ('<b>x' 2) }} }}"
    page = open_page(f"/sparql?query={quote(query)}")
    for tab in ("Chart", "Raw", "Table"):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tabpanel")).to_contain_text("<img src=x")
    assert page.locator("main img").count() == 0
    assert "SPARQL" in page.title()


def test_a_query_too_long_for_an_address_runs_all_the_same(open_page: OpenPage) -> None:
    page = open_page("/sparql")
    ask(page, HELD + "\n" + "# long\n" * 2000)
    expect(page.get_by_role("table")).to_be_visible()
    assert "query=" not in page.url
    page.get_by_role("tab", name="Raw").click()
    expect(page.get_by_role("tabpanel")).to_contain_text('"bindings"')


@pytest.mark.parametrize("query", [HELD, PREFIX + "CONSTRUCT WHERE { ?who org:holds ?post }", "ASK {}"])
def test_the_programs_run(open_page: OpenPage, query: str, tmp_path: Path) -> None:
    page = open_page(f"/sparql?query={quote(query)}")
    programs = dict(zip(
        page.locator(".snippets h3").all_text_contents(),
        page.locator(".snippets code").all_text_contents(),
        strict=True,
    ))  # fmt: skip
    (tmp_path / "ask.py").write_text(programs["Python"])
    (tmp_path / "ask.mjs").write_text(programs["JavaScript"])
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    commands = [["bash", "-c", programs["curl"]], [sys.executable, str(tmp_path / "ask.py")]]
    if node := shutil.which("node"):
        commands.append([node, str(tmp_path / "ask.mjs")])
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
        assert done.returncode == 0, done.stderr
        assert ("wang-yi" in done.stdout) or ("true" in done.stdout.lower())

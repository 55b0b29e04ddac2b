"""Browsing: which things a selection has, in which order, and counts that a plain count agrees with."""

from __future__ import annotations

from itertools import combinations

import pytest

from kg.search import browse
from kg.search.browse import SORTS, Browser, Selection, select
from kg.search.index import SearchIndex
from kg.search.schema import FACETS
from tests.kg.search.conftest import BASE

PERSON = "https://schema.org/Person"
MEMBERSHIP = "http://www.w3.org/ns/org#Membership"
CJIC = f"{BASE}id/cjic"


def list_all(browser: Browser, selection: Selection, sort: str = "links", limit: int = 50) -> list[str]:
    """Return a whole listing, page by page."""
    found: list[str] = []
    while True:
        page = browser.list_things(selection, sort, found[-1] if found else "", limit)
        found += [thing.iri for thing in page.things]
        if not page.has_more:
            return found


def local(iris: list[str]) -> list[str]:
    return [iri.removeprefix(f"{BASE}id/") for iri in iris]


@pytest.fixture
def browser(index: SearchIndex) -> Browser:
    return Browser(index)


def test_a_type_lists_its_things(browser: Browser) -> None:
    people = local(list_all(browser, select({"type": (PERSON,)})))
    assert people == ["motegi", "wang-yi", "lou-jiwei", "no-name", "wangari"]
    assert local(list_all(browser, select({"type": (PERSON,)}), "name")) == [
        "lou-jiwei",
        "motegi",
        "no-name",
        "wang-yi",
        "wangari",
    ]


def test_the_newest_come_first(browser: Browser) -> None:
    assert local(list_all(browser, (), "date"))[0] == "forum"


def test_facets_lead_over_posts_and_participations(browser: Browser) -> None:
    assert set(local(list_all(browser, select({"body": (CJIC,)})))) == {"wang-yi", "wang-as-minister"}
    assert set(local(list_all(browser, select({"event": (f"{BASE}id/forum",)})))) == {
        "motegi",
        "motegi-speaks",
    }
    people_of_it = select({"type": (PERSON,), "body": (CJIC,)})
    assert local(list_all(browser, people_of_it)) == ["wang-yi"]
    assert browser.count_things(people_of_it) == 1


def test_values_of_a_facet_are_alternatives(browser: Browser) -> None:
    either = select({"type": (PERSON, MEMBERSHIP)})
    assert browser.count_things(either) == 6
    # The count of another type says how many choosing it would add.
    assert {count.value: count.things for count in browser.count_values(either, "type")}[MEMBERSHIP] == 1


def test_every_count_is_that_of_the_list_behind_it(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    values = [(facet, count.value) for facet in FACETS for count in browser.count_values((), facet)]
    assert len(values) > 8
    for few in (browse.FEW, 0):  # both ways to read a selection
        monkeypatch.setattr(browse, "FEW", few)
        for number in (1, 2):
            for chosen in combinations(values, number):
                selection = select({f: tuple(v for g, v in chosen if g == f) for f, _ in chosen})
                lists = [list_all(browser, selection, sort, limit=2) for sort in SORTS]
                assert len(set(lists[0])) == len(lists[0]) == Browser(browser.index).count_things(selection)
                assert {*lists[1]} == {*lists[2]} == {*lists[0]}


def test_what_nothing_has_is_empty(browser: Browser) -> None:
    nothing = select({"body": ("http://h/id/none",)})
    assert browser.list_things(nothing).things == ()
    assert browser.count_things(nothing) == 0
    assert browser.count_things(select({"type": ("http://h/none",)})) == 0
    assert browser.list_things((), after="http://h/gone").things == browser.list_things(()).things

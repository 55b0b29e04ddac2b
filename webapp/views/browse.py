"""Browse: things by class and other facets, with counts; every state of the page is an address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.exceptions import BadRequest

from kg.search.browse import SORTS, Count, Selection, select
from kg.search.index import Thing
from kg.search.schema import FACETS
from kg.vocab import expand, shorten
from webapp import current
from webapp.languages import N_
from webapp.links import Shown
from webapp.negotiation import HTML
from webapp.pages.results import ResultMaker, to_json
from webapp.responses import add_cache_headers, match_etag
from webapp.templating import render
from webapp.views.documents import choose_format, names
from webapp.views.search import JSON, result_maker, send_json, tag_answer

blueprint = Blueprint("browse", __name__)

THINGS_SHOWN = 50
VALUES_SHOWN = 12
MORE_VALUES_SHOWN = 500
MAX_CHOSEN = 20

TITLES = {
    "type": N_("Type"),
    "body": N_("Body"),
    "role": N_("Role"),
    "event": N_("Event"),
    "tenure": N_("Tenure"),
    "country": N_("Country"),
    "modality": N_("Modality"),
    "status": N_("Evidence"),
}
SORT_TITLES = {"links": N_("most linked"), "name": N_("by name"), "date": N_("newest")}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for; ``more`` is the facet of which all values are shown."""

    selection: Selection
    sort: str = "links"
    after: str = ""
    more: str = ""

    def query(self, **changes: Any) -> str:
        """Return the one way to write this, or this with changes, as the query of an address."""
        values = {"selection": self.selection, "sort": self.sort, "after": "", "more": "", **changes}
        pairs = [(facet, shorten(iri, names())) for facet, iris in values["selection"] for iri in iris]
        if values["sort"] != SORTS[0]:
            pairs.append(("sort", values["sort"]))
        pairs += [(name, values[name]) for name in ("after", "more") if values[name]]
        pairs += [(name, request.args[name]) for name in ("format", "lang") if request.args.get(name)]
        return urlencode(pairs, safe=":/")

    def href(self, **changes: Any) -> str:
        """Return the address of this with changes; a change of the selection begins the list anew."""
        query = self.query(**changes)
        return url_for("browse.browse") + (f"?{query}" if query else "")


@dataclass(frozen=True, slots=True)
class ShownValue:
    """A value of a facet; ``href`` chooses it, or drops it if it is chosen."""

    value: str
    name: Shown
    count: int
    chosen: bool
    href: str


@dataclass(frozen=True, slots=True)
class ShownFacet:
    """A facet with its values; ``more_href`` shows those that are left out."""

    name: str
    title: str
    values: tuple[ShownValue, ...]
    more_href: str = ""


@blueprint.get("/browse")
def browse() -> Response:
    """List things that have what was chosen, and what they could be narrowed down by further."""
    fmt = choose_format((HTML, JSON))
    asked = _read_address()
    canonical = asked.query(after=asked.after and shorten(asked.after, names()), more=asked.more)
    if canonical != request.query_string.decode("ascii", "replace"):
        return redirect(url_for("browse.browse") + (f"?{canonical}" if canonical else ""))  # type: ignore[return-value]
    etag = tag_answer(fmt)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    browser, maker = current.context().browser, result_maker()
    listing = browser.list_things(asked.selection, asked.sort, asked.after, THINGS_SHOWN)
    last = listing.things[-1].iri if listing.has_more else ""
    answer: dict[str, Any] = {
        "total": browser.count_things(asked.selection),
        "facets": [_show_facet(facet, asked, maker) for facet in FACETS],
        "next": asked.href(after=shorten(last, names())) if last else "",
    }
    if fmt == JSON:
        facets = {facet.name: [_value_to_json(v) for v in facet.values] for facet in answer["facets"]}
        things = [_thing_to_json(thing, maker) for thing in listing.things]
        return add_cache_headers(send_json({**answer, "facets": facets, "results": things}), etag)
    page = render(
        "browse.html",
        **answer,
        things=[(maker.show(thing), maker.show_types(thing), thing) for thing in listing.things],
        sorts=[(SORT_TITLES[sort], asked.href(sort=sort), sort == asked.sort) for sort in SORTS],
        is_first=not asked.after,
        first=asked.href(),
        clear=url_for("browse.browse"),
        is_chosen=bool(asked.selection),
        is_narrow=len(asked.selection) > 1 or bool(asked.after),
        json_href=asked.href() + ("&" if asked.query() else "?") + "format=json",
    )
    return add_cache_headers(Response(page, content_type=HTML.content_type), etag)


def _read_address() -> Asked:
    args = request.args
    chosen = {facet: tuple(_locate(v) for v in args.getlist(facet) if v) for facet in FACETS}
    if sum(map(len, chosen.values())) > MAX_CHOSEN:
        raise BadRequest(f"At most {MAX_CHOSEN} values may be chosen at once.")
    sort, more = args.get("sort") or SORTS[0], args.get("more", "")
    if sort not in SORTS:
        raise BadRequest(f"sort={sort[:20]!r} is not one of {', '.join(SORTS)}.")
    after = args.get("after", "")
    return Asked(select(chosen), sort, after and _locate(after), more if more in FACETS else "")


def _locate(name: str) -> str:
    """Return the IRI of a prefixed name, an IRI, or a path under the base."""
    iri = expand(name, names())
    return iri if ":" in iri else names().base + iri


def _show_facet(facet: str, asked: Asked, maker: ResultMaker) -> ShownFacet:
    counts = current.context().browser.count_values(asked.selection, facet)
    chosen = dict(asked.selection).get(facet, ())
    bound = MORE_VALUES_SHOWN if asked.more == facet else VALUES_SHOWN
    shown = [count for number, count in enumerate(counts) if number < bound or count.value in chosen]
    shown += [Count(iri, 0) for iri in chosen if iri not in {count.value for count in counts}]
    known = maker.index.find_things(count.value for count in shown)
    values = []
    for count in shown:
        kept = set(chosen) ^ {count.value}
        changed = select({**dict(asked.selection), facet: tuple(kept)})
        short = shorten(count.value, names())
        name = maker.show(known[count.value]) if count.value in known else Shown(short)
        values.append(
            ShownValue(short, name, count.things, count.value in chosen, asked.href(selection=changed))
        )
    is_cut = len(counts) > bound and bound < MORE_VALUES_SHOWN
    return ShownFacet(facet, TITLES[facet], tuple(values), asked.href(more=facet) if is_cut else "")


def _value_to_json(value: ShownValue) -> dict[str, Any]:
    return {
        "value": value.value,
        "name": to_json(value.name),
        "count": value.count,
        "chosen": value.chosen,
        "href": value.href,
    }


def _thing_to_json(thing: Thing, maker: ResultMaker) -> dict[str, Any]:
    name = maker.show(thing)
    return {
        "iri": thing.iri,
        "href": name.href,
        "name": to_json(name),
        "types": [to_json(kind) for kind in maker.show_types(thing)],
        "links": thing.links,
        "date": thing.date,
    }

"""Ways to look around: the graph around a thing, the timeline, the map. Each is whole without scripts."""

from __future__ import annotations

import json
from dataclasses import dataclass

from flask import Blueprint, Response, request
from pyoxigraph import NamedNode

from kg.description import Description
from kg.description_index import Citation, Index
from kg.formats import Format
from kg.lines import list_lines
from kg.vocab import ORG, SCHEMA, TYPE, named
from webapp import current
from webapp.links import Shown
from webapp.negotiation import HTML
from webapp.pages.neighbourhood import find_neighbourhood, list_keys, to_json
from webapp.responses import add_cache_headers, match_etag
from webapp.templating import render
from webapp.views.documents import choose_format, linker, names, read_description, reader, tag_document

blueprint = Blueprint("explore", __name__)

JSON = Format("json", "application/json", "json")
MAX_DATED = 1000
MAX_UNDATED = 300
MAX_PLACES = 500


# --- the graph around a thing


@blueprint.get("/graph/<slug>")
def show_graph(slug: str) -> Response:
    """Show what a thing is related to; ``relation=`` (an IRI, any number) shows only these."""
    fmt = choose_format((HTML, JSON))
    etag = tag_document(f"{request.full_path} {current.interface().language.code}", fmt)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    found = find_neighbourhood(read_description(names().thing(slug)), names(), linker())
    if fmt == JSON:
        return add_cache_headers(Response(json.dumps(to_json(found)), content_type=JSON.content_type), etag)
    keys = list_keys(found)
    wanted = [key for key in request.args.getlist("relation") if key in keys] or list(keys)
    page = render("graph.html", found=found, keys=keys, wanted=wanted)
    return add_cache_headers(Response(page, content_type=HTML.content_type), etag)


# --- the timeline


@dataclass(frozen=True, slots=True)
class Dated:
    """A thing with its dates (ISO 8601, to the day) and the date in the words of its source."""

    thing: Shown
    start: str
    end: str
    words: str


@blueprint.get("/timeline")
def show_timeline() -> Response:
    """Show what has a date in the order of time, and apart from it events and posts that have none."""
    etag = tag_document("timeline", HTML)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    dated, iris = _list_dated()
    page = render(
        "timeline.html",
        dated=dated,
        events=_list_others(_event_classes(), iris),
        posts=_list_others((ORG("Membership"),), iris),
        limit=MAX_UNDATED,
    )
    return add_cache_headers(Response(page, content_type=HTML.content_type), etag)


def _list_dated() -> tuple[list[Dated], set[NamedNode]]:
    triples = reader().list_dated(MAX_DATED)
    index = Index(Description(iri=names().ontology, own=triples), names())
    dates = (SCHEMA("startDate"), SCHEMA("datePublished"))
    subjects = {named(t.subject) for t in triples if t.predicate in dates}
    found = [
        Dated(
            linker().show(subject, index),
            index.text(subject, dates[0]) or index.text(subject, dates[1]),
            index.text(subject, SCHEMA("endDate")),
            index.text(subject, names().term("dateText")),
        )
        for subject in subjects
    ]
    return sorted(found, key=lambda item: (item.start, item.end, item.thing.label)), subjects


def _event_classes() -> tuple[NamedNode, ...]:
    own = ("ForumEdition", "Session", "Ceremony", "Exhibition", "Talks", "Visit")
    return (SCHEMA("Event"), *map(names().term, own))


def _list_others(classes: tuple[NamedNode, ...], without: set[NamedNode]) -> list[Shown]:
    found = reader().list_instances(classes, MAX_UNDATED)
    index = Index(Description(iri=names().ontology, own=found), names())
    subjects = {named(t.subject) for t in found if t.predicate == TYPE} - without
    return sorted((linker().show(subject, index) for subject in subjects), key=lambda thing: thing.label)


# --- the map


@dataclass(frozen=True, slots=True)
class Place:
    """A place with its coordinates (WGS 84, in degrees) and where they come from."""

    thing: Shown
    latitude: str
    longitude: str
    citations: tuple[Citation, ...]


@blueprint.get("/map")
def show_map() -> Response:
    """Show the places whose coordinates have a source."""
    etag = tag_document("map", HTML)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    places = _list_places()
    placed = {place.thing.href for place in places}
    others = [thing for thing in _list_others((SCHEMA("Place"),), set()) if thing.href not in placed]
    page = render("map.html", places=places, unplaced=others)
    return add_cache_headers(Response(page, content_type=HTML.content_type), etag)


def _list_places() -> list[Place]:
    latitude, longitude = SCHEMA("latitude"), SCHEMA("longitude")
    description = reader().list_places(names().ontology, MAX_PLACES)
    index = Index(description, names())
    found = []
    for line in list_lines(description.axioms):
        if line[1] == str(latitude):
            place = named(index.to_term(line[0]))
            fact = index.fact_of(line)
            cited = tuple(index.citations(fact)) if fact else ()
            texts = index.text(place, latitude), index.text(place, longitude)
            found.append(Place(linker().show(place, index), *texts, cited))
    return sorted(found, key=lambda place: place.thing.label)

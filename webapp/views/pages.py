"""The start page."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, render_template
from pyoxigraph import NamedNode

from kg.description import Description, Index
from kg.vocab import ORG, SCHEMA, TYPE, Names, named
from webapp import current
from webapp.links import Shown
from webapp.negotiation import HTML
from webapp.responses import add_cache_headers, match_etag
from webapp.views.documents import linker, names, reader, tag_document

blueprint = Blueprint("pages", __name__)

THINGS_SHOWN = 60
"""Things of one kind on the start page."""

FIGURES = ("articles", "sentences", "facts", "evidence", "people", "bodies", "triples")


@dataclass(frozen=True, slots=True)
class Things:
    """Things of one kind, by name."""

    title: str
    things: tuple[Shown, ...]


@blueprint.get("/")
def show_start() -> Response:
    """Show what this is, its figures, and where to begin."""
    etag = tag_document(f"start {current.settings().title}", HTML)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    manifest = current.context().release.manifest
    groups = [_list(title, classes) for title, classes in _kinds(names())]
    body = render_template(
        "start.html",
        figures=[(name, manifest.figures[name]) for name in FIGURES],
        articles=[{"href": linker().href(article.iri), "entry": article} for article in manifest.articles],
        groups=[group for group in groups if group.things],
        example_iri=names().thing("cjic").value,
    )
    return add_cache_headers(Response(body, content_type=HTML.content_type), etag)


def _kinds(names: Names) -> tuple[tuple[str, tuple[NamedNode, ...]], ...]:
    events = tuple(names.term(name) for name in ("ForumEdition", "Session", "Ceremony", "Exhibition"))
    return (
        ("Zones", (names.term("DemonstrationZone"),)),
        ("People", (SCHEMA("Person"),)),
        ("Forums and events", (SCHEMA("EventSeries"), SCHEMA("Event"), *events)),
        ("Bodies", (ORG("Organization"),)),
        ("Posts", (ORG("Post"),)),
    )


def _list(title: str, classes: tuple[NamedNode, ...]) -> Things:
    found = reader().list_instances(classes, THINGS_SHOWN)
    index = Index(Description(iri=names().ontology, own=found), names())
    subjects = dict.fromkeys(named(triple.subject) for triple in found if triple.predicate == TYPE)
    shown = (linker().show(subject, index) for subject in subjects)
    return Things(title, tuple(sorted(shown, key=lambda thing: thing.label.casefold())))

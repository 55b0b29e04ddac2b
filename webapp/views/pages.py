"""The start page."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response
from pyoxigraph import NamedNode, Triple

from kg.search.browse import select
from kg.vocab import TYPE, named
from webapp import current
from webapp.negotiation import HTML
from webapp.pages.start import FIGURES, Example, Kind, StartMaker, list_kinds, sort_articles
from webapp.pages.structured_data import describe_site
from webapp.responses import add_cache_headers, match_etag
from webapp.templating import render
from webapp.views.browse import Asked
from webapp.views.documents import evidence_maker, linker, names, reader, tag_document

blueprint = Blueprint("pages", __name__)

THINGS_SHOWN = 60
"""Things of one kind among which those that the start page names are the first by name."""


@blueprint.get("/")
def show_start() -> Response:
    """Show what this is, its figures, and where to begin."""
    etag = tag_document(f"start {current.settings().title}", HTML)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    return add_cache_headers(Response(_render(), content_type=HTML.content_type), etag)


def _render() -> str:
    manifest, interface = current.context().release.manifest, current.interface()
    maker = StartMaker(names(), linker(), interface, evidence_maker())
    kinds = list_kinds(names())
    found = {title: reader().list_instances(classes, THINGS_SHOWN) for title, classes in kinds}
    figures = [(interface.gettext(title), manifest.figures.get(name, 0)) for title, name in FIGURES]
    return render(
        "start.html",
        figures=[(title, interface.number(value)) for title, value in figures],
        articles=[(linker().href(article.iri), article) for article in sort_articles(manifest.articles)],
        example=_find_example(maker),
        kinds=[_show_kind(maker, title, found[title], classes) for title, classes in kinds if found[title]],
        questions=maker.show_questions(reader().list_examples()),
        example_iri=next((s.value for things in found.values() for s in _list_subjects(things)), ""),
        structured_data=describe_site(manifest, current.settings().title),
    )


def _show_kind(
    maker: StartMaker, title: str, found: Sequence[Triple], classes: tuple[NamedNode, ...]
) -> Kind:
    selection = select({"type": tuple(kind.value for kind in classes)})
    total = current.context().browser.count_things(selection)
    return maker.show_kind(title, found, total, Asked(selection).href())


def _find_example(maker: StartMaker) -> Example | None:
    """Return the last participation of the release as an example of a fact."""
    found = _list_subjects(reader().list_instances((names().term("Participation"),), THINGS_SHOWN))
    return maker.show_example(reader().describe(found[-1], 1)) if found else None


def _list_subjects(found: Sequence[Triple]) -> list[NamedNode]:
    return [named(triple.subject) for triple in found if triple.predicate == TYPE]

"""Articles: the text with what rests on each sentence, its data, and the text as captured."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request, url_for
from werkzeug.exceptions import Forbidden, NotFound

from kg.description import Index
from kg.release.layout import ArticleEntry
from webapp import current
from webapp.negotiation import HTML
from webapp.pages import show_text
from webapp.responses import add_cache_headers, make_etag, match_etag
from webapp.views.documents import (
    choose_format,
    linker,
    list_formats,
    names,
    read_text,
    reader,
    respond,
    respond_at_own_address,
    tag_document,
)

blueprint = Blueprint("articles", __name__)


@blueprint.get("/article/<slug>")
def show_article(slug: str) -> Response:
    """Show an article to people, or describe it as data."""
    article = _find(slug)
    fmt = choose_format()
    if fmt != HTML:
        return respond(names().article(slug), fmt, list_formats(request.path))
    etag = tag_document(article.iri, fmt)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    return add_cache_headers(Response(_render(article), content_type=fmt.content_type), etag)


def _render(article: ArticleEntry) -> str:
    description = reader().describe_text(names().article(article.slug))
    text = read_text(article.slug)
    index = Index(description, names())
    return render_template(
        "article.html",
        article=article,
        sentences=show_text(description, text, index, linker(), names()),
        text_href=url_for("articles.get_text", slug=article.slug) if text else "",
        downloads=list_formats(request.path),
    )


@blueprint.get("/article/<slug>/text")
def get_text(slug: str) -> Response:
    """Give the captured text, to the byte, where the article's ``kg:fullText`` allows it."""
    article = _find(slug)
    if not article.full_text:
        raise Forbidden("The text of this article is not published here; its quotes and offsets are.")
    path = current.context().release.text_path(slug)
    response = Response(path.read_bytes(), content_type="text/plain; charset=utf-8")
    return add_cache_headers(response, make_etag(current.context().release.id, slug, "text"))


@blueprint.get("/article/<slug>/sentence/<int:number>")
def show_sentence(slug: str, number: int) -> Response:
    """Describe one sentence."""
    _find(slug)
    return respond_at_own_address(names().sentence(slug, number))


def _find(slug: str) -> ArticleEntry:
    articles = current.context().release.manifest.articles
    article = next((article for article in articles if article.slug == slug), None)
    if article is None:
        raise NotFound(f"There is no article {slug!r}.")
    return article

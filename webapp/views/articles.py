"""Articles: the text with what rests on each sentence, its data, and the text as captured."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from werkzeug.exceptions import Forbidden, NotFound
from werkzeug.urls import iri_to_uri

from kg.formats import DOCUMENT_FORMATS, Format
from kg.release.layout import ArticleEntry
from webapp import current
from webapp.negotiation import HTML
from webapp.pages.article import ArticleMaker
from webapp.pages.structured_data import describe_article
from webapp.responses import add_cache_headers, make_etag, match_etag
from webapp.templating import render
from webapp.views.documents import (
    OFFERS,
    add_links,
    choose_format,
    linker,
    list_formats,
    names,
    reader,
    respond,
    respond_at_own_address,
    tag_document,
)

blueprint = Blueprint("articles", __name__)


TEXT = Format("text", "text/plain", "txt", ("txt",))
"""The captured text, as a format of the article."""


@blueprint.get("/article/<slug>")
def show_article(slug: str) -> Response:
    """Show an article to people, describe it as data, or give its text."""
    article = _find(slug)
    iri = names().article(slug)
    fmt = choose_format((HTML, TEXT, *DOCUMENT_FORMATS) if article.full_text else OFFERS)
    if fmt == TEXT:
        return _send_text(article)
    if fmt != HTML:
        return respond(iri, fmt, list_formats(request.path))
    etag = tag_document(article.iri, fmt)
    response = match_etag(etag) or Response(_render(article), content_type=fmt.content_type)
    return add_links(add_cache_headers(response, etag), iri, list_formats(request.path))


def _render(article: ArticleEntry) -> str:
    description = reader().describe_text(names().article(article.slug))
    text = current.context().read_text(article.slug)
    return render(
        "article.html",
        article=article,
        page=ArticleMaker(names(), linker()).make(article, description, text),
        text_href=url_for("articles.get_text", slug=article.slug, format=TEXT.extension) if text else "",
        structured_data=describe_article(article),
        downloads=list_formats(request.path),
    )


@blueprint.get("/article/<slug>/text")
def get_text(slug: str) -> Response:
    """Give the captured text, to the byte, where ``kg:fullText`` allows it; as data, what cites it."""
    article = _find(slug)
    fmt = choose_format((TEXT, *OFFERS))
    if fmt != TEXT:
        return respond(names().text(slug), fmt, list_formats(request.path))
    if not article.full_text:
        raise Forbidden("The text of this article is not published here; its quotes and offsets are.")
    return _send_text(article)


def _send_text(article: ArticleEntry) -> Response:
    # No licence is named: the text is its publisher's.
    etag = make_etag(current.context().release.id, article.slug, "text")
    response = match_etag(etag)
    if response is None:
        content = current.context().release.text_path(article.slug).read_bytes()
        response = Response(content, content_type=TEXT.content_type)
    response.headers.add("Link", f'<{iri_to_uri(article.url)}>; rel="via"')
    return add_cache_headers(response, etag)


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

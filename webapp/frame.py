"""The frame of every page: its language, links to the same page in others, and addresses of its assets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, g, request

from kg.settings import Settings
from webapp import assets, current, digests, templating
from webapp.addresses import RELEASE, SITE_ROOT, keep_address, make_address
from webapp.languages import ENGLISH, LANGUAGES, find_language
from webapp.negotiation import HTML
from webapp.responses import vary

COOKIE = "lang"
_COOKIE_AGE_S = 365 * 24 * 3600
_STATIC_AGE_S = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class LanguageLink:
    """A link to this page in a language; ``absolute`` is under the base IRI, for crawlers."""

    code: str
    tag: str
    name: str
    href: str
    absolute: str
    current: bool


def set_up(app: Flask, settings: Settings) -> None:
    """Give the application its templates, with what ``base.html`` shows."""
    routes = frozenset(rule.rule for rule in app.url_map.iter_rules())
    names = {"static_url": static_url, "url_for": make_address, **assets.NAMES}
    templating.set_up(app, names, lambda: _list_variables(settings, routes))


def static_url(filename: str) -> str:
    """Return the address of a static file, which changes with the file and so may be kept for ever."""
    return keep_address("static", filename=filename, v=digests.digest_static(filename))


def finish(response: Response) -> Response:
    """Say which language a page is in and what decided it, and remember one that was asked for."""
    interface = g.get("interface")
    if interface is not None:
        vary(response, "Accept-Language", "Cookie")
        if response.mimetype == HTML.media_type and response.status_code != 304:
            response.headers["Content-Language"] = interface.language.tag
        if find_language(request.args.get("lang")) is not None:
            path = request.script_root + "/"
            response.set_cookie(
                COOKIE, interface.language.code, max_age=_COOKIE_AGE_S, path=path, samesite="Lax"
            )
    if request.endpoint == "static" and request.args.get("v") and response.status_code == 200:
        response.headers["Cache-Control"] = f"public, max-age={_STATIC_AGE_S}, immutable"
    return response


def _list_variables(settings: Settings, routes: frozenset[str]) -> dict[str, Any]:
    context = g.get("context")
    return {
        "permanent": str(request.environ.get(RELEASE, "")),
        "site_root": str(request.environ.get(SITE_ROOT, "")),
        "site_title": settings.title,
        "release": context.release.manifest if context else None,
        "request": request,
        "page_address": _find_address(context.release.manifest.base_iri if context else ""),
        "language_links": _link_languages(context.release.manifest.base_iri if context else ""),
        "routes": routes,
    }


def _find_address(base_iri: str) -> str:
    """Return the one address of this page under the base IRI, in the language that it names, if it does."""
    language = find_language(request.args.get("lang"))
    query = f"?lang={language.code}" if language else ""
    return f"{base_iri.rstrip('/')}{request.path}{query}" if base_iri else ""


def _link_languages(base_iri: str) -> list[LanguageLink]:
    others = [(name, value) for name, value in request.args.items(multi=True) if name != "lang"]
    kept = f"{urlencode(others)}&" if others else ""
    spoken = current.interface().language
    links = []
    prefix = request.script_root.removeprefix(str(request.environ.get(SITE_ROOT, "")))
    for language in (ENGLISH, *(other for other in LANGUAGES if other is not ENGLISH)):
        query = f"{kept}lang={language.code}"
        href = f"{request.script_root}{request.path}?{query}"
        absolute = f"{base_iri.rstrip('/')}{prefix}{request.path}?{query}" if base_iri else ""
        links.append(
            LanguageLink(language.code, language.tag, language.name, href, absolute, language is spoken)
        )
    return links

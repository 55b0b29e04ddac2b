"""What crawlers and feed readers ask for: what they may fetch, which pages there are, and what is new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, tostring
from xml.sax.saxutils import escape

from flask import Blueprint, Response, current_app, request, url_for
from werkzeug.exceptions import NotFound

from kg.release.catalogue import ReleaseEntry, list_releases
from kg.release.history import format_time
from webapp import current
from webapp.responses import add_cache_headers, make_etag, match_etag

blueprint = Blueprint("crawlers", __name__)

XML = "application/xml"
ATOM = "application/atom+xml"
RELEASES_SHOWN = 50
"""Releases in the feed, the newest first."""

_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
_ATOM = "http://www.w3.org/2005/Atom"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


@blueprint.get("/robots.txt")
def show_robots() -> Response:
    """Keep crawlers from queries and searches, and let them at pages (RFC 9309)."""
    lines = ["User-agent: *"]
    lines += [f"Disallow: {url_for(endpoint)}" for endpoint in ("sparql.query", "search.show_results")]
    lines += ["Allow: /", "", f"Sitemap: {_address(url_for('crawlers.list_sitemaps'))}"]
    return Response("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@blueprint.get("/sitemap.xml")
def list_sitemaps() -> Response:
    """List the sitemaps of the current release (sitemaps.org, "Sitemap index files")."""
    etag = make_etag(current.context().release.id, "sitemaps", request.url_root)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    numbers = range(1, len(_list_files()) + 1)
    paths = [url_for("crawlers.get_sitemap", number=number) for number in numbers]
    return add_cache_headers(_send("sitemapindex", "sitemap", paths), etag)


@blueprint.get("/sitemap-<int:number>.xml")
def get_sitemap(number: int) -> Response:
    """Give one sitemap, line by line from the file that the build made."""
    files = _list_files()
    if not 1 <= number <= len(files):
        raise NotFound(f"There are sitemaps 1 to {len(files)}.")
    etag = make_etag(current.context().release.id, "sitemap", str(number), request.url_root)
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    return add_cache_headers(
        _send("urlset", "url", _read_paths(files[number - 1], request.script_root)), etag
    )


@blueprint.get("/feed.atom")
def show_feed() -> Response:
    """Tell of releases, the newest first (RFC 4287)."""
    entries = list_releases(Path(current.settings().var))[::-1][:RELEASES_SHOWN]
    etag = make_etag("feed", request.url_root, *(entry.id for entry in entries))
    if (unchanged := match_etag(etag)) is not None:
        return unchanged
    body = tostring(_make_feed(entries), encoding="unicode")
    return add_cache_headers(Response(_HEAD + body + "\n", content_type=ATOM), etag)


def _find_host() -> str:
    return request.host_url.rstrip("/")


def _address(path: str) -> str:
    """Return the absolute address of a path, at the host that was asked."""
    return _join(_find_host(), path)


def _join(host: str, path: str) -> str:
    return host + quote(path, safe="/%:@!$&'()*+,;=~?#")


def _list_files() -> list[Path]:
    return sorted((current.context().release.path / "pages").glob("*.txt"))


def _read_paths(path: Path, root: str) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        yield from (f"{root}/{line.rstrip()}" for line in file)


def _send(root: str, item: str, paths: Iterable[str]) -> Response:
    """Answer with one element for each path, as they are read; the request is over by then."""
    host, changed = _find_host(), current.context().release.manifest.created

    def write() -> Iterator[str]:
        yield f'{_HEAD}<{root} xmlns="{_SITEMAP}">\n'
        for path in paths:
            yield f"<{item}><loc>{escape(_join(host, path))}</loc><lastmod>{changed}</lastmod></{item}>\n"
        yield f"</{root}>\n"

    return Response(write(), content_type=XML)


def _make_feed(entries: tuple[ReleaseEntry, ...]) -> Element:
    manifest, title = current.context().release.manifest, current.settings().title
    feed = Element("feed", xmlns=_ATOM)
    _add(feed, "id", f"{manifest.base_iri}feed.atom")
    _add(feed, "title", f"{title}: releases")
    _add(feed, "updated", format_time(entries[0].published) if entries else manifest.created)
    SubElement(_add(feed, "author"), "name").text = title
    SubElement(feed, "link", rel="self", type=ATOM, href=_address(url_for("crawlers.show_feed")))
    SubElement(feed, "link", rel="alternate", href=_address(url_for("dumps.list_dumps")))
    for entry in entries:
        _add_entry(feed, entry, manifest.base_iri)
    return feed


def _add_entry(feed: Element, entry: ReleaseEntry, base_iri: str) -> None:
    element = SubElement(feed, "entry")
    _add(element, "id", f"{base_iri}releases/{entry.id}")
    _add(element, "title", f"Release {entry.id}")
    _add(element, "published", format_time(entry.published))
    _add(element, "updated", format_time(entry.published))
    SubElement(element, "link", rel="alternate", href=_address(_find_page(entry)))
    _add(element, "summary", f"{entry.quads:,} statements.")


def _find_page(entry: ReleaseEntry) -> str:
    """Return the path of a release's own page, where the site has such pages, else of the dumps."""
    if any(rule.rule == "/releases/<release_id>" for rule in current_app.url_map.iter_rules()):
        return f"{request.script_root}/releases/{entry.id}"
    return url_for("dumps.list_dumps")


def _add(parent: Element, name: str, text: str | None = None) -> Element:
    element = SubElement(parent, name)
    element.text = text
    return element

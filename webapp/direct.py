"""Plain SPARQL queries, answered in the event loop: nearly all that programs send.

A plain request is a query whose answer is data and is there at once, whole and small. The protocol, the
negotiation, the headers and the records are those of the view (``webapp/views/sparql.py``), by the same
functions. Whatever is not plain is left to the view, with the release and the query that has been begun: an
error, a page, a description of the service, another release, a slow query, a large answer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from kg.formats import Format
from kg.settings import Settings
from kg.store.base import Begun
from webapp.answers import Note, Reply
from webapp.bridge import BEGUN_QUERY, CANCELLATION, HELD_CONTEXT
from webapp.compression import MIN_BYTES, choose_coding, code_whole, is_text
from webapp.contexts import Contexts, ReleaseContext
from webapp.negotiation import HTML
from webapp.protocol import (
    ProtocolError,
    SparqlRequest,
    choose_formats,
    find_cache_key,
    read_operation,
    to_query,
)
from webapp.proxies import set_frontage
from webapp.queries import Journal
from webapp.responses import CACHE_CONTROL, COMMON_HEADERS, tag_answer

PATH = "/sparql"
ENDPOINT = "sparql.query"
"""The name of the view, as metrics count it."""
_MAX_BYTES = 32 * 1024
"""A larger answer goes to a thread: coding it would keep the loop for a millisecond."""
_COMMON = tuple((name.lower().encode(), value.encode()) for name, value in COMMON_HEADERS)


@dataclass(frozen=True, slots=True)
class _Plain:
    """A plain request: its environment behind all proxies, its operation, and what it may be answered in.

    ``key`` tells its answer from all others of a release; empty where it may change within one.
    """

    environ: dict[str, Any]
    asked: SparqlRequest
    formats: tuple[Format, ...]
    key: tuple[str, ...]

    def tag(self, release_id: str) -> str:
        """Return the entity tag of the answer, which that to a POST has not; empty where it may change."""
        if not self.key or self.environ["REQUEST_METHOD"] == "POST":
            return ""
        root = self.environ["SCRIPT_NAME"].encode("latin-1").decode("utf-8", "replace").rstrip("/")
        return tag_answer(release_id, root, self.key, self.formats[0])


class DirectSparql:
    """The shortcut for plain queries to the current release (``webapp.bridge.Shortcut``)."""

    def __init__(self, contexts: Contexts, settings: Settings) -> None:
        self._contexts = contexts
        self._settings = settings
        self._frontage = set_frontage(lambda environ, start_response: [], settings)
        self._journal = Journal(ENDPOINT)
        self._is_behind_proxies = bool(settings.trusted_proxies or settings.path_prefix)

    async def answer(self, environ: dict[str, Any]) -> Reply | None:
        """Return the response to a plain query, or None."""
        plain = self._read(environ) if environ["PATH_INFO"].endswith(PATH) else None
        context = self._contexts.acquire_open() if plain is not None else None
        if plain is None or context is None:
            return None
        environ[HELD_CONTEXT] = context
        begun = environ[BEGUN_QUERY] = self._begin(plain, context)
        try:
            answer = await begun.wait_shortly(_MAX_BYTES) if begun is not None else None
        except BaseException:
            self.drop(environ)
            raise
        if begun is None or answer is None:
            return None
        body = answer.whole or b""
        seconds = time.monotonic() - begun.started
        note = self._journal.add(begun.query, context.store, seconds, answer.rows, len(body))
        self.drop(environ)
        # A POST has no entity tag, but what it asks may be as fixed as what a GET does.
        kept = Note(context.release.id, ENDPOINT, note) if plain.key else None
        return _to_reply(plain, plain.tag(context.release.id), answer.format, body, kept)

    def close(self) -> None:
        """Record what has not been yet."""
        self._journal.tell()

    def drop(self, environ: dict[str, Any]) -> None:
        """Free what the view has not taken over."""
        begun, context = environ.pop(BEGUN_QUERY, None), environ.pop(HELD_CONTEXT, None)
        if begun is not None:
            begun.abandon()
        if context is not None:
            context.release_user()

    def _read(self, environ: dict[str, Any]) -> _Plain | None:
        seen = self._look_through_proxies(environ)
        if seen["PATH_INFO"] != PATH or seen["REQUEST_METHOD"] not in ("GET", "POST"):
            return None
        try:
            asked = read_operation(seen, self._settings)
            formats = choose_formats(asked.format_names, seen.get("HTTP_ACCEPT"))
        except ProtocolError:
            return None
        finally:
            environ["wsgi.input"].seek(0)
        if not _is_plain(seen, asked, formats):
            return None
        return _Plain(seen, asked, formats, find_cache_key("GET", asked, formats))

    def _look_through_proxies(self, environ: dict[str, Any]) -> dict[str, Any]:
        """Return the environment as the view will see it; that of the view is left as it is."""
        if not self._is_behind_proxies:
            return environ
        seen = dict(environ)
        self._frontage(seen, lambda *_: lambda _: None)
        return seen

    def _begin(self, plain: _Plain, context: ReleaseContext) -> Begun | None:
        endpoint = context.names.base + "sparql"
        client, cancellation = plain.environ["REMOTE_ADDR"] or "?", plain.environ[CANCELLATION]
        return context.store.begin(
            to_query(
                plain.asked,
                plain.formats,
                endpoint,
                self._settings,
                client=client,
                cancellation=cancellation,
            )
        )


def _is_plain(environ: dict[str, Any], asked: SparqlRequest, formats: tuple[Format, ...]) -> bool:
    """Tell whether the answer can be data of the current release, with nothing to compare or refuse."""
    return (
        bool(asked.text and asked.text.strip() and formats)
        and formats[0] is not HTML
        and "release" not in environ["QUERY_STRING"]
        and "HTTP_IF_NONE_MATCH" not in environ
        and choose_coding(environ.get("HTTP_ACCEPT_ENCODING"), is_small=True) == "identity"
    )


def _to_reply(plain: _Plain, etag: str, fmt: Format, body: bytes, note: Note | None) -> Reply:
    """Return the response, with the headers that the view gives."""
    headers = [*_COMMON, (b"content-type", fmt.content_type.encode())]
    vary = b"Accept"
    if etag:
        headers += [(b"etag", etag.encode()), (b"cache-control", CACHE_CONTROL.encode())]
    if is_text(fmt.media_type):
        vary = b"Accept, Accept-Encoding"
        wanted = plain.environ.get("HTTP_ACCEPT_ENCODING")
        coding = choose_coding(wanted, is_small=len(body) < MIN_BYTES)
        if coding != "identity":
            body = code_whole(body, coding)
            headers.append((b"content-encoding", coding.encode()))
    headers += [(b"vary", vary), (b"content-length", str(len(body)).encode())]
    return Reply(200, tuple(headers), body, note)

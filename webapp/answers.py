"""Answers that a release has given before, kept in memory and given again from the event loop.

A release never changes, so what it answered to a request it answers to the same request again. The same is
one whose address and headers that may decide (``Vary``) are the same, byte for byte. Whatever makes an answer
says whether it may be kept, with a ``Note``: only what is whole, successful, and a function of the release.
A new release, or the removal of an old one to which documents link, empties the cache.

All of it happens in the event loop, so there are no locks.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from typing import Any

from werkzeug.http import parse_cookie, parse_etags, unquote_etag

from webapp import metrics
from webapp.latest import Latest, State
from webapp.queries import TELL_AFTER_S, QueryNote, log_again

Headers = tuple[tuple[bytes, bytes], ...]
Key = tuple[Any, ...]

_DECIDING = frozenset({b"accept", b"accept-encoding", b"accept-language", b"host", b"content-type"})
"""Request headers that an answer may depend on; of cookies only ``lang`` counts."""
_HINDERING = frozenset({b"range", b"content-encoding", b"accept-datetime", b"expect"})
"""Request headers with which nothing is kept or given."""
_OF_THE_BODY = frozenset({b"content-type", b"content-length", b"content-encoding", b"content-language"})
"""Response headers that a 304 leaves out (RFC 9110, section 15.4.5)."""
_PARTS = 64
"""No answer takes more than this part of the cache, so that a few large ones do not drive out all others."""
_OVERHEAD_BYTES = 1024
"""About what an entry takes beside its bytes."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of an answer that may be kept: its release, its view, and of a query's what logs tell."""

    release_id: str
    endpoint: str
    query: QueryNote | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole response, names of headers in lower case as ASGI has them; with a note it may be kept."""

    status: int
    headers: Headers
    body: bytes
    note: Note | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    reply: Reply
    size: int


class AnswerCache:
    """Keeps replies up to a number of bytes, those that were asked for last.

    Parameters
    ----------
    latest: tells which release is current.
    max_bytes: of keys and replies together; nothing is kept with 0.
    """

    def __init__(self, latest: Latest, max_bytes: int) -> None:
        self._latest = latest
        self._max_bytes = max_bytes
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._state: State = ("", 0)
        self._given: Counter[Note] = Counter()
        self._missed = 0
        self._timer: asyncio.TimerHandle | None = None
        self.bytes = 0

    def make_key(self, scope: MutableMapping[str, Any], body: bytes) -> Key | None:
        """Return what makes a request the same as another, or None where nothing is kept for such."""
        method = scope["method"]
        if self._max_bytes == 0 or (method not in ("GET", "HEAD") and not _is_query(scope, body)):
            return None
        deciding: list[Any] = []
        for name, value in scope["headers"]:
            if name in _DECIDING:
                deciding += (name, value)
            elif name == b"cookie":
                deciding.append(parse_cookie(value.decode("latin-1")).get("lang"))
            elif name.startswith(b"x-forwarded-"):
                deciding += (name, value, scope["client"])  # whether it is believed depends on who sends it
            elif name in _HINDERING:
                return None
        state = self._latest.read()
        if state != self._state:
            self.clear()
            self._state = state
        method = "GET" if method == "HEAD" else method
        return (state, method, scope["scheme"], scope["path"], scope["query_string"], body, *deciding)

    def find(self, key: Key, scope: MutableMapping[str, Any]) -> Reply | None:
        """Return the reply to a request if it is kept: 304 where the client has it."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        self._tell_soon()
        self._kept.move_to_end(key)
        reply = kept.reply
        if reply.note is not None:
            self._given[reply.note] += 1
        for name, value in scope["headers"]:
            if name == b"if-none-match" and _has_tag(reply, value.decode("latin-1")):
                return _to_unchanged(reply)
        return replace(reply, body=b"") if scope["method"] == "HEAD" else reply

    def keep(self, key: Key, reply: Reply) -> None:
        """Keep the reply to a request, if it may be and is of the release that the request saw."""
        (target, _), note = key[0], reply.note
        if note is None or reply.status != 200:
            return
        self._missed += 1
        self._tell_soon()
        _, _, _, _, query_string, body, *_ = key
        size = len(reply.body) + len(query_string) + len(body) + _OVERHEAD_BYTES
        if size > self._max_bytes // _PARTS:
            return
        if target.rpartition("/")[2] != note.release_id or key in self._kept:
            return
        self._kept[key] = _Kept(reply, size)
        self.bytes += size
        while self.bytes > self._max_bytes:
            self.bytes -= self._kept.popitem(last=False)[1].size

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self.bytes = 0

    def tell(self) -> None:
        """Tell metrics and the log what has been given since the last time."""
        given, self._given, missed, self._missed = self._given, Counter(), self._missed, 0
        self._timer = None
        metrics.count_cache(sum(given.values()), missed, self.bytes)
        for note, times in given.items():
            metrics.count_request(note.endpoint, 200, times)
            if note.query is not None:
                log_again(note.query, times)

    def _tell_soon(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TELL_AFTER_S, self.tell)


def _is_query(scope: MutableMapping[str, Any], body: bytes) -> bool:
    return scope["method"] == "POST" and scope["path"].endswith("/sparql") and len(body) <= 64 * 1024


def _has_tag(reply: Reply, if_none_match: str) -> bool:
    """Tell whether a client has this reply already; tags are compared weakly (RFC 9110, section 13.1.2)."""
    tag, _ = unquote_etag(dict(reply.headers).get(b"etag", b"").decode("latin-1"))
    return bool(tag) and parse_etags(if_none_match).contains_weak(tag)


def _to_unchanged(reply: Reply) -> Reply:
    headers = tuple((name, value) for name, value in reply.headers if name not in _OF_THE_BODY)
    return Reply(304, headers, b"")

"""Content codings of responses (RFC 9110, section 8.4): zstd, br and gzip, for whole bodies and for streams.

What comes out of a stream has left the coder with each part of it, so no byte waits for a later one, and an
error in the middle goes through: what has been sent then does not decode to its end.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Protocol

import brotli
import zstandard
from flask import Response, request

from webapp.errors import make_problem
from webapp.negotiation import LONGEST_KEPT, parse_weighted
from webapp.responses import vary

CODINGS = ("zstd", "br", "gzip")
"""The one to prefer first: a result of 1.5 MB in JSON comes to 88 KB in zstd at 500 MB/s, to the same in br
at 100 MB/s, and to 105 KB in gzip at 80 MB/s."""

MIN_BYTES = 1024
"""A smaller body fits into one packet as it is."""

_ZSTD_LEVEL, _BROTLI_QUALITY, _GZIP_LEVEL = 3, 4, 6
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_TYPES = {
    "application/javascript",
    "application/json",
    "application/n-quads",
    "application/n-triples",
    "application/trig",
    "application/xml",
    "image/svg+xml",
}


class Coder(Protocol):
    """Codes a body part by part."""

    def code(self, data: bytes) -> bytes:
        """Return all that the data adds to the coded body."""

    def finish(self) -> bytes:
        """Return the end of the coded body."""


class _Zstd:
    def __init__(self) -> None:
        self._coder = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()

    def code(self, data: bytes) -> bytes:
        return self._coder.compress(data) + self._coder.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def finish(self) -> bytes:
        return self._coder.flush()


class _Brotli:
    def __init__(self) -> None:
        self._coder: Any = brotli.Compressor(quality=_BROTLI_QUALITY)

    def code(self, data: bytes) -> bytes:
        return bytes(self._coder.process(data) + self._coder.flush())

    def finish(self) -> bytes:
        return bytes(self._coder.finish())


class _Gzip:
    def __init__(self) -> None:
        self._coder = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)

    def code(self, data: bytes) -> bytes:
        return self._coder.compress(data) + self._coder.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._coder.flush()


_NAMES = {"x-gzip": "gzip"}
_CODERS: dict[str, Callable[[], Coder]] = {"zstd": _Zstd, "br": _Brotli, "gzip": _Gzip}


class CodedBody:
    """A body as it is coded, part by part; closes the one beneath it."""

    def __init__(self, body: Iterable[bytes], coding: str) -> None:
        self._body = body
        self._coder = _CODERS[coding]()

    def __iter__(self) -> Iterator[bytes]:
        for data in self._body:
            if coded := self._coder.code(data):
                yield coded
        yield self._coder.finish()

    def close(self) -> None:
        """Close the body, wherever it is."""
        if hasattr(self._body, "close"):
            self._body.close()


def choose_coding(accept_encoding: str | None, *, is_small: bool = False) -> str:
    """Return a coding or ``identity``; nothing where neither is acceptable (RFC 9110, section 12.5.3).

    Equals keep the order of ``CODINGS``. Without the header a body is sent as it is, and a small one too
    unless that is refused.

    >>> choose_coding("gzip, br;q=0.5"), choose_coding("gzip;q=0"), choose_coding("identity;q=0")
    ('gzip', 'identity', '')
    """
    header = accept_encoding or ""
    weights = _read_weights(header) if len(header) > LONGEST_KEPT else _read_weights_again(header)
    rest = weights.get("*", 0.0)
    # Unless it is named, identity is acceptable and comes last.
    identity = weights.get("identity", 0.0 if weights.get("*") == 0 else 1e-6)
    if is_small and identity > 0:
        return "identity"
    rated = [(weights.get(coding, rest), coding) for coding in CODINGS] + [(identity, "identity")]
    weight, best = max(rated, key=lambda rating: rating[0])
    return best if weight > 0 else ""


def _read_weights(accept_encoding: str) -> dict[str, float]:
    return {_NAMES.get(name, name): weight for name, weight in parse_weighted(accept_encoding)}


_read_weights_again = lru_cache(maxsize=256)(_read_weights)


def compress(response: Response) -> Response:
    """Code the body of a response as the request wants it.

    A coded response has a weak entity tag, since its bytes are not those of the plain one.
    """
    if not _may_be_coded(response):
        return response
    vary(response, "Accept-Encoding")
    coding = choose_coding(request.headers.get("Accept-Encoding"), is_small=_is_small(response))
    if response.status_code == 304:
        return response if coding == "identity" else _weaken(response)
    if not coding:
        response.close()
        offers = ", ".join((*CODINGS, "identity"))
        return make_problem(406, f"This can be had in the content codings {offers}.")
    return response if coding == "identity" else _weaken(_code(response, coding))


def _may_be_coded(response: Response) -> bool:
    headers = response.headers
    if "Content-Encoding" in headers or "Content-Range" in headers or response.cache_control.no_transform:
        return False
    return is_text(response.mimetype or "") and response.status_code not in (204, 206)


def is_text(media_type: str) -> bool:
    """Tell whether content of a type is worth coding."""
    return media_type.startswith("text/") or media_type in _TYPES or media_type.endswith(("+json", "+xml"))


def code_whole(body: bytes, coding: str) -> bytes:
    """Return a whole body as it is coded.

    >>> zlib.decompress(code_whole(b"a" * 2000, "gzip"), 31) == b"a" * 2000
    True
    """
    return _CODE_WHOLE[coding](body)


def _code_zstd(body: bytes) -> bytes:
    coder: zstandard.ZstdCompressor | None = getattr(_local, "zstd", None)
    if coder is None:  # it takes as long to make as to code a page, and is not for two threads at a time
        coder = _local.zstd = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)
    return coder.compress(body)


_local = threading.local()
_CODE_WHOLE: dict[str, Callable[[bytes], bytes]] = {
    "zstd": _code_zstd,
    "br": lambda body: bytes(brotli.compress(body, quality=_BROTLI_QUALITY)),
    "gzip": lambda body: zlib.compress(body, _GZIP_LEVEL, _GZIP_WINDOW),
}


def _is_small(response: Response) -> bool:
    if response.status_code == 304:
        return False  # it stands for a body whose length is not known here
    length = response.calculate_content_length() if response.is_sequence else response.content_length
    return length is not None and length < MIN_BYTES


def _code(response: Response, coding: str) -> Response:
    response.headers["Content-Encoding"] = coding
    response.headers.pop("Accept-Ranges", None)
    if response.is_sequence:
        response.set_data(code_whole(response.get_data(), coding))
        return response
    response.headers.pop("Content-Length", None)
    body: Any = response.response
    response.response = CodedBody(body, coding)
    response.direct_passthrough = False
    return response


def _weaken(response: Response) -> Response:
    tag, _ = response.get_etag()
    if tag is not None:
        response.set_etag(tag, weak=True)
    return response

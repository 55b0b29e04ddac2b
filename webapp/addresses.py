"""Addresses of views, and permanent ones: ``/releases/<id>/<path>`` is ``<path>`` as that release has it.

The views know nothing of it. What stands before ``<path>`` becomes a part of where the site is mounted, so
that every link on a page of a release stays within that release (PEP 3333, ``SCRIPT_NAME``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app, request, url_for

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

RELEASE = "kg.release"
"""Key of the WSGI environment: id of the release that the path names."""
SITE_ROOT = "kg.site_root"
"""Key of the WSGI environment: where the site itself is mounted, without the part that names a release."""

_PERMANENT = re.compile(r"/releases/([0-9a-z]{1,64})(/.+)")

OF_THE_SITE = frozenset(
    {"releases", "timegate", "timemap", "healthz", "livez", "readyz", "metrics", "robots.txt"}
)
"""First segments of paths that are about the site as it is now, and not about any release."""


def split_permanent(path: str) -> tuple[str, str]:
    """Return the id of a release and the path within it; the id is empty where the path names none.

    >>> split_permanent("/releases/0123456789abcdef/page/a")
    ('0123456789abcdef', '/page/a')
    >>> split_permanent("/releases/0123456789abcdef/healthz")
    ('', '/releases/0123456789abcdef/healthz')
    """
    found = _PERMANENT.fullmatch(path)
    if found is None or found[2].split("/")[1] in OF_THE_SITE:
        return "", path
    return found[1], found[2]


def make_address(endpoint: str, **values: Any) -> str:
    """Return the address of a view, as ``flask.url_for``; a dozen that take no values are on every page."""
    return url_for(endpoint, **values) if values else keep_address(endpoint)


def keep_address(endpoint: str, **values: Any) -> str:
    """Return the address of a view and remember it: for values that are few, such as names of files."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return _make_address_once(app, request.script_root, endpoint, **values)


@lru_cache(maxsize=1024)
def _make_address_once(app: Flask, root: str, endpoint: str, **values: Any) -> str:
    return url_for(endpoint, **values)


class PermanentAddresses:
    """Middleware that mounts the application once more under each release."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        root = environ.get("SCRIPT_NAME", "")
        environ[SITE_ROOT] = root
        environ.pop(RELEASE, None)
        release_id, path = split_permanent(environ.get("PATH_INFO", ""))
        if release_id:
            environ[RELEASE] = release_id
            environ["SCRIPT_NAME"] = f"{root}/releases/{release_id}"
            environ["PATH_INFO"] = path
        return self._application(environ, start_response)

"""What was renamed or removed: 301 to the same document under the new name, 410 with the reason."""

from __future__ import annotations

import re

from flask import Response, redirect, request
from werkzeug.exceptions import Gone

from webapp import current

_ADDRESS = re.compile(r"/(?P<form>id|page|data|article)/(?P<slug>[^/]+?)(?P<rest>(?:\.[a-z]+)?|/.*)")


def follow_redirect() -> Response | None:
    """Answer for an address whose thing has another name now; None for all others.

    Raises
    ------
    Gone: the thing was removed.
    """
    address = _ADDRESS.fullmatch(request.path)
    if address is None or not (entries := current.context().redirects):
        return None
    form, slug, rest = address["form"], address["slug"], address["rest"]
    kind = "article" if form == "article" else "id"
    # A slug may have a stop in it, and then what follows belongs to it and is no extension.
    whole, stem = entries.get(f"{kind}/{slug}{rest}"), entries.get(f"{kind}/{slug}")
    entry = whole or stem
    if entry is None:
        return None
    if not entry.target:
        raise Gone(f"{entry.source} was removed: {entry.reason}")
    path = f"{request.script_root}/{form}/{entry.target.partition('/')[2]}{'' if whole else rest}"
    query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
    response = redirect(path + query, 301)
    response.headers["Cache-Control"] = "public, no-cache"
    return response  # type: ignore[return-value]

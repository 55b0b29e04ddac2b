"""What the request under way uses: the settings, the release it began with, and its language."""

from __future__ import annotations

from typing import cast

from flask import Response, current_app, g, request
from werkzeug.exceptions import BadRequest

from kg.settings import Settings
from kg.store.base import Begun, Cancellation
from webapp.addresses import RELEASE
from webapp.bridge import BEGUN_QUERY, CANCELLATION, HELD_CONTEXT
from webapp.contexts import Contexts, ReleaseContext
from webapp.languages import Interface, choose_language, open_interface


def settings() -> Settings:
    """Return the settings of the application."""
    return cast(Settings, current_app.extensions["kg_settings"])


def context() -> ReleaseContext:
    """Return the release of this request, the same one until its answer has been sent.

    Raises
    ------
    NoRelease: nothing has been built yet.
    UnknownRelease, OtherLayout: the release that the address names cannot be served.
    """
    found = g.get("context")
    if found is None:
        found = request.environ.pop(HELD_CONTEXT, None)
        if found is None:
            contexts = cast(Contexts, current_app.extensions["kg_contexts"])
            found = contexts.acquire(named_release())
        g.context = found
    return cast(ReleaseContext, found)


def begun() -> Begun | None:
    """Return the query of this request if it has been begun before any view was called."""
    return cast("Begun | None", request.environ.pop(BEGUN_QUERY, None))


def cancellation() -> Cancellation:
    """Return what is cancelled when the client of this request leaves, if the server tells."""
    return cast(Cancellation, request.environ.get(CANCELLATION) or Cancellation())


def named_release() -> str:
    """Return the id of the release that the address names, or nothing: then it is the current one.

    Raises
    ------
    BadRequest: it names two.
    """
    in_path = str(request.environ.get(RELEASE, ""))
    in_query = request.args.get("release", "") if request.endpoint == "sparql.query" else ""
    if in_path and in_query not in ("", in_path):
        raise BadRequest(f"The address names two releases, {in_path} and {in_query}.")
    return in_path or in_query


def client_address() -> str:
    """Return the address of the client, behind all proxies that are trusted; empty where there is none."""
    return request.remote_addr or ""


def interface() -> Interface:
    """Return the language of this request: of ``?lang=``, the cookie or ``Accept-Language``, in this order.

    Whoever asks makes the response depend on it: its ``Vary`` will say so.
    """
    found = g.get("interface")
    if found is None:
        chosen = choose_language(
            request.args.get("lang"), request.cookies.get("lang"), request.headers.get("Accept-Language")
        )
        found = g.interface = open_interface(chosen.code)
    return cast(Interface, found)


def keep_until_closed(response: Response) -> None:
    """Hand the release over to the answer, which may be streamed long after the view has returned."""
    held = g.pop("context", None)
    if held is not None:
        response.call_on_close(held.release_user)


def drop_context(_: BaseException | None) -> None:
    """Give the release back where no answer took it over."""
    held = g.pop("context", None)
    if held is not None:
        held.release_user()

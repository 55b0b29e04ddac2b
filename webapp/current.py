"""What the request under way uses: the settings, and the release it began with."""

from __future__ import annotations

from typing import cast

from flask import Response, current_app, g

from kg.settings import Settings
from webapp.contexts import Contexts, ReleaseContext


def settings() -> Settings:
    """Return the settings of the application."""
    return cast(Settings, current_app.extensions["kg_settings"])


def context() -> ReleaseContext:
    """Return the release of this request, the same one until its answer has been sent.

    Raises
    ------
    NoRelease: nothing has been built yet.
    """
    if "context" not in g:
        g.context = cast(Contexts, current_app.extensions["kg_contexts"]).acquire()
    return cast(ReleaseContext, g.context)


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

"""The application factory: settings in, a WSGI application with all its URLs out."""

from __future__ import annotations

from flask import Flask, Response, g, request

from kg.settings import Settings
from webapp import assets, current, errors, frame, memento, metrics, responses
from webapp.addresses import PermanentAddresses
from webapp.answers import Note
from webapp.bridge import NOTE
from webapp.compression import compress
from webapp.contexts import Contexts
from webapp.proxies import set_frontage
from webapp.redirects import follow_redirect
from webapp.views import (
    articles,
    browse,
    crawlers,
    dataset,
    dumps,
    entities,
    explore,
    health,
    ontology,
    pages,
    reconciliation,
    releases,
    replication,
    search,
    sparql,
    terms,
)

BLUEPRINTS = (
    pages.blueprint,
    entities.blueprint,
    explore.blueprint,
    articles.blueprint,
    ontology.blueprint,
    browse.blueprint,
    search.blueprint,
    reconciliation.blueprint,
    sparql.blueprint,
    terms.blueprint,
    dumps.blueprint,
    releases.blueprint,
    replication.blueprint,
    dataset.blueprint,
    crawlers.blueprint,
    health.blueprint,
)


KEPT = frozenset({"pages", "entities", "explore", "articles", "ontology", "browse", "sparql", "terms"})
"""Blueprints whose answers may be kept: what they say follows from the release and the request alone."""


def create_app(settings: Settings) -> Flask:
    """Return the application. It opens nothing before the first request, so a server may fork it."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_query_bytes
    app.config["MAX_FORM_MEMORY_SIZE"] = settings.max_query_bytes
    app.extensions["kg_settings"] = settings
    app.extensions["kg_contexts"] = Contexts(settings)
    app.url_map.strict_slashes = False
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    assets.set_up(app)
    errors.set_up(app)
    app.before_request(follow_redirect)
    app.after_request(_finish)
    app.teardown_request(current.drop_context)
    frame.set_up(app, settings)
    app.wsgi_app = PermanentAddresses(app.wsgi_app)  # type: ignore[method-assign]
    app.wsgi_app = set_frontage(app.wsgi_app, settings)  # type: ignore[method-assign]
    return app


_DECIDING = frozenset({"accept", "accept-encoding", "accept-language", "cookie"})
"""Request headers on which such an answer may depend, as the cache of answers tells them apart."""


def _note(response: Response) -> None:
    """Let the answer be kept if it is a function of its release: its entity tag then says the same."""
    headers, held = response.headers, g.get("context")
    names = {name for name, _ in headers}
    may_be_kept = (
        request.blueprint in KEPT
        and response.status_code == 200
        and request.method in ("GET", "POST")
        and headers.get("Cache-Control") == responses.CACHE_CONTROL
        and {"ETag", "Vary"} <= names
        and not {"Set-Cookie", "Server-Timing"} & names
        and {name.strip().lower() for name in headers["Vary"].split(",")} <= _DECIDING
    )
    if may_be_kept and held is not None:
        query = g.get("query_note")
        request.environ[NOTE] = Note(held.release.id, request.endpoint or "", query)


def _finish(response: Response) -> Response:
    frame.finish(response)
    memento.finish(response)
    response = responses.add_common_headers(compress(response))
    metrics.count_request(request.endpoint or "none", response.status_code)
    _note(response)
    # Werkzeug passes such a body to the server bare, and then nobody calls what waits for its end.
    response.direct_passthrough = False
    current.keep_until_closed(response)
    return response

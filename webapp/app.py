"""The application factory: settings in, a WSGI application with all its URLs out."""

from __future__ import annotations

from typing import Any

from flask import Flask, g

from kg.settings import Settings
from webapp import contexts, errors, responses
from webapp.views import articles, dumps, entities, health, ontology, pages, sparql

BLUEPRINTS = (
    pages.blueprint,
    entities.blueprint,
    articles.blueprint,
    ontology.blueprint,
    sparql.blueprint,
    dumps.blueprint,
    health.blueprint,
)


def create_app(settings: Settings) -> Flask:
    """Return the application. It opens nothing before the first request, so a server may fork it."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_query_bytes
    app.config["MAX_FORM_MEMORY_SIZE"] = settings.max_query_bytes
    app.url_map.strict_slashes = False
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    contexts.set_up(app, settings)
    errors.set_up(app)
    app.after_request(responses.add_common_headers)
    app.context_processor(lambda: _page_variables(settings))
    return app


def _page_variables(settings: Settings) -> dict[str, Any]:
    context = g.get("release_context")
    return {"site_title": settings.title, "release_id": context.release.id if context else ""}

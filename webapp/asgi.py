"""What a server loads: ``webapp.asgi:application``, an ASGI callable set up by the environment alone."""

from __future__ import annotations

from kg.settings import read_settings
from webapp.answers import AnswerCache
from webapp.app import create_app
from webapp.bridge import Bridge
from webapp.direct import DirectSparql
from webapp.logs import set_up_logs

set_up_logs()
_settings = read_settings()
_app = create_app(_settings)
_contexts = _app.extensions["kg_contexts"]
application = Bridge(
    _app,
    threads=_settings.threads,
    max_body_bytes=_settings.max_query_bytes,
    patience_s=_settings.client_patience_s,
    cache=AnswerCache(_contexts.latest, _settings.answer_cache_bytes),
    shortcut=DirectSparql(_contexts, _settings),
)

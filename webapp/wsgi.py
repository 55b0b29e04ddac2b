"""The WSGI callable that a server loads: ``webapp.wsgi:application``, set up by the environment alone."""

from __future__ import annotations

from kg.settings import read_settings
from webapp.app import create_app

application = create_app(read_settings())

"""Starts SPARQL engines of others for tests; see the README beside this file."""

from tests.engines.process import Engine, Missing
from tests.engines.start import ENGINES, running

__all__ = ["ENGINES", "Engine", "Missing", "running"]

"""Scripts and style sheets that the build of ``webapp/frontend/`` made, as pages name them.

Names of built files carry a hash of their content, so they may be cached for ever. Pages work without them:
where nothing was built, they simply have no scripts.
"""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request
from markupsafe import Markup

from webapp.addresses import keep_address

_log = logging.getLogger(__name__)

FOLDER = "built"
"""Folder of the built files below ``static/``."""

MANIFEST = "manifest.json"


class Assets:
    """The built files.

    Parameters
    ----------
    folder: where the build puts them; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._manifest = folder / MANIFEST
        self._entries: dict[str, Any] = {}
        self._read_at_ns = 0

    def list_files(self, name: str) -> tuple[str, ...]:
        """Return the file of an entry point and the parts that it imports; nothing where it is not built.

        >>> Assets(Path("nowhere")).list_files("sparql.js")
        ()
        """
        entry = self._read().get(name)
        return (entry["file"], *entry["parts"]) if entry else ()

    def _read(self) -> dict[str, Any]:
        manifest = self._manifest
        try:
            changed_at_ns = manifest.stat().st_mtime_ns
            if changed_at_ns != self._read_at_ns:  # built anew under a running server
                self._entries = json.loads(manifest.read_text(encoding="utf-8"))
                self._read_at_ns = changed_at_ns
        except FileNotFoundError:
            self._entries = {}
        return self._entries


def set_up(app: Flask) -> None:
    """Let pages name assets, and say once where there are none."""
    assets = Assets(Path(app.static_folder or "") / FOLDER)
    app.extensions["kg_assets"] = assets
    if not (assets.folder / MANIFEST).is_file():
        _log.warning(
            "The scripts of the pages are not built; pages work without them. "
            "In a checkout, `make setup` builds them where npm packages can be had."
        )

    @app.after_request
    def keep_for_ever(response: Response) -> Response:
        if request.endpoint == "static" and request.path.startswith(
            keep_address("static", filename=f"{FOLDER}/")
        ):
            return add_lifetime(response)
        return response


def add_lifetime(response: Response) -> Response:
    """Let caches keep a built file without asking again; a new content has a new name."""
    name = request.path.rpartition("/")[2]
    if response.status_code in (200, 206, 304) and "-" in name:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


def find_asset(name: str) -> str:
    """Return the address of a built file by the name of its source (``sparql.css``); empty if not built."""
    files = _assets().list_files(name)
    return _address(files[0]) if files else ""


def make_script(name: str) -> Markup:
    """Return the elements that load a script and, at the same time, the parts that it imports."""
    return _load_script(tuple(map(_address, _assets().list_files(name))))


@lru_cache(maxsize=64)
def _load_script(addresses: tuple[str, ...]) -> Markup:
    if not addresses:
        return Markup("")
    first, *parts = addresses
    preload = Markup('<link rel="modulepreload" href="{}">\n')
    load = Markup('<script type="module" src="{}"></script>').format(first)
    return Markup("").join([*map(preload.format, parts), load])


def make_style(name: str) -> Markup:
    """Return the element that loads a built style sheet."""
    address = find_asset(name)
    return Markup('<link rel="stylesheet" href="{}">').format(address) if address else Markup("")


NAMES = {"asset": find_asset, "script": make_script, "style": make_style}
"""What templates call."""


def _assets() -> Assets:
    found: Assets = current_app.extensions["kg_assets"]
    return found


def _address(file: str) -> str:
    return keep_address("static", filename=f"{FOLDER}/{file}")

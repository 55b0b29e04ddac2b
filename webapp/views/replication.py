"""Whole releases for replicas: `kg fetch` takes them from here, with the secret that the settings name.

A release holds the captured texts of articles that are not published in full, so this is for the machines
of one site and not for everybody.
"""

from __future__ import annotations

import hmac
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response, request, send_file
from werkzeug.exceptions import NotFound

from kg.release.files import DUMPS_SIGNATURE, LIST, LIST_SIGNATURE, parse_list
from kg.release.layout import is_release_id, read_current_id, releases_path
from webapp import current
from webapp.errors import make_problem

blueprint = Blueprint("replication", __name__)

_BESIDES = frozenset({LIST, LIST_SIGNATURE, DUMPS_SIGNATURE})


@blueprint.get(f"/replication/current/{LIST}")
def get_current_list() -> Response:
    """Send the list of the files of the current release."""
    return _refuse() or _send(read_current_id(Path(current.settings().var)), LIST)


@blueprint.get("/replication/releases/<release_id>/<path:name>")
def get_file(release_id: str, name: str) -> Response:
    """Send a file of a release, or a range of it."""
    return _refuse() or _send(release_id, name)


def _refuse() -> Response | None:
    token = current.settings().replication_token
    if not token:
        raise NotFound("This server gives out no whole releases; its dumps are at /dumps/.")
    given = request.headers.get("Authorization", "")
    if hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return None
    response = make_problem(401, "Whole releases are for those who show this site's replication_token.")
    response.headers["WWW-Authenticate"] = 'Bearer realm="replication"'
    return response


def _send(release_id: str, name: str) -> Response:
    folder = releases_path(Path(current.settings().var)) / release_id
    if not is_release_id(release_id) or not (folder / LIST).is_file():
        raise NotFound(f"There is no release {release_id!r} with a list of its files.")
    if name not in _BESIDES and name not in _read_names(folder):
        raise NotFound(f"There is no file {name!r} in release {release_id}.")
    if not (folder / name).is_file():
        raise NotFound(f"Release {release_id} has no {name}.")
    response = send_file((folder / name).resolve(), mimetype="application/octet-stream", conditional=True)
    response.headers["Cache-Control"] = "private, no-store"
    return response


@lru_cache(maxsize=4)  # a release never changes
def _read_names(folder: Path) -> frozenset[str]:
    return frozenset(entry.path for entry in parse_list((folder / LIST).read_bytes(), folder.name).files)

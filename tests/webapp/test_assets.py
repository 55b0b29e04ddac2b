"""Pages load what was built and work where nothing was."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from flask import Flask

from webapp import assets


@pytest.fixture
def built(app: Flask, tmp_path: Path) -> Path:
    """An application whose built files are in a folder of this test."""
    folder = tmp_path / "static" / assets.FOLDER
    app.static_folder = str(folder.parent)
    app.extensions["kg_assets"] = assets.Assets(folder)
    return folder


def write_bundle(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("let x;")
    (folder / "licences.txt").write_text("MIT")
    manifest = folder / assets.MANIFEST
    manifest.write_text(json.dumps({"site.js": {"file": name, "parts": ["part-1.js"]}}))
    os.utime(manifest, ns=(0, hash(name) % 10**9))


def test_a_page_loads_a_script_and_its_parts_in_one_round(app: Flask, built: Path) -> None:
    write_bundle(built, "site-A.js")
    with app.test_request_context("/"):
        assert assets.make_script("site.js") == (
            '<link rel="modulepreload" href="/static/built/part-1.js">\n'
            '<script type="module" src="/static/built/site-A.js"></script>'
        )


def test_a_page_has_no_script_where_none_is_built(app: Flask, built: Path) -> None:
    with app.test_request_context("/"):
        assert assets.make_script("site.js") == "" and assets.make_style("site.css") == ""
    assert app.test_client().get("/dumps/").status_code == 200


def test_a_new_build_is_seen_without_a_restart(app: Flask, built: Path) -> None:
    for name in ("site-A.js", "site-B.js"):
        write_bundle(built, name)
        with app.test_request_context("/"):
            assert assets.find_asset("site.js") == f"/static/built/{name}"


def test_built_files_are_kept_for_ever_and_others_are_not(app: Flask, built: Path) -> None:
    write_bundle(built, "site-A.js")
    client = app.test_client()
    assert "immutable" in client.get("/static/built/site-A.js").headers["Cache-Control"]
    for path in ("/static/built/licences.txt", "/static/built/site-Z.js", "/static/site.css"):
        assert "immutable" not in client.get(path).headers.get("Cache-Control", "")


def test_a_page_allows_only_scripts_of_this_site(app: Flask) -> None:
    policy = app.test_client().get("/dumps/").headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy and "style-src 'self';" in policy and "unsafe" not in policy

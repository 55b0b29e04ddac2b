"""Addresses of what was renamed or removed, in every form of an address."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.conftest import MINI
from tests.kg.test_redirects import write
from tests.webapp.test_documents import serve

REDIRECTS = """id:ada dct:isReplacedBy id:ada-lind .
id:gone kg:removed "Two people were taken for one."@en .
<article/forum> dct:isReplacedBy <article/river-forum> .
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    folder = Path(shutil.copytree(MINI, tmp_path_factory.mktemp("redirects") / "sources"))
    write(folder, REDIRECTS)
    with serve(folder, folder.parent / "var") as client:
        yield client


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/id/ada", "/id/ada-lind"),
        ("/page/ada", "/page/ada-lind"),
        ("/page/ada?lang=ja", "/page/ada-lind?lang=ja"),
        ("/data/ada.ttl", "/data/ada-lind.ttl"),
        ("/data/ada.nq", "/data/ada-lind.nq"),
        ("/article/forum", "/article/river-forum"),
        ("/article/forum/text", "/article/river-forum/text"),
        ("/article/forum/sentence/2", "/article/river-forum/sentence/2"),
    ],
)
def test_a_renamed_thing_leads_to_the_same_document(client: FlaskClient, old: str, new: str) -> None:
    answer = client.get(old)
    assert (answer.status_code, answer.location) == (301, new)
    assert client.get(new, follow_redirects=True).status_code == 200
    mounted = client.get(old, environ_overrides={"SCRIPT_NAME": "/kg"})
    assert mounted.location == f"/kg{new}"


@pytest.mark.parametrize("path", ["/id/gone", "/page/gone", "/data/gone.ttl"])
def test_a_removed_thing_says_why(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/turtle"})
    assert (answer.status_code, answer.mimetype) == (410, "application/problem+json")
    assert "Two people were taken for one." in answer.get_json()["detail"]
    page = client.get(path, headers={"Accept": "text/html"})
    assert (page.status_code, page.mimetype) == (410, "text/html")
    assert "Two people were taken for one." in page.text


def test_all_else_stays_as_it_was(client: FlaskClient) -> None:
    assert client.get("/page/ada-lind").status_code == 200
    assert client.get("/id/ad").status_code == 404
    assert client.get("/article/ada").status_code == 404

"""The interface in three languages: which one a request gets, what caches are told, and whole catalogues."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from jinja2 import Environment, nodes

from kg.release.layout import Release
from kg.settings import Settings
from tests.webapp.conftest import BufferingClient
from webapp.app import create_app
from webapp.digests import PACKAGE
from webapp.languages import CHINESE, JAPANESE, LANGUAGES, Language, choose_language, open_interface
from webapp.messages import extract_messages, read_catalogue

TRANSLATED = (CHINESE, JAPANESE)
TEMPLATES = sorted((PACKAGE / "templates").glob("*.html"))
PLACES = re.compile(r"%\(\w+\)s")


@pytest.fixture
def client(mini_var: Path, mini_release: Release) -> Iterator[FlaskClient]:
    app = create_app(Settings(var=str(mini_var), query_workers=1))
    app.test_client_class = BufferingClient
    yield app.test_client()
    app.extensions["kg_contexts"].close()


@pytest.mark.parametrize(
    ("parameter", "cookie", "accept", "code"),
    [
        (None, None, None, "en"),
        (None, None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, None, "de, en;q=0.3, ja;q=0.7", "ja"),
        (None, None, "ja;q=0, en", "en"),
        (None, None, "ja;q=x, ;;, zh;q=0.1", "zh"),
        (None, "ja", "zh", "ja"),
        ("zh-Hans", "ja", "en", "zh"),
        ("tlh", "ja", "en", "ja"),
        ("", "<script>", "en-GB", "en"),
    ],
)
def test_the_language_is_what_was_asked_for(
    parameter: str | None, cookie: str | None, accept: str | None, code: str
) -> None:
    assert choose_language(parameter, cookie, accept).code == code


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
@pytest.mark.parametrize("path", ["/", "/page/ada-lind", "/article/river-forum", "/sparql", "/dumps/", "/no"])
def test_a_page_says_its_language(client: FlaskClient, path: str, language: Language) -> None:
    answer = client.get(path, headers={"Accept": "text/html", "Accept-Language": language.tag})
    assert f'<html lang="{language.tag}">' in answer.get_data(as_text=True)
    assert answer.headers["Content-Language"] == language.tag
    assert {"accept", "accept-language", "cookie"} <= set(answer.vary.as_set())


def test_each_language_of_a_page_has_its_own_entity_tag(client: FlaskClient) -> None:
    for path in ("/", "/page/ada-lind", "/article/river-forum", "/sparql", "/dumps/", "/ontology"):
        tags = {
            client.get(path, headers={"Accept": "text/html", "Accept-Language": code}).headers["ETag"]
            for code in ("en", "zh", "ja")
        }
        assert len(tags) == 3, path


def test_a_revalidated_page_varies_as_the_page_did(client: FlaskClient) -> None:
    headers = {"Accept": "text/html", "Accept-Language": "ja"}
    first = client.get("/page/ada-lind", headers=headers)
    again = client.get("/page/ada-lind", headers=headers | {"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.headers["Vary"]) == (304, first.headers["Vary"])


def test_data_does_not_depend_on_the_language(client: FlaskClient) -> None:
    answers = [client.get("/data/ada-lind.ttl", headers={"Accept-Language": code}) for code in ("en", "zh")]
    assert answers[0].headers["ETag"] == answers[1].headers["ETag"]
    assert "accept-language" not in answers[0].vary.as_set()


def test_a_language_named_once_is_remembered(client: FlaskClient) -> None:
    assert "Set-Cookie" not in client.get("/").headers
    assert "Set-Cookie" not in client.get("/?lang=tlh").headers
    cookie = client.get("/?lang=ja").headers["Set-Cookie"]
    assert "SameSite=Lax" in cookie and "lang=ja" in cookie
    assert '<html lang="ja">' in client.get("/page/ada-lind").get_data(as_text=True)


def test_crawlers_find_a_page_in_each_language(client: FlaskClient) -> None:
    page = client.get("/page/ada-lind?lang=zh").get_data(as_text=True)
    for language in LANGUAGES:
        address = f"https://kg.example/page/ada-lind?lang={language.code}"
        assert f'hreflang="{language.tag}" href="{address}"' in page


@pytest.mark.parametrize("language", TRANSLATED, ids=lambda language: language.code)
def test_every_message_is_translated(language: Language) -> None:
    used = extract_messages()
    kept = read_catalogue(language)
    assert {message.id for message in used} - {message.id for message in kept} == set(), "run `make messages`"
    assert {message.id for message in kept} - {message.id for message in used} == set(), "run `make messages`"
    for message in kept:
        if message.id:
            texts = [message.string] if isinstance(message.string, str) else list(message.string)
            assert all(texts), f"webapp/translations/{language.code}.po: translate {message.id!r}"


@pytest.mark.parametrize("language", TRANSLATED, ids=lambda language: language.code)
def test_a_translation_fills_in_what_its_message_does(language: Language) -> None:
    for message in read_catalogue(language):
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        texts = [message.string] if isinstance(message.string, str) else list(message.string)
        wanted = set(PLACES.findall(ids[-1]))
        assert all(set(PLACES.findall(text)) == wanted for text in texts), message.id


NOT_WORDS = {"IRI", "SPARQL", "SHA", "RDF", "RDFC", "Patch", "UTC", "CSV", "JSON", "Turtle"}
"""Names that are the same in every language."""


def find_words(source: str) -> set[str]:
    """Return the words that a template shows as they stand, in its text and in what is read out."""
    parsed = Environment(extensions=["jinja2.ext.i18n"]).parse(source)
    # What is computed stands as a tag of its own: neither a word nor the end of one.
    text = "{}".join(node.data for node in parsed.find_all(nodes.TemplateData))
    read_out = " ".join(re.findall(r'\s(?:title|alt|placeholder|aria-label)="([^"]*)"', text))
    text = re.sub(r"<code\b[^>]*>.*?</code>|<[^>]*>|\s[\w-]+=\"[^\"]*\"", " ", text, flags=re.DOTALL)
    return set(re.findall(r"[A-Za-z]{2,}", f"{text} {read_out}")) - NOT_WORDS


def test_words_outside_messages_are_found() -> None:
    assert find_words('<p title="Hint">Built <b>{{ date }}</b> {{ _("in") }} <code>kg</code></p>') == {
        "Built",
        "Hint",
    }


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_have_no_words_but_messages(path: Path) -> None:
    assert find_words(path.read_text("utf-8")) == set(), "put them into _('…') and run `make messages`"


@pytest.mark.parametrize("language", TRANSLATED, ids=lambda language: language.code)
def test_errors_are_told_in_the_language_of_the_reader(client: FlaskClient, language: Language) -> None:
    page = client.get(f"/page/nobody?lang={language.code}", headers={"Accept": "text/html"})
    text = page.get_data(as_text=True)
    assert page.status_code == 404 and page.headers["Content-Language"] == language.tag
    heading = open_interface(language.code).gettext("There is nothing here")
    assert f"<h1>{heading}</h1>" in text and "Not Found" not in text
    assert '<p lang="en">' in text, "what exactly was wrong is in English, and says so"

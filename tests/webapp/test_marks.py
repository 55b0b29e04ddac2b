"""Marks show what they are given and nothing else; messages are in templates as if they were looked up."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from flask import Flask
from markupsafe import escape

from kg.settings import Settings
from webapp import templating
from webapp.app import create_app
from webapp.languages import LANGUAGES, Language, open_interface
from webapp.links import Shown
from webapp.marks import Marks
from webapp.pages.evidence import Proof, ShownCitation

HOSTILE = """a"b'><script>alert(1)</script>&amp;"""


class Parts(HTMLParser):
    """Gathers tags, and what stands in attributes and in the text, as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: list[str] = []
        self.text = ""
        self.feed(str(html))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [value for _, value in attrs if value]

    def handle_data(self, data: str) -> None:
        self.text += data


def make_citation(**given: str) -> ShownCitation:
    texts = {name: HOSTILE for name in ShownCitation._fields if name != "sentence_number"}
    return ShownCitation(**{**texts, **given}, sentence_number=7)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_what_is_given_stays_text(language: Language) -> None:
    marks = Marks(open_interface(language.code))
    proof = Proof(HOSTILE, HOSTILE, (make_citation(),), HOSTILE)
    thing = Shown(HOSTILE, HOSTILE, HOSTILE, external=True)
    for html in (marks.evidence(proof), marks.link(thing), marks.words([thing, Shown(HOSTILE, HOSTILE)])):
        parts = Parts(html)
        assert "script" not in parts.tags and HOSTILE in parts.text
        assert any(HOSTILE in value for value in parts.values)


def test_a_marker_says_only_what_there_is() -> None:
    marks = Marks(open_interface("en"))
    citation = ShownCitation("http://h/evidence/1", "/evidence/1", "external", "Another source says so.")
    bare = Parts(marks.evidence(Proof("external", "source", (citation,), "cited")))
    assert not {"blockquote", "mark", "b"} & set(bare.tags) and bare.tags.count("a") == 1
    whole = Parts(marks.evidence(Proof("stated", "sentence 7", (make_citation(), make_citation()), "cited")))
    assert whole.tags.count("mark") == 2 and whole.tags.count("a") == 2 * 4
    assert "Sentence 7 in the article" in whole.text
    assert marks.evidence(None) == ""
    closed, opened = (str(marks.evidence(Proof("stated", "w", (), "c"), open=flag)) for flag in (False, True))
    assert opened == closed.replace('class="evidence"', 'class="evidence" open')


def test_only_another_language_is_named() -> None:
    marks = Marks(open_interface("ja"))
    assert (marks.lang("ja"), marks.lang(""), marks.lang("zh")) == ("", "", ' lang="zh"')
    assert marks.link(Shown("王毅", "ja")) == "王毅"
    assert marks.link(Shown("王毅", "zh")) == '<span lang="zh">王毅</span>'
    assert marks.link(Shown("王毅", "zh", "/page/a")) == '<a href="/page/a" lang="zh">王毅</a>'


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(Settings())


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_compiled_messages_are_those_of_the_catalogue(app: Flask, language: Language) -> None:
    source = "{{ _('Copy') }}|{{ _('Sentence %(number)s in the article', number=n) }}|{{ _(word) }}|_('Copy')"
    interface = open_interface(language.code)
    templates = templating.Templates(app, {}, dict)
    template = templates.make_environment(interface).from_string(source)
    say = interface.gettext
    shown = [say("Copy"), say("Sentence %(number)s in the article", number=escape("<3>")), say("Copied")]
    assert template.render(n="<3>", word="Copied") == "|".join([*shown, "_('Copy')"])

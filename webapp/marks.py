"""Links, names and the markers of facts with their evidence, as every page shows them.

They stand on a page hundreds of times, so they are put together here, and not in a template, where they take
several times as long. Templates have them as filters: ``{{ thing|link }}``, ``{{ proof|evidence }}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

from webapp.languages import Interface
from webapp.links import Shown
from webapp.pages.evidence import Proof, ShownCitation

_NOTHING = Markup("")
_SPECIAL = re.compile(r"[<>&\"']")


def _clean(text: str) -> str:
    """Return text as HTML; most holds nothing to be escaped, which is seen in a third of the time."""
    return escape(text) if _SPECIAL.search(text) else text


class Marks:
    """Marks in one language. What a message says is HTML, as it is in templates."""

    def __init__(self, interface: Interface) -> None:
        self._code = interface.language.code
        self._evidence = interface.gettext("Evidence:")
        self._reading = interface.gettext("How it was read:")
        self._place = interface.gettext("Sentence %(number)s in the article")
        self._publisher = interface.gettext("At the publisher")
        self._record = interface.gettext("Evidence record")
        self._cite = interface.gettext("Cite this fact")

    def lang(self, tag: str) -> Markup:
        """Return the ``lang`` of text, with a blank before it; nothing in the language of the page."""
        foreign = tag and tag != self._code
        return Markup(f' lang="{_clean(tag)}"') if foreign else _NOTHING  # noqa: S704 - escaped

    def link(self, thing: Shown) -> Markup:
        """Return the name of a thing, with a link where it leads anywhere."""
        return Markup(self._link(thing))  # noqa: S704 - escaped there

    def words(self, parts: Iterable[Shown]) -> Markup:
        """Return words, each with its link."""
        return Markup("".join(map(self._link, parts)))  # noqa: S704 - escaped there

    def _link(self, thing: Shown) -> str:
        label = _clean(thing.label)
        if thing.href:
            rel = ' rel="external"' if thing.external else ""
            return f'<a href="{_clean(thing.href)}"{self.lang(thing.lang)}{rel}>{label}</a>'
        lang = self.lang(thing.lang)
        return f"<span{lang}>{label}</span>" if lang else label

    def evidence(self, proof: Proof | None, open: bool = False) -> Markup:
        """Return the marker of a fact: closed it names the sentence, open it shows it. It needs no script."""
        if proof is None:
            return _NOTHING
        shown = "".join([f"\n    {self._show(citation)}\n    " for citation in proof.citations])
        return Markup(  # noqa: S704 - escaped below
            f'<details class="evidence"{" open" if open else ""}><summary>'
            f'<span class="sign {_clean(proof.status)}" aria-hidden="true"></span>'
            f'<span class="unseen">{self._evidence}</span> {_clean(proof.where)}</summary>\n    {shown}\n    '
            f'<details class="cite"><summary>{self._cite}</summary>'
            f'<p class="citation" data-copy>{_clean(proof.cite)}</p></details>\n  </details>'
        )

    def _show(self, citation: ShownCitation) -> str:
        return (
            f'<div class="proof {_clean(citation.status)}">\n'
            f"      {self._quote(citation)}\n"
            f'      <p class="basis">{_clean(citation.basis)}{self._name_source(citation)}</p>\n'
            f"      {self._tell_reading(citation)}\n"
            f'      <ul class="actions">\n        {self._lead_to_place(citation)}\n'
            f"        {self._lead_to_publisher(citation)}\n"
            f'        <li><a href="{_clean(citation.href)}">{self._record}</a></li>\n      </ul>\n    </div>'
        )

    def _quote(self, citation: ShownCitation) -> str:
        if not citation.exact:
            return ""
        place = f' cite="{_clean(citation.place_href)}"' if citation.place_href else ""
        return (
            f'<blockquote class="quote"{self.lang(citation.lang)}{place}>{_clean(citation.before)}'
            f"<mark>{_clean(citation.exact)}</mark>{_clean(citation.after)}</blockquote>"
        )

    def _name_source(self, citation: ShownCitation) -> str:
        if not citation.source:
            return ""
        note = f'<span lang="en">{_clean(citation.source_note)}</span> – ' if citation.source_note else ""
        source = _clean(citation.source)
        return f' {note}<a href="{source}" rel="external nofollow">{source}</a>'

    def _tell_reading(self, citation: ShownCitation) -> str:
        if not citation.note:
            return ""
        return f'<p class="reading"><b>{self._reading}</b> <span lang="en">{_clean(citation.note)}</span></p>'

    def _lead_to_place(self, citation: ShownCitation) -> str:
        if not citation.place_href:
            return ""
        place = self._place % {"number": citation.sentence_number}
        return f'<li><a href="{_clean(citation.place_href)}">{place}</a></li>'

    def _lead_to_publisher(self, citation: ShownCitation) -> str:
        if not citation.publisher_href:
            return ""
        return f'<li><a href="{_clean(citation.publisher_href)}" rel="external">{self._publisher}</a></li>'

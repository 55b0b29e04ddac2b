"""Turns terms into what a page shows of them: a label in its language, and a link.

Things under the base IRI link to this site, wherever it is served; all others to where their IRI leads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from pyoxigraph import Literal, NamedNode

from kg.description_index import Index
from kg.vocab import Names, shorten
from webapp.languages import ENGLISH

_SAFE = "/#:@!$&'()*+,;=~"
_PLAIN = re.compile(rf"[A-Za-z0-9_.{_SAFE}-]*")
"""What `quote` leaves as it is, seen in a fifth of the time."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A term on a page. ``lang`` is set where it is known, ``href`` where the term can be followed."""

    label: str
    lang: str = ""
    href: str = ""
    external: bool = False


class Linker:
    """Shows terms of one release at one place of the web.

    Parameters
    ----------
    names: mints the IRIs of the release.
    root: path under which this site is served, with a slash at its end.
    languages: of labels, in the order in which the reader wants them.
    """

    def __init__(self, names: Names, root: str = "/", languages: Sequence[str] = ENGLISH.fallback) -> None:
        self.names = names
        self.root = root
        self.languages = languages
        self._index: Index | None = None
        self._shown: dict[str, Shown] = {}

    def href(self, iri: str) -> str:
        """Return where a link to an IRI leads; empty for a scheme that no page should link to.

        >>> Linker(Names("http://h/"), "/kg/").href("http://h/id/cjic")
        '/kg/page/cjic'
        """
        if iri.startswith(self.names.base):
            local = iri.removeprefix(self.names.base)
            # A page links straight to pages; the redirect from id/ is for those who come with an IRI.
            if local.startswith("id/"):
                local = f"page/{local[3:]}"
            return self.root + (local if _PLAIN.fullmatch(local) else quote(local, safe=_SAFE))
        return iri if iri.startswith(("http://", "https://")) else ""

    def browse(self, kind: NamedNode, index: Index) -> Shown:
        """Return a class by its label, with a link to all that is of it."""
        shown = self.show(kind, index)
        query = quote(shorten(kind.value, self.names), safe=":/")
        return Shown(shown.label, shown.lang, f"{self.root}browse?type={query}")

    def show(self, term: NamedNode | Literal, index: Index) -> Shown:
        """Return a literal as its text, and a named thing by the reader's label or the end of its IRI."""
        if isinstance(term, Literal):
            return Shown(term.value, term.language or "")
        if index is not self._index:
            self._index, self._shown = index, {}  # a page has one, and names most things several times
        iri = term.value
        if iri not in self._shown:
            self._shown[iri] = self._show_thing(term, index)
        return self._shown[iri]

    def _show_thing(self, term: NamedNode, index: Index) -> Shown:
        external = not term.value.startswith(self.names.base)
        label = index.label(term, self.languages)
        if label is None:
            return Shown(shorten(term.value, self.names), "", self.href(term.value), external)
        return Shown(label.value, label.language or "", self.href(term.value), external)


def pick_label(labels: Iterable[Literal], languages: Sequence[str]) -> Literal | None:
    """Return the label in the first language that has one, or else the first by language; None of none.

    >>> pick_label([Literal("Tokyo", language="en"), Literal("東京", language="ja")], ("zh", "ja")).value
    '東京'
    """

    def rank(label: Literal) -> tuple[int, str, str]:
        language = (label.language or "").lower()
        primary = language.partition("-")[0]
        return (languages.index(primary) if primary in languages else len(languages), language, label.value)

    return min(labels, key=rank, default=None)


def pick_text(values: Iterable[NamedNode | Literal], languages: Sequence[str]) -> Shown:
    """Return the text among literals that suits the reader best, or an empty one."""
    label = pick_label([value for value in values if isinstance(value, Literal)], languages)
    return Shown(label.value, label.language or "") if label is not None else Shown("")

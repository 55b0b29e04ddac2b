"""The evidence of a fact as a reader sees it: the quote in its sentence, how it was read, how to cite it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from pyoxigraph import NamedNode

from kg.description_index import Citation, Index
from kg.release.layout import ArticleEntry, Manifest
from kg.vocab import Names
from webapp.languages import N_, Interface
from webapp.links import Linker
from webapp.text_fragments import make_text_fragment

ReadText = Callable[[str], str]
"""Returns the captured text of an article by its slug, or an empty string where it is not published."""

STATUSES = {
    "stated": N_("The article says so."),
    "inferred": N_("Read from the words of the article."),
    "external": N_("Not in the article; another source says so."),
}
MODALITIES = {
    "occurred": N_("It is told as having happened."),
    "state": N_("It is told as being so."),
    "plan": N_("It is told as a plan."),
    "wish": N_("It is told as a wish."),
    "pledge": N_("It is told as a pledge."),
    "claim": N_("It is told as someone’s statement or judgement."),
    "praise": N_("It is told as praise."),
    "definition-of": N_("It is told as what a term means."),
}
_ORDER = ("stated", "inferred", "external")


class ShownCitation(NamedTuple):
    """One record: a quote, with the words that fill up its sentence, or an outside source."""

    iri: str
    href: str
    status: str
    basis: str
    exact: str = ""
    before: str = ""
    after: str = ""
    lang: str = ""
    sentence_number: int = 0
    place_href: str = ""
    publisher_href: str = ""
    source: str = ""
    source_note: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """All evidence of one fact. ``where`` is the short text of its marker, ``cite`` a text to be copied."""

    status: str
    where: str
    citations: tuple[ShownCitation, ...]
    cite: str


class EvidenceMaker:
    """Shows evidence of one release in one language.

    Parameters
    ----------
    manifest: of the release, whose id and date are part of a citation.
    site: name of the site.
    articles: of the release, by slug.
    read_text: gives the captured text of an article, where it is published.
    """

    def __init__(
        self,
        names: Names,
        linker: Linker,
        interface: Interface,
        manifest: Manifest,
        site: str,
        articles: Mapping[str, ArticleEntry],
        read_text: ReadText,
    ) -> None:
        self.names = names
        self.linker = linker
        self.interface = interface
        self.manifest = manifest
        self.site = site
        self.read_text = read_text
        self.articles = articles

    def prove(self, citations: Sequence[Citation], index: Index, fact: str) -> Proof | None:
        """Return the evidence of a fact; None where it has none.

        Parameters
        ----------
        fact: the fact in words, for its citation.
        """
        if not citations:
            return None
        shown = tuple(self._show(citation, index) for citation in citations)
        status = min((c.status for c in shown), key=lambda s: _ORDER.index(s) if s in _ORDER else len(_ORDER))
        return Proof(status, self._name_place(shown), shown, self._cite(citations, fact))

    def as_of(self, citations: Sequence[Citation]) -> str:
        """Return the latest day on which an article of the evidence was published (ISO 8601), or nothing."""
        days = [self.articles[c.article].published for c in citations if c.article in self.articles]
        return max(days, default="")

    def _show(self, citation: Citation, index: Index) -> ShownCitation:
        status = find_local_name(citation.status)
        article = self.articles.get(citation.article)
        before, after = self._find_context(citation)
        return ShownCitation(
            iri=citation.iri,
            href=self.linker.href(citation.iri),
            status=status,
            basis=self._name_basis(citation, index),
            exact=citation.exact,
            before=before,
            after=after,
            lang=article.language if article else "",
            sentence_number=citation.sentence_number,
            place_href=f"{self.linker.href(article.iri)}#{make_anchor(citation.iri)}" if article else "",
            publisher_href=self._link_publisher(citation, article),
            source=self.linker.href(citation.source),
            source_note=citation.source_note,
            note=citation.note,
        )

    def _name_basis(self, citation: Citation, index: Index) -> str:
        """Return status and modality in words; of an outside source only the status, which says it all."""
        asked = [(citation.status, STATUSES)]
        if not citation.source:
            asked.append((citation.modality, MODALITIES))
        sentences = []
        for term, words in asked:
            known = words.get(find_local_name(term))
            if known is not None:
                sentences.append(self.interface.gettext(known))
            elif term is not None:
                sentences.append(self.linker.show(term, index).label)
        return " ".join(sentences) if self.interface.language.code == "en" else "".join(sentences)

    def _name_place(self, shown: Sequence[ShownCitation]) -> str:
        numbers = list(dict.fromkeys(c.sentence_number for c in shown if c.exact))
        if not numbers:
            return self.interface.gettext("source")
        inferred = any(c.status == "inferred" for c in shown)
        return _name_sentences(self.interface, tuple(numbers), inferred)

    def _find_context(self, citation: Citation) -> tuple[str, str]:
        text = self.read_text(citation.article) if citation.article else ""
        if not text:
            return f"…{citation.prefix}", f"{citation.suffix}…"
        start, end = citation.start_codepoint, citation.end_codepoint
        return text[citation.sentence_start : start], text[end : max(end, citation.sentence_end)]

    def _link_publisher(self, citation: Citation, article: ArticleEntry | None) -> str:
        if article is None or not self.linker.href(article.url):
            return ""
        text = self.read_text(citation.article)
        unique = bool(text) and text.count(citation.exact) == 1
        around = ("", "") if unique else (citation.prefix, citation.suffix)
        return article.url.partition("#")[0] + make_text_fragment(citation.exact, *around)

    def _cite(self, citations: Sequence[Citation], fact: str) -> str:
        texts = []
        for citation in citations:
            article = self.articles.get(citation.article)
            if article is not None:
                texts.append(
                    f"“{citation.exact}” ({article.publisher}, {self.interface.date(article.published)}). "
                    f"{citation.iri}"
                )
            else:
                texts.append(f"{citation.source} {citation.iri}")
        return self.interface.gettext(
            "%(fact)s. %(site)s, release %(release)s of %(date)s. Evidence: %(evidence)s",
            fact=fact,
            site=self.site,
            release=self.manifest.id,
            date=self.interface.date(self.manifest.created),
            evidence="; ".join(texts),
        )


@lru_cache(maxsize=1024)
def _name_sentences(interface: Interface, numbers: tuple[int, ...], inferred: bool) -> str:
    listed = interface.list([interface.number(number) for number in numbers])
    place = interface.ngettext("sentence %(listed)s", "sentences %(listed)s", len(numbers), listed=listed)
    return interface.gettext("%(place)s, inferred", place=place) if inferred else place


def make_anchor(record: str) -> str:
    """Return the anchor of an evidence record on the page of its article.

    >>> make_anchor("https://h/evidence/77c0")
    'q-77c0'
    """
    return f"q-{record.rpartition('/')[2]}"


def find_local_name(term: NamedNode | None) -> str:
    """Return the end of the IRI of a concept, which is its style class as well: *plan* of ``…#plan``."""
    return term.value.rpartition("#")[2] if term is not None else ""

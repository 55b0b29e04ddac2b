"""What the page of the vocabulary shows, made from the vocabulary and figures of the dataset. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode, Triple

from kg.ontology import Ontology, Term
from kg.release.void import VOID
from kg.vocab import Names, shorten
from webapp.languages import N_
from webapp.links import Linker, Shown, pick_label
from webapp.pages.diagram import Diagram, draw_classes, draw_relations

HEADINGS = (
    ("class", N_("Classes")),
    ("relation", N_("Relations")),
    ("attribute", N_("Data properties")),
    ("annotation", N_("Annotations")),
    ("scheme", N_("Concept schemes")),
    ("concept", N_("Concepts")),
)


@dataclass(frozen=True, slots=True)
class Usage:
    """How often the data uses a term, and the first thing that does; ``entities`` counts those of a class."""

    count: int
    example: NamedNode


@dataclass(frozen=True, slots=True)
class Link:
    """A link from one term to others, under what it means."""

    title: str
    terms: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class ShownTerm:
    """A term as the page shows it; ``anchor`` is unique on the page."""

    anchor: str
    name: str
    iri: str
    own: bool
    label: Shown
    other_labels: tuple[Shown, ...]
    definitions: tuple[Shown, ...]
    examples: tuple[Shown, ...]
    links: tuple[Link, ...]
    rules: tuple[str, ...]
    used: int
    example: Shown | None


@dataclass(frozen=True, slots=True)
class Group:
    """Terms of one kind."""

    kind: str
    title: str
    terms: tuple[ShownTerm, ...]


@dataclass(frozen=True, slots=True)
class VocabularyPage:
    """All that the template ``ontology.html`` needs, but for the downloads."""

    iri: str
    version: str
    version_iri: str
    licence: str
    descriptions: tuple[Shown, ...]
    groups: tuple[Group, ...]
    classes: Diagram
    relations: Diagram


def read_usages(described: Iterable[Triple]) -> dict[str, Usage]:
    """Return how the data uses each class and property, by IRI, from the partitions of its description."""
    said: dict[str, dict[str, NamedNode | Literal]] = {}
    for triple in described:
        if triple.predicate.value.startswith(VOID.iri) and isinstance(triple.object, NamedNode | Literal):
            said.setdefault(str(triple.subject), {})[triple.predicate.value.removeprefix(VOID.iri)] = (
                triple.object
            )
    usages = {}
    for part in said.values():
        term, example = part.get("class") or part.get("property"), part.get("exampleResource")
        count = part.get("entities") or part.get("triples")
        if term is not None and count is not None and isinstance(example, NamedNode):
            usages[term.value] = Usage(int(count.value), example)
    return usages


class VocabularyPageMaker:
    """Makes the page in one language.

    Parameters
    ----------
    linker: shows terms and things in the reader's language.
    usages: from ``read_usages``.
    show_example: shows a thing of the data by its name.
    gettext: translates a message.
    """

    def __init__(
        self,
        ontology: Ontology,
        names: Names,
        linker: Linker,
        usages: dict[str, Usage],
        show_example: Callable[[NamedNode], Shown],
        gettext: Callable[[str], str],
    ) -> None:
        self.ontology = ontology
        self.names = names
        self.linker = linker
        self.usages = usages
        self.show_example = show_example
        self.gettext = gettext

    def make(self) -> VocabularyPage:
        """Lay the vocabulary out for readers."""
        ontology = self.ontology
        groups = (
            Group(kind, self.gettext(title), tuple(map(self._show, ontology.of_kind(kind))))
            for kind, title in HEADINGS
        )
        return VocabularyPage(
            iri=ontology.iri.value,
            version=ontology.version,
            version_iri=ontology.version_iri.value if ontology.version_iri else "",
            licence=ontology.licence.value if ontology.licence else "",
            descriptions=self._texts(ontology.descriptions),
            groups=tuple(group for group in groups if group.terms),
            classes=draw_classes(ontology, lambda term: self._label(term).label),
            relations=draw_relations(ontology, lambda term: self._label(term).label),
        )

    def anchor(self, iri: NamedNode) -> str:
        """Return the fragment of a term: that of its IRI for an own one, *org-Post* for one of others."""
        own = self.names.term("").value
        return (
            iri.value.removeprefix(own)
            if iri.value.startswith(own)
            else shorten(iri.value, self.names).replace(":", "-")
        )

    def _show(self, term: Term) -> ShownTerm:
        label = self._label(term)
        usage = self.usages.get(term.iri.value)
        return ShownTerm(
            anchor=self.anchor(term.iri),
            name=shorten(term.iri.value, self.names),
            iri=term.iri.value,
            own=term.own,
            label=label,
            other_labels=tuple(text for text in self._texts(term.labels) if text.lang != label.lang),
            definitions=self._texts(term.definitions),
            examples=self._texts(term.examples),
            links=tuple(link for link in self._links(term) if link.terms),
            rules=term.rules,
            used=usage.count if usage else 0,
            example=self.show_example(usage.example) if usage else None,
        )

    def _links(self, term: Term) -> Iterable[Link]:
        ontology, terms = self.ontology, self._terms
        is_class = term.kind == "class"
        yield Link(self.gettext(N_("a kind of")), terms(term.parents))
        yield Link(
            self.gettext(N_("kinds of it")),
            () if term.kind == "scheme" else terms(t.iri for t in ontology.below(term.iri)),
        )
        yield Link(
            self.gettext(N_("what is said of it")),
            terms(t.iri for t in ontology.about(term.iri)) if is_class else (),
        )
        yield Link(
            self.gettext(N_("what leads to it")),
            terms(t.iri for t in ontology.leading_to(term.iri)) if is_class else (),
        )
        yield Link(self.gettext(N_("said of")), terms(term.domains))
        yield Link(self.gettext(N_("leads to")), terms(term.ranges))
        yield Link(self.gettext(N_("in the scheme")), terms(term.schemes))
        yield Link(
            self.gettext(N_("its concepts")),
            terms(t.iri for t in ontology.below(term.iri)) if term.kind == "scheme" else (),
        )

    def _terms(self, iris: Iterable[NamedNode]) -> tuple[Shown, ...]:
        return tuple(map(self._show_link, iris))

    def _show_link(self, iri: NamedNode) -> Shown:
        term = self.ontology.find(iri)
        if term is None:
            return Shown(shorten(iri.value, self.names), "", self.linker.href(iri.value), True)
        label = self._label(term)
        return Shown(label.label, label.lang, f"#{self.anchor(iri)}")

    def _label(self, term: Term) -> Shown:
        label = pick_label(term.labels, self.linker.languages)
        return (
            Shown(label.value, label.language or "") if label else Shown(shorten(term.iri.value, self.names))
        )

    def _texts(self, texts: Iterable[Literal]) -> tuple[Shown, ...]:
        """Return texts with that in the reader's language first."""
        ranked = sorted(texts, key=lambda text: self._rank(text.language or ""))
        return tuple(Shown(text.value, text.language or "") for text in ranked)

    def _rank(self, language: str) -> tuple[int, str]:
        languages = list(self.linker.languages)
        return (languages.index(language) if language in languages else len(languages), language)

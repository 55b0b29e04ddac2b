"""The start page: what this is, shown on a fact; its figures, its newest article, and ways in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyoxigraph import NamedNode, Triple

from kg.description import Description
from kg.description_index import Index
from kg.release.layout import ArticleEntry
from kg.vocab import COMMENT, ORG, RDFS, SCHEMA, SH, TYPE, Names, named
from webapp.languages import N_, Interface
from webapp.links import Linker, Shown, pick_text
from webapp.pages.evidence import EvidenceMaker, Proof
from webapp.pages.summary import TOOK_PART
from webapp.pages.words import Words, compose, enumerate_words, mention

SHOWN_AT_ONCE = 6
"""Things of one kind that the start page names; the others are browsed."""

QUESTIONS_SHOWN = 8

FIGURES = (
    (N_("Articles"), "articles"),
    (N_("Sentences"), "sentences"),
    (N_("Facts"), "facts"),
    (N_("Pieces of evidence"), "evidence"),
    (N_("People"), "people"),
    (N_("Bodies"), "bodies"),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """Things of one kind, by name: the first ones, how many there are, and where all are browsed."""

    title: str
    things: tuple[Shown, ...]
    total: int
    href: str


@dataclass(frozen=True, slots=True)
class Question:
    """An example query, as the question that it answers."""

    title: Shown
    description: Shown
    text: str


@dataclass(frozen=True, slots=True)
class Example:
    """A fact told in a sentence, with the words that it rests on."""

    words: Words
    proof: Proof


def list_kinds(names: Names) -> tuple[tuple[str, tuple[NamedNode, ...]], ...]:
    """Return the ways in: a title and the classes of its things."""
    events = ("ForumEdition", "Session", "Ceremony", "Exhibition", "Talks", "Visit")
    return (
        (N_("People"), (SCHEMA("Person"),)),
        (N_("Bodies"), (ORG("Organization"),)),
        (N_("Events"), (SCHEMA("EventSeries"), SCHEMA("Event"), *map(names.term, events))),
        (N_("Zones"), (names.term("DemonstrationZone"),)),
        (N_("Posts"), (ORG("Post"),)),
        (N_("Roles"), (ORG("Role"),)),
    )


def sort_articles(articles: Sequence[ArticleEntry]) -> list[ArticleEntry]:
    """Return articles, the newest first."""
    return sorted(articles, key=lambda article: (article.published, article.slug), reverse=True)


class StartMaker:
    """Makes the parts of the start page in one language."""

    def __init__(self, names: Names, linker: Linker, interface: Interface, evidence: EvidenceMaker) -> None:
        self.names = names
        self.linker = linker
        self.interface = interface
        self.evidence = evidence

    def show_kind(self, title: str, found: Sequence[Triple], total: int, href: str) -> Kind:
        """Return things of one kind.

        Parameters
        ----------
        found: from ``Reader.list_instances``.
        total: things of this kind.
        href: of the page on which they are browsed.
        """
        index = Index(Description(iri=self.names.ontology, own=found), self.names)
        subjects = dict.fromkeys(named(triple.subject) for triple in found if triple.predicate == TYPE)
        shown = sorted((self.linker.show(s, index) for s in subjects), key=lambda t: t.label.casefold())
        return Kind(self.interface.gettext(title), tuple(shown[:SHOWN_AT_ONCE]), total, href)

    def show_questions(self, examples: Sequence[Triple]) -> tuple[Question, ...]:
        """Return the first example queries, in the order of their names.

        Parameters
        ----------
        examples: from ``Reader.list_examples``.
        """
        index = Index(Description(iri=self.names.ontology, own=examples), self.names)
        languages = self.linker.languages
        return tuple(
            Question(
                pick_text(index.values(query, RDFS("label")), languages),
                pick_text(index.values(query, COMMENT), languages),
                index.text(query, SH("select")),
            )
            for query in index.subjects[:QUESTIONS_SHOWN]
        )

    def show_example(self, description: Description) -> Example | None:
        """Return a participation as an example of a fact; None for what is none, or has no words behind it.

        Parameters
        ----------
        description: of the participation.
        """
        index = Index(description, self.names)
        iri, term = description.iri, self.names.term
        agents, events = (
            [value for value in index.values(iri, term(name)) if isinstance(value, NamedNode)]
            for name in ("agent", "event")
        )
        proof = self.evidence.prove(index.citations(iri), index, self.linker.show(iri, index).label)
        if not (agents and events and proof and term("occurred") in index.values(iri, term("modality"))):
            return None
        name, event = (
            enumerate_words(
                self.interface, [mention(self.interface, self.linker.show(thing, index)) for thing in things]
            )
            for things in (agents, events)
        )
        return Example(compose(self.interface, TOOK_PART, name=name, events=event), proof)

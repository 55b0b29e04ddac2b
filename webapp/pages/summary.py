"""A summary of a thing in one to three sentences, made from its facts and no truer than they are.

Former posts are told as former, plans as plans; claims are counted and never repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyoxigraph import NamedNode

from kg.description_index import Index
from kg.vocab import ORG, SCHEMA, Names
from webapp.languages import N_, Interface
from webapp.links import Linker, Shown
from webapp.pages.evidence import EvidenceMaker
from webapp.pages.words import Words, compose, enumerate_words, mention

MOST_NAMED = 4
"""Things that one sentence names; it says how many others there are."""

SERVES = N_("As of %(date)s, %(name)s serves as %(posts)s.")
SERVED = N_("%(name)s formerly served as %(posts)s.")
HELD_BY = N_("As of %(date)s, it is held by %(people)s.")
ONCE_HELD_BY = N_("It was formerly held by %(people)s.")
HAS_PEOPLE = N_("As of %(date)s, posts in it are held by %(people)s.")
ONCE_HAD_PEOPLE = N_("Formerly, posts in it were held by %(people)s.")
TOOK_PART = N_("%(name)s took part in %(events)s.")
IS_TO_TAKE_PART = N_("By the plans told, %(name)s is to take part in %(events)s.")
HAD_PARTICIPANTS = N_("%(agents)s took part in it.")
HELD_IN = N_("It was held in %(places)s.")
PART_OF_EVENT = N_("It was part of %(events)s.")
HELD_DURING = N_("It was held during %(events)s.")
PART_OF = N_("%(name)s is part of %(bodies)s.")
LIES_IN = N_("%(name)s lies in %(places)s.")
POST_IN = N_("It is a post in %(bodies)s.")


class Summarizer:
    """Summarises things of one release in one language."""

    def __init__(self, names: Names, linker: Linker, interface: Interface, evidence: EvidenceMaker) -> None:
        self.names = names
        self.linker = linker
        self.interface = interface
        self.evidence = evidence

    def summarize(
        self, iri: NamedNode, index: Index, nodes: Mapping[str, Sequence[NamedNode]]
    ) -> tuple[Words, ...]:
        """Return sentences about a thing; none where its facts do not make any.

        Parameters
        ----------
        nodes: the n-ary nodes around it by kind: current, former, participations, claims.
        """
        sentences = [
            *self._tell_relations(iri, index),
            *self._tell_posts(iri, index, nodes),
            *self._tell_participations(iri, index, nodes["participations"]),
            *self._tell_claims(nodes["claims"]),
        ]
        return tuple(sentence for sentence in sentences if sentence)

    def _tell_relations(self, iri: NamedNode, index: Index) -> list[Words]:
        term = self.names.term
        return [
            self._tell(message, name=self._name(iri, index), **{place: self._list(values, index)})
            for message, place, relation in (
                (POST_IN, "bodies", ORG("postIn")),
                (PART_OF, "bodies", ORG("subOrganizationOf")),
                (LIES_IN, "places", SCHEMA("containedInPlace")),
                (PART_OF_EVENT, "events", SCHEMA("superEvent")),
                (HELD_DURING, "events", term("heldDuring")),
                (HELD_IN, "places", SCHEMA("location")),
            )
            if (values := _keep_things(index.values(iri, relation)))
        ]

    def _tell_posts(
        self, iri: NamedNode, index: Index, nodes: Mapping[str, Sequence[NamedNode]]
    ) -> list[Words]:
        sentences = []
        for kind, of_member, of_post, of_body in (
            ("current", SERVES, HELD_BY, HAS_PEOPLE),
            ("former", SERVED, ONCE_HELD_BY, ONCE_HAD_PEOPLE),
        ):
            for message, place, here, there in (
                (of_member, "posts", ORG("member"), (self.names.term("post"), ORG("role"))),
                (of_post, "people", self.names.term("post"), (ORG("member"),)),
                (of_body, "people", ORG("organization"), (ORG("member"),)),
            ):
                found = [node for node in nodes[kind] if iri in index.values(node, here)]
                values = [value for node in found for value in self._first(node, there, index)]
                if values:
                    day = max(self.evidence.as_of(index.citations(node)) for node in found)
                    sentences.append(
                        self._tell(
                            message,
                            name=self._name(iri, index),
                            date=(Shown(self.interface.date(day)),),
                            # “serves as director”, but “held by the director”
                            **{place: self._list(values, index, articles=place != "posts")},
                        )
                    )
        return sentences

    def _tell_participations(self, iri: NamedNode, index: Index, nodes: Sequence[NamedNode]) -> list[Words]:
        term = self.names.term
        happened = [n for n in nodes if term("occurred") in index.values(n, term("modality"))]
        planned = [n for n in nodes if term("plan") in index.values(n, term("modality"))]
        sentences = []
        for message, found, here, there, place in (
            (TOOK_PART, happened, "agent", "event", "events"),
            (IS_TO_TAKE_PART, planned, "agent", "event", "events"),
            (HAD_PARTICIPANTS, happened, "event", "agent", "agents"),
        ):
            values = [
                value
                for node in found
                if iri in index.values(node, term(here))
                for value in index.values(node, term(there))
            ]
            if things := _keep_things(values):
                listed = self._list(things, index)
                sentences.append(self._tell(message, name=self._name(iri, index), **{place: listed}))
        return sentences

    def _tell_claims(self, claims: Sequence[NamedNode]) -> list[Words]:
        if not claims:
            return []
        text = self.interface.ngettext(
            "%(num)s plan or claim is shown apart from the facts.",
            "%(num)s plans and claims are shown apart from the facts.",
            len(claims),
        )
        return [(Shown(text),)]

    def _tell(self, message: str, **values: Words) -> Words:
        return compose(self.interface, message, **values)

    def _first(self, node: NamedNode, relations: Sequence[NamedNode], index: Index) -> list[NamedNode]:
        for relation in relations:
            if things := _keep_things(index.values(node, relation)):
                return things
        return []

    def _name(self, iri: NamedNode, index: Index) -> Words:
        shown = self.linker.show(iri, index)
        return (Shown(shown.label, shown.lang),)

    def _list(self, things: Sequence[NamedNode], index: Index, articles: bool = True) -> Words:
        different = list(dict.fromkeys(things))
        shown = [self.linker.show(thing, index) for thing in different[:MOST_NAMED]]
        words = [mention(self.interface, thing) if articles else (thing,) for thing in shown]
        others = len(different) - len(words)
        if others:
            words.append((Shown(self.interface.ngettext("%(num)s other", "%(num)s others", others)),))
        return enumerate_words(self.interface, words)


def _keep_things(values: Sequence[object]) -> list[NamedNode]:
    return [value for value in values if isinstance(value, NamedNode)]

"""The order in which a page lists relations, and by which an entry is named: one table each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from pyoxigraph import NamedNode

from kg.vocab import ORG, PREF_LABEL, RDFS, SCHEMA, SKOS, TYPE, Names
from webapp.languages import N_


@dataclass(frozen=True, slots=True)
class Heading:
    """Relations under one heading, in this order."""

    title: str
    relations: tuple[NamedNode, ...]


NAMES = N_("Names")
ELSEWHERE = N_("The same elsewhere")
OTHER = N_("More")


def list_headings(names: Names) -> tuple[Heading, ...]:
    """Return the table for one base; relations that it does not name come last, under ``OTHER``."""
    term = names.term
    return (
        Heading(
            N_("What it is"),
            (SKOS("definition"), SKOS("scopeNote"), term("theme"), term("topic"), term("purpose")),
        ),
        Heading(
            N_("When and where"),
            (
                term("dateText"),
                SCHEMA("startDate"),
                SCHEMA("endDate"),
                SCHEMA("datePublished"),
                SCHEMA("location"),
                SCHEMA("containedInPlace"),
                term("mode"),
            ),
        ),
        Heading(
            N_("What it belongs to"),
            (
                ORG("subOrganizationOf"),
                ORG("transitiveSubOrganizationOf"),
                ORG("postIn"),
                ORG("role"),
                SCHEMA("superEvent"),
                term("heldDuring"),
                term("exhibitionOf"),
                term("platformCompanyOf"),
                term("carrierOf"),
                term("majorProjectOf"),
                SKOS("broader"),
                SKOS("inScheme"),
                SKOS("topConceptOf"),
            ),
        ),
        Heading(
            N_("Who"),
            (
                SCHEMA("organizer"),
                SCHEMA("publisher"),
                term("agent"),
                term("talkedWith"),
                term("visited"),
                ORG("holds"),
                ORG("memberOf"),
                term("participatedIn"),
            ),
        ),
        Heading(ELSEWHERE, (SKOS("exactMatch"),)),
        Heading(NAMES, (PREF_LABEL, SKOS("altLabel"), RDFS("label"))),
    )


HELD, SERVED = "held", "served"
"""Kinds of memberships by how they are named: by a post, or by a role."""


@dataclass(frozen=True, slots=True)
class Roles:
    """By which relations a node is named, placed and tagged; the first that leads anywhere counts.

    ``shown`` are, as lines have them, all that an entry tells in other ways than by a list of relations.
    """

    lead: tuple[NamedNode, ...]
    beside: tuple[NamedNode, ...]
    tags: tuple[NamedNode, ...]
    shown: frozenset[str]


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms of one base as lines have them: which relations stand under which heading, and which under none.

    ``told`` are those of a thing that its page tells in other ways; ``roles`` are those of n-ary nodes by
    their kind, and ``silent`` the values that are no tag.
    """

    headings: tuple[tuple[str, tuple[str, ...]], ...]
    listed: frozenset[str]
    told: frozenset[str]
    derived_part: str
    roles: Mapping[str, Roles]
    silent: frozenset[NamedNode]


@lru_cache(maxsize=8)
def list_terms(names: Names) -> Terms:
    """Return the terms of one base."""
    headings = tuple((h.title, tuple(map(str, h.relations))) for h in list_headings(names))
    told = (ORG("holds"), ORG("memberOf"), names.term("participatedIn"), names.term("evidence"), TYPE)
    return Terms(
        headings=headings,
        listed=frozenset(relation for _, relations in headings for relation in relations),
        told=frozenset(map(str, told)),
        derived_part=str(ORG("transitiveSubOrganizationOf")),
        roles=_list_roles(names),
        silent=frozenset(map(names.term, ("state", "occurred", "current", "former"))),
    )


def _list_roles(names: Names) -> dict[str, Roles]:
    term, member, body, role = names.term, ORG("member"), ORG("organization"), ORG("role")
    post, held = term("post"), (term("tenure"), term("modality"))
    how = (term("capacity"), term("mode"), term("modality"))
    relations = {
        HELD: ((member, post, body), (post, body, role), held),
        SERVED: ((member, role, body), (role, body), held),
        "participations": ((term("event"), term("agent")), (term("agent"),), how),
        "claims": ((), (term("saidBy"),), (term("modality"),)),
        "others": ((), (), (term("modality"),)),
    }
    always = (term("content"), term("evidence"), TYPE, PREF_LABEL)
    return {
        kind: Roles(lead, beside, tags, frozenset(map(str, (*lead, *beside, *tags, *always))))
        for kind, (lead, beside, tags) in relations.items()
    }

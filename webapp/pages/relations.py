"""The order in which a page lists relations: one table, from what a thing is to what else there is."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import NamedNode

from kg.vocab import ORG, PREF_LABEL, RDFS, SCHEMA, SKOS, Names
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

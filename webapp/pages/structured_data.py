"""What pages tell search engines: schema.org as JSON-LD, true to the data. Pure.

Only what the data asserts is told: a former post gives no ``jobTitle`` (``org:holds`` is never there for
one), and what was planned or claimed is no event. Source: schema.org, "Getting started"; JSON-LD 1.1,
section 7 (embedding in HTML).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyoxigraph import Literal, NamedNode

from kg.description_index import Index
from kg.formats import DOCUMENT_FORMATS, find_format
from kg.release.layout import ArticleEntry, DumpFile, Manifest
from kg.vocab import ORG, SCHEMA, SKOS, TYPE, Names

StructuredData = dict[str, Any]
"""A JSON-LD object."""

_CONTEXT = "https://schema.org"
_OWN_TYPES = {
    "DemonstrationZone": ("Organization", "Place"),
    "ForumEdition": ("Event",),
    "Session": ("Event",),
    "Ceremony": ("Event",),
    "Exhibition": ("ExhibitionEvent",),
    "Talks": ("Event",),
    "Visit": ("Event",),
}
_TOLD = ("Person", "Organization", "Place", "Event", "EventSeries", "ExhibitionEvent")
_PACKED = {"gzip": "application/gzip", "zstd": "application/zstd"}

# Property of the data, property of schema.org, type of what it leads to; an empty type for its name alone.
_LINKS = (
    (ORG("memberOf"), "memberOf", "Organization"),
    (ORG("holds"), "jobTitle", ""),
    (ORG("subOrganizationOf"), "parentOrganization", "Organization"),
    (SCHEMA("superEvent"), "superEvent", "Event"),
    (SCHEMA("location"), "location", "Place"),
    (SCHEMA("organizer"), "organizer", "Organization"),
    (SCHEMA("containedInPlace"), "containedInPlace", "Place"),
)
_TEXTS = ("startDate", "endDate")


def describe_site(manifest: Manifest, title: str) -> StructuredData:
    """Return the dataset of a release as schema.org's ``Dataset``."""
    base = manifest.base_iri
    data: StructuredData = {
        "@context": _CONTEXT,
        "@type": "Dataset",
        "@id": f"{base}.well-known/void#dataset",
        "name": title,
        "description": "The facts of news articles as linked data: people, bodies, posts, places, events "
        "and statements, each fact with the exact sentence that it comes from.",
        "url": base,
        "identifier": manifest.id,
        "version": manifest.id,
        "dateModified": manifest.created,
        "isAccessibleForFree": True,
        "distribution": [_describe_dump(dump, base) for dump in manifest.dumps if not dump.graph],
        "isBasedOn": [_name_article(article) for article in manifest.articles],
    }
    return data | ({"license": manifest.licence} if manifest.licence else {})


def _describe_dump(dump: DumpFile, base: str) -> StructuredData:
    fmt = find_format(dump.format, DOCUMENT_FORMATS)
    media_types = [fmt.media_type] if fmt else []
    return {
        "@type": "DataDownload",
        "name": dump.name,
        "contentUrl": f"{base}dumps/{dump.name}",
        "contentSize": f"{dump.size_bytes} B",
        "encodingFormat": [*media_types, *([_PACKED[dump.coding]] if dump.coding in _PACKED else [])],
        "sha256": dump.sha256,
    }


def describe_article(article: ArticleEntry) -> StructuredData:
    """Return an article as schema.org's ``NewsArticle``, at its publisher's address."""
    return {"@context": _CONTEXT, "@id": article.iri, **_name_article(article)}


def _name_article(article: ArticleEntry) -> StructuredData:
    data: StructuredData = {"@type": "NewsArticle", "headline": article.headline, "url": article.url}
    data["datePublished"] = article.published
    data["publisher"] = {"@type": "Organization", "name": article.publisher} if article.publisher else None
    return {key: value for key, value in data.items() if value}


def describe_thing(index: Index) -> StructuredData | None:
    """Return what schema.org can say of a person, a body, a place or an event; None of anything else."""
    iri, names = index.description.iri, index.names
    types = list(dict.fromkeys(_find_types(index.values(iri, TYPE), names)))
    labels = index.labels(iri)
    if not types or not labels:
        return None
    name, others = _choose_name([*labels, *_literals(index.values(iri, SKOS("altLabel")))])
    data: StructuredData = {"@context": _CONTEXT, "@id": iri.value, "name": name, "alternateName": others}
    data["@type"] = types if len(types) > 1 else types[0]
    data["sameAs"] = [v.value for v in index.values(iri, SKOS("exactMatch")) if v.value.startswith("http")]
    data["url"] = iri.value
    for predicate, told, kind in _LINKS:
        data[told] = list(_describe_links(index.values(iri, predicate), kind, index))
    for told in _TEXTS:
        data[told] = index.text(iri, SCHEMA(told))
    return {key: _unwrap(value) for key, value in data.items() if value}


def _find_types(kinds: Iterable[NamedNode | Literal], names: Names) -> Iterable[str]:
    for kind in kinds:
        if kind == ORG("Organization"):
            yield "Organization"
        elif kind.value.startswith(names.term("").value):
            yield from _OWN_TYPES.get(kind.value.removeprefix(names.term("").value), ())
        elif kind.value.removeprefix(SCHEMA.iri) in _TOLD:
            yield kind.value.removeprefix(SCHEMA.iri)


def _literals(values: Iterable[NamedNode | Literal]) -> Iterable[Literal]:
    return (value for value in values if isinstance(value, Literal))


def _choose_name(labels: list[Literal]) -> tuple[str, list[str]]:
    """Return the English name, or else the first, and all others."""
    english = [label for label in labels if label.language == "en"]
    name = (english or labels)[0].value
    return name, [text for text in dict.fromkeys(label.value for label in labels) if text != name]


def _describe_links(values: Iterable[NamedNode | Literal], kind: str, index: Index) -> Iterable[Any]:
    for value in values:
        labels = index.labels(value) if isinstance(value, NamedNode) else []
        if not labels:
            continue  # without a name there is nothing to tell
        name = _choose_name(labels)[0]
        yield {"@type": kind, "@id": value.value, "name": name} if kind else name


def _unwrap(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value

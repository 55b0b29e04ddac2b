"""Makes and writes the manifest: what a release says of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from pyoxigraph import Literal, NamedNode

from kg import __version__
from kg.check.findings import Coverage, Report
from kg.model import Article
from kg.publication import find_licence
from kg.release.layout import ArticleEntry, DumpFile, Manifest, RedirectEntry
from kg.release.survey import Survey
from kg.sources import Sources
from kg.vocab import ORG, PREF_LABEL, SCHEMA


def make_manifest(
    release_id: str,
    sources: Sources,
    report: Report,
    quads: int,
    survey: Survey,
    dumps: tuple[DumpFile, ...],
    canonical_sha256: str,
) -> Manifest:
    """Describe a release; ``created`` is the one thing in it that differs from build to build.

    Parameters
    ----------
    canonical_sha256: hash of the dataset by RDFC-1.0, in hexadecimal digits.
    """
    licence = find_licence(sources)
    return Manifest(
        id=release_id,
        base_iri=sources.names.base,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        software=f"article-kg {__version__}",
        quads=quads,
        figures=count_figures(survey, report),
        dumps=dumps,
        articles=describe_articles(sources, report),
        canonical_sha256=canonical_sha256,
        licence=licence.value if licence else "",
        redirects=tuple(_describe_redirects(sources)),
    )


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest as JSON; ``layout.read_manifest`` reads it."""
    path.write_text(json.dumps(asdict(manifest), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def count_figures(survey: Survey, report: Report) -> dict[str, int]:
    """Count what the start page tells; a body is whatever is an ``org:Organization``."""

    def count(kind: NamedNode) -> int:
        return survey.classes[kind.value].things if kind.value in survey.classes else 0

    return {
        "articles": len(report.coverage),
        "sentences": sum(coverage.sentences for coverage in report.coverage),
        "people": count(SCHEMA("Person")),
        "bodies": count(ORG("Organization")),
        "memberships": count(ORG("Membership")),
        "facts": len({record.fact.about for record in report.evidence}),
        "derived_facts": survey.derived_facts,
        "evidence": len(report.evidence),
        "triples": survey.triples,
    }


def _describe_redirects(sources: Sources) -> Iterator[RedirectEntry]:
    base = sources.names.base
    for redirect in sorted(sources.redirects, key=lambda redirect: redirect.source):
        target = redirect.target.removeprefix(base)
        yield RedirectEntry(redirect.source.removeprefix(base), target, redirect.reason)


def describe_articles(sources: Sources, report: Report) -> tuple[ArticleEntry, ...]:
    """Return what pages and dumps tell of each article without a query."""
    coverage = {covered.slug: covered for covered in report.coverage}
    labels = {
        statement.subject: statement.value.value
        for document in sources.documents
        for statement in document.statements
        if statement.predicate == PREF_LABEL
        and isinstance(statement.value, Literal)
        and statement.value.language == "en"
    }
    full_text = sources.names.term("fullText")
    return tuple(
        _describe_article(article, coverage[article.slug], full_text, labels) for article in sources.articles
    )


def _describe_article(
    article: Article, covered: Coverage, full_text: NamedNode, labels: dict[NamedNode, str]
) -> ArticleEntry:
    def text(predicate: NamedNode) -> str:
        values = article.documents[0].values(article.iri, predicate)
        value = values[0] if values else Literal("")
        return labels.get(value, value.value) if isinstance(value, NamedNode) else value.value

    return ArticleEntry(
        slug=article.slug,
        iri=article.iri.value,
        headline=text(SCHEMA("headline")),
        url=text(SCHEMA("url")),
        publisher=text(SCHEMA("publisher")),
        published=text(SCHEMA("datePublished"))[:10],
        full_text=text(full_text) == "true",
        sentences=covered.sentences,
        sentences_with_facts=covered.sentences - len(covered.without_facts),
        language=text(SCHEMA("inLanguage")),
    )

"""Proves that each quote stands where it says, and turns grounds into evidence records.

Source: Web Annotation Data Model, sections 4.2.4 (text quote selector) and 4.2.5 (text position selector).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from kg.model import Article, ArticleText, Document, Evidence, Fact, Finding, Grounds, Place, Selection
from kg.sources import Sources
from kg.vocab import TYPE, Names

CONTEXT_CODEPOINTS = 32
"""Length of the published prefix and suffix."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The outcome for one document: records of what holds, findings for what does not."""

    evidence: tuple[Evidence, ...]
    findings: tuple[Finding, ...]


def prove(sources: Sources) -> Proof:
    """Check the evidence of every fact in the sources."""
    proofs = [_prove_document(sources.entities, None, sources.names)]
    for article in sources.articles:
        proofs += [_prove_document(document, article, sources.names) for document in article.documents]
    return Proof(
        tuple(record for proof in proofs for record in proof.evidence),
        tuple(finding for proof in proofs for finding in proof.findings),
    )


def _prove_document(document: Document, article: Article | None, names: Names) -> Proof:
    evidence: list[Evidence] = []
    findings = list(_find_bare_facts(document, article))
    for fact in document.facts:
        for grounds in fact.grounds:
            for outcome in _prove_grounds(fact, grounds, article, names):
                (evidence if isinstance(outcome, Evidence) else findings).append(outcome)  # type: ignore[arg-type]
    return Proof(tuple(evidence), tuple(findings))


def _find_bare_facts(document: Document, article: Article | None) -> Iterator[Finding]:
    grounded = {fact.about for fact in document.facts}
    for statement in document.statements:
        about_article = article is not None and statement.subject == article.iri
        free = statement.predicate == TYPE or about_article
        if not free and statement.subject not in grounded and statement.triple not in grounded:
            yield Finding(
                "no-evidence",
                statement.place,
                f"{statement.subject} {statement.predicate} {statement.value} has no evidence.",
                'Add {| kg:quote "…" |} or {| kg:source <…> |} behind it, or kg:quote to its node.',
            )


def _prove_grounds(
    fact: Fact, grounds: Grounds, article: Article | None, names: Names
) -> Iterator[Evidence | Finding]:
    inferred = names.term("inferred")
    modality = grounds.modality or names.term("state")
    if not grounds.quotes and not grounds.sources:
        yield Finding(
            "no-evidence",
            grounds.place,
            "the evidence has neither a quote nor a source.",
            "Add kg:quote with the words of the article, or kg:source with an IRI.",
        )
    if grounds.status == inferred and not grounds.note:
        yield Finding(
            "no-reading",
            grounds.place,
            "an inferred fact does not say how the text was read.",
            "Add kg:note with the reading step.",
        )
    for quote, place in grounds.quotes:
        status = grounds.status or names.term("stated")
        found = _locate(quote, place, grounds, article)
        if isinstance(found, Finding):
            yield found
        elif article is not None:
            yield Evidence(fact, status, modality, found, article.slug, note=grounds.note)
    for source in grounds.sources:
        yield Evidence(
            fact,
            names.term("external"),
            modality,
            source=source,
            source_note=grounds.source_note,
            note="" if grounds.quotes else grounds.note,
        )


def _locate(quote: str, place: Place, grounds: Grounds, article: Article | None) -> Selection | Finding:
    if article is None:
        return Finding(
            "quote-without-article",
            place,
            f"{quote!r} is quoted in a file that belongs to no article.",
            "Move the fact to the facts.ttl of the article that says it, or give a kg:source.",
        )
    if article.text is None:
        return Finding(
            "quote-unproven",
            place,
            f"{quote!r} cannot be looked up, since the text of {article.slug} was not read.",
            "Mend source.txt first.",
        )
    return locate_quote(article.text, quote, grounds.prefix, grounds.suffix, place)


def locate_quote(
    text: ArticleText, quote: str, prefix: str, suffix: str, place: Place
) -> Selection | Finding:
    """Find the one place of a quote in the article.

    Parameters
    ----------
    quote: the exact words; ``prefix`` and ``suffix`` are the words right before and after, or empty.
    place: where the quote is written, for the finding.

    Returns
    -------
    The selection, or a finding: ``quote-missing``, ``quote-ambiguous`` or ``quote-outside-article``.
    """
    if not quote.strip():
        return Finding("quote-missing", place, "the quote is empty.", "Copy the words from the article.")
    spans = [
        (start, start + len(quote))
        for start in _occurrences(text.text, quote)
        if text.text.endswith(prefix, 0, start) and text.text.startswith(suffix, start + len(quote))
    ]
    inside = [span for span in spans if span[1] <= text.end_codepoint]
    if len(inside) == 1:
        return _select(text, *inside[0])
    if inside:
        return _ambiguous(text, quote, inside, place)
    if spans:
        return Finding(
            "quote-outside-article",
            place,
            f"{quote!r} only stands after the end of the article ({text.path}:{text.line_at(spans[0][0])}).",
            "Cite the article's own words; what follows kg:lastWords is no part of it.",
        )
    return _missing(text, quote, prefix, suffix, place)


def _occurrences(text: str, quote: str) -> Iterator[int]:
    start = text.find(quote)
    while start >= 0:
        yield start
        start = text.find(quote, start + 1)


def _select(text: ArticleText, start: int, end: int) -> Selection:
    return Selection(
        exact=text.text[start:end],
        prefix=text.text[max(0, start - CONTEXT_CODEPOINTS) : start],
        suffix=text.text[end : min(text.end_codepoint, end + CONTEXT_CODEPOINTS)],
        start_codepoint=start,
        end_codepoint=end,
        sentences=tuple(sentence.number for sentence in text.sentences_of(start, end)),
    )


def _ambiguous(text: ArticleText, quote: str, spans: list[tuple[int, int]], place: Place) -> Finding:
    contexts = "; ".join(
        f"line {text.line_at(start)}: …{text.text[max(0, start - 15) : end + 15]!r}…" for start, end in spans
    )
    return Finding(
        "quote-ambiguous",
        place,
        f"{quote!r} stands {len(spans)} times in {text.path.name} ({contexts}).",
        "Make the quote longer, or add oa:prefix or oa:suffix with the words right before or after it.",
    )


def _missing(text: ArticleText, quote: str, prefix: str, suffix: str, place: Place) -> Finding:
    if (prefix or suffix) and quote in text.text:
        message = f"{quote!r} does not stand between oa:prefix {prefix!r} and oa:suffix {suffix!r}."
        return Finding("quote-missing", place, message, "Copy both from the article, white space included.")
    nearest, line = find_nearest(text, quote)
    return Finding(
        "quote-missing",
        place,
        f"{quote!r} does not stand in {text.path.name}; the nearest words, on line {line}, are {nearest!r}.",
        "Copy the words from the article to the letter, quotation marks and dashes included.",
    )


def find_nearest(text: ArticleText, quote: str) -> tuple[str, int]:
    """Return the words of the article that are most like a quote, and their line in the captured file."""
    article = text.text[: text.end_codepoint]
    matcher = SequenceMatcher(None, article, quote, autojunk=False)
    match = matcher.find_longest_match()
    start = max(0, match.a - match.b)
    return article[start : start + len(quote)], text.line_at(start)

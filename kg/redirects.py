"""Reads ``data/redirects.ttl``: what was renamed or removed, so that old addresses still say something.

    id:old-name dct:isReplacedBy id:new-name .
    id:gone kg:removed "Two people were taken for one."@en .

Only things (``id/…``) and articles have names that people chose, so only they can be renamed.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyoxigraph import NamedNode

from kg.model import Document, Finding, Place, Redirect, Statement
from kg.vocab import DCT, Names

REPLACED = DCT("isReplacedBy")


def read_redirects(document: Document, names: Names) -> tuple[tuple[Redirect, ...], tuple[Finding, ...]]:
    """Return the redirects of the file, and what is wrong with it."""
    redirects: dict[str, Redirect] = {}
    findings = list(document.findings)
    for statement in document.statements:
        fault = _find_fault(statement, redirects, names)
        if fault is None:
            redirects[statement.subject.value] = _to_redirect(statement)
        else:
            findings.append(fault)
    return tuple(redirects.values()), tuple(findings)


def _to_redirect(statement: Statement) -> Redirect:
    value = statement.value
    if isinstance(value, NamedNode):
        return Redirect(statement.subject.value, value.value, "", statement.place)
    return Redirect(statement.subject.value, "", value.value, statement.place)


def _find_fault(statement: Statement, known: dict[str, Redirect], names: Names) -> Finding | None:
    source, value, place = statement.subject.value, statement.value, statement.place
    renamed = statement.predicate == REPLACED
    if not renamed and statement.predicate != names.term("removed"):
        return _fault(place, f"{statement.predicate} has no place here.", _FORMS)
    if source in known:
        return _fault(
            place, f"{source} is spoken of before, at {known[source].place}.", "Keep one of the two."
        )
    if not _has_chosen_name(source, names):
        return _fault(
            place, f"{source} is neither a thing nor an article.", "Write it as id:… or <article/…>."
        )
    if renamed and not (isinstance(value, NamedNode) and _kind(value.value, names) == _kind(source, names)):
        return _fault(place, f"{source} is replaced by {value}.", "A thing is replaced by a thing: id:….")
    if not renamed and (isinstance(value, NamedNode) or not value.value.strip()):
        return _fault(place, f"{source} was removed, and nothing says why.", "Say why in one sentence.")
    return None


_FORMS = 'Write `id:old dct:isReplacedBy id:new .` or `id:gone kg:removed "Why."@en .`'


def _kind(iri: str, names: Names) -> str:
    return iri.removeprefix(names.base).partition("/")[0]


def _has_chosen_name(iri: str, names: Names) -> bool:
    kind, _, rest = iri.removeprefix(names.base).partition("/")
    return iri.startswith(names.base) and kind in ("id", "article") and bool(rest) and "/" not in rest


def find_broken(redirects: tuple[Redirect, ...], subjects: set[str]) -> Iterator[Finding]:
    """Yield a finding for each redirect that leads nowhere, on to another one, or away from what is there.

    Parameters
    ----------
    subjects: IRIs that the published dataset says something about.
    """
    sources = {redirect.source: redirect for redirect in redirects}
    for redirect in redirects:
        if redirect.source in subjects:
            message = f"{redirect.source} is still in the data, so nobody would come to what replaced it."
            yield _fault(redirect.place, message, "Remove this line, or the thing.")
        if not redirect.target:
            continue
        if redirect.target == redirect.source:
            yield _fault(redirect.place, f"{redirect.source} is replaced by itself.", "Remove this line.")
        elif redirect.target in sources:
            place = sources[redirect.target].place
            message = f"{redirect.target} is redirected itself, at {place}."
            yield _fault(redirect.place, message, "Name the last of the chain.")
        elif redirect.target not in subjects:
            message = f"{redirect.target} is not in the data."
            yield _fault(redirect.place, message, "Name what there is, or say kg:removed.")


def _fault(place: Place, message: str, remedy: str) -> Finding:
    return Finding("bad-redirect", place, message, remedy)

"""What a query must be before it goes to an engine that is not ours.

Nothing here parses: a stranger's text is only read word by word (``kg.store.tokens``), in linear time,
since this runs where requests are served. What passes may still be wrong; the engine says so. What is
refused could do harm there: it reaches out of the data, or is made to exhaust the engine's stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import urljoin

from kg import errors
from kg.store.base import SERVICE_REFUSED, UPDATE_REFUSED, Dataset
from kg.store.remote.profiles import EngineProfile
from kg.store.tokens import Outline, Token, read_outline, read_tokens

MAX_TOKENS = 30_000
"""Words and signs of a query: reading takes some 10 µs for each, and the readers are shared."""

MAX_DEPTH = 200
"""Nested brackets. Engines recurse over a query, and one that overflows its stack is down for everybody."""

MAX_OPERATORS = 2_000
"""Words and signs that make a tree deeper without brackets, as in ``1+1+1+…`` or a row of OPTIONALs."""

_DEEPENING = {"OPTIONAL", "UNION", "MINUS", "FILTER", "BIND", "GRAPH", "EXISTS", "NOT", "LATERAL"}
_SIGNS = "!+-*/|&^="
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_IRI = re.compile(r'[A-Za-z][A-Za-z0-9+.-]*:[^<>"{}|^`\\\x00-\x20]*')


@dataclass(frozen=True, slots=True)
class Admitted:
    """What the words of an admitted query say.

    ``text`` is the query without its FROM clauses, which stand in ``dataset``; ``limit`` is its own LIMIT,
    None where it has none; ``is_open`` says that LIMIT and OFFSET can still be put at its end, and
    ``has_pattern`` that it has a group, so that it may have more than one solution.
    """

    form: str
    text: str
    dataset: Dataset
    limit: int | None
    is_open: bool
    has_pattern: bool


def admit(text: str, dataset: Dataset, profile: EngineProfile, base_iri: str = "") -> Admitted:
    """Let a query through, or say why not.

    Parameters
    ----------
    base_iri: what relative IRIs are resolved against where the text has no BASE; without it they are errors.

    Raises
    ------
    QuerySyntaxError: it begins as no query does, or a name in it cannot be an absolute IRI.
    QueryRefused: an update, SERVICE, or a function that reaches out of the data.
    QueryTooLarge: nested too deeply.

    >>> from kg.store.remote.profiles import find_profile
    >>> admit("SELECT * { ?s ?p ?o } LIMIT 10", Dataset(), find_profile("generic")).limit
    10
    """
    if _SURROGATE.search(text):
        raise errors.QuerySyntaxError("The query is not text: it holds half of a surrogate pair.")
    tokens = _read(text)
    outline = _refuse(text, tokens, profile)
    # Some engines resolve escapes before they read words, others after; neither reading may show harm.
    if (decoded := _decode(text)) != text:
        _refuse(decoded, _read(decoded), profile)
    if not outline.form:
        raise errors.QuerySyntaxError("The text does not begin as a query does.")
    text, own = _take_dataset(text, tokens, base_iri)
    if outline.has_from and not own:
        raise errors.QuerySyntaxError("FROM is followed by the name of a graph, with a space before it.")
    dataset = dataset or own
    _check_graphs(dataset)
    relative = _find_relative(tokens)
    if relative and not base_iri:
        raise errors.QuerySyntaxError(f"{relative} is relative, and the query has no BASE.")
    text = f"BASE <{base_iri}> {text}" if relative else text
    tail = list(_find_tail(tokens))
    has_pattern = any(token.text == "{" for token in tokens)
    return Admitted(outline.form, text, dataset, _find_limit(tail), _is_open(tail), has_pattern)


def _take_dataset(text: str, tokens: list[Token], base_iri: str) -> tuple[str, Dataset]:
    """Take the FROM clauses out of a text, leaving space, so that places in it stay what they are.

    Engines differ in what FROM means beside the parameters of a request, and in whether GRAPH sees more
    than FROM NAMED says; with parameters alone they agree.
    """
    lists: dict[bool, list[str]] = {False: [], True: []}
    for place, token in enumerate(tokens):
        if token.kind != "word" or token.text.upper() != "FROM":
            continue
        following = tokens[place + 1 : place + 3]
        named = bool(following) and following[0].text.upper() == "NAMED"
        name = following[1:] if named else following[:1]
        if name and name[0].kind in ("iri", "pname"):
            lists[named].append(_resolve(name[0], tokens, base_iri))
            end = name[0].start + len(name[0].text)
            text = text[: token.start] + " " * (end - token.start) + text[end:]
    return text, Dataset(tuple(lists[False]), tuple(lists[True]))


def _resolve(name: Token, tokens: list[Token], base_iri: str) -> str:
    """Return the IRI that a token means, by the prefixes and the base that the text declares."""
    if name.kind == "pname":
        iris = [
            after.text[1:-1]
            for token, after in pairwise(tokens)
            if token.kind == "pname"
            and not token.local
            and token.prefix == name.prefix
            and after.kind == "iri"
        ]
        if not iris:
            raise errors.QuerySyntaxError(f"The prefix of {name.text} is not declared.")
        iri = iris[0] + re.sub(r"\\(.)", r"\1", name.local)
    else:
        iri = name.text[1:-1]
    iri = _decode(iri)
    bases = [after.text[1:-1] for token, after in pairwise(tokens) if token.text.upper() == "BASE"]
    base = bases[0] if bases else base_iri
    return urljoin(base, iri) if base and not _SCHEME.match(iri) else iri


def _read(text: str) -> list[Token]:
    """Return the tokens of a text; stops where there are too many, or they are nested too deeply."""
    tokens: list[Token] = []
    depth = operators = 0
    for token in read_tokens(text):
        tokens.append(token)
        if token.kind == "other":
            depth += (token.text in "{([") - (token.text in "})]")
            operators += token.text in _SIGNS
        elif token.kind == "word":
            operators += token.text.upper() in _DEEPENING
        if depth > MAX_DEPTH or operators > MAX_OPERATORS:
            raise errors.QueryTooLarge("The query is nested too deeply.", "Write it with fewer levels.")
        if len(tokens) > MAX_TOKENS:
            raise errors.QueryTooLarge(f"The query has more than {MAX_TOKENS} words and signs.")
    return tokens


def _refuse(text: str, tokens: list[Token], profile: EngineProfile) -> Outline:
    outline = read_outline(text)
    if outline.form == "UPDATE":
        raise errors.QueryRefused(UPDATE_REFUSED)
    if outline.services:
        raise errors.QueryRefused(SERVICE_REFUSED)
    for token in tokens:
        name = token.text.strip("<>").lower()
        if token.kind in ("iri", "pname") and name.startswith(profile.refused_names):
            raise errors.QueryRefused(f"{token.text} is not accepted: it reaches out of the data.")
    return outline


def _check_graphs(dataset: Dataset) -> None:
    for iri in (*dataset.default_graphs, *dataset.named_graphs):
        if not _IRI.fullmatch(iri):
            raise errors.QuerySyntaxError(f"The name of a graph is not an absolute IRI: {iri}.")


def _find_relative(tokens: list[Token]) -> str:
    """Return the first relative IRI of a text that has no BASE, or nothing."""
    if any(token.kind == "word" and token.text.upper() == "BASE" for token in tokens):
        return ""
    relative = (token.text for token in tokens if token.kind == "iri" and not _SCHEME.match(token.text[1:]))
    return next(relative, "")


def _find_tail(tokens: list[Token]) -> Iterator[Token]:
    """Yield what stands outside of all brackets."""
    depth = 0
    for token in tokens:
        if token.kind == "other" and token.text in "})]":
            depth -= 1
        elif token.kind == "other" and token.text in "{([":
            depth += 1
        elif depth <= 0:
            yield token


def _find_limit(tail: list[Token]) -> int | None:
    for place, token in enumerate(tail):
        if token.kind == "word" and token.text.upper() == "LIMIT":
            digits = ""
            for after in tail[place + 1 :]:
                if not after.text.isdigit():
                    break
                digits += after.text
            return int(digits[:18]) if digits else None
    return None


def _is_open(tail: list[Token]) -> bool:
    words = {token.text.upper() for token in tail if token.kind == "word"}
    return not words & {"LIMIT", "OFFSET", "VALUES"}


def _decode(text: str) -> str:
    return _ESCAPE.sub(lambda match: _to_character(match[1] or match[2]), text)


def _to_character(digits: str) -> str:
    codepoint = int(digits, 16)
    is_character = codepoint <= 0x10FFFF and not 0xD800 <= codepoint <= 0xDFFF
    return chr(codepoint) if is_character else "\ufffd"

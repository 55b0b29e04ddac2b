"""The words of a SPARQL text: what must be known of a query before an engine runs it.

Follows the terminals of the grammar (SPARQL 1.1 Query, section 19.8), so that a word inside a string, a
comment, an IRI, a variable or a prefixed name is no keyword. It is stricter than the grammar where the
engine is laxer: Oxigraph reads keywords that are glued to what follows (``SERVICEex:a``, ``trueSERVICE``)
and decides by context whether ``<`` is an operator or opens an IRI.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

_ESCAPE = r"\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}"
_NAME = r"[A-Za-z0-9_\-]|[^\x00-\x7f]"
_LOCAL = r"[A-Za-z0-9_\-:]|[^\x00-\x7f]|%[0-9A-Fa-f]{2}|\\[_~.\-!$&'()*+,;=/?#@%]"
_LOCAL_FIRST = _LOCAL.replace(r"_\-:", "_:")

# A prefix is at most 64 characters here, so that a text like a.a.a.a… costs no quadratic time; a longer
# one falls apart into words, which can only make the reading stricter.
_TOKEN = re.compile(
    rf"""
      (?P<space>   [\x20\t\r\n]+ | \#[^\r\n]* )
    | (?P<iri>     < (?: [^<>"{{}}|^`\\\x00-\x20] | {_ESCAPE} )*+ > )
    | (?P<string>  \"\"\" (?: \"{{0,2}} (?: [^"\\] | \\. ) )*+ \"\"\"
                 | ''' (?: '{{0,2}} (?: [^'\\] | \\. ) )*+ '''
                 | " (?: [^"\\\r\n] | \\. )*+ " | ' (?: [^'\\\r\n] | \\. )*+ ' )
    | (?P<var>     [?$] (?: [A-Za-z0-9_] | [^\x00-\x7f] )++ )
    | (?P<blank>   _: (?: {_NAME} | \.+(?={_NAME}) )++ )
    | (?P<pname>   (?P<prefix> (?: [A-Za-z] | [^\x00-\x7f] ) (?: {_NAME} | \. ){{0,64}} )?
                   : (?P<local> (?: {_LOCAL_FIRST} ) (?: {_LOCAL} | \.++(?={_LOCAL}) )*+ )? )
    | (?P<lang>    @ [A-Za-z]+ (?: - [A-Za-z0-9]+ )* (?: -- [A-Za-z]+ )? )
    | (?P<word>    (?: [A-Za-z] | {_ESCAPE} ) (?: [A-Za-z0-9_] | {_ESCAPE} )*+ )
    | (?P<other>   . )
    """,
    re.VERBOSE | re.DOTALL,
)

_FORMS = ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")
_UPDATES = ("INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD", "WITH")

_CHANGING_CALLS = ("NOW", "RAND", "UUID", "BNODE")
"""Ends of the functions whose value differs from call to call (SPARQL 1.1 Query, section 17.4); a keyword
may be glued before them, and STRUUID ends like UUID."""

# Whole declarations of a prologue, ASCII and without escapes: their ends are ends of terminals.
_PROLOGUE = re.compile(
    r"""(?: [\x20\t\r\n]+
          | PREFIX [\x20\t\r\n]+ [A-Z][A-Z0-9]{0,31}: [\x20\t\r\n]* <[^<>"{}|^`\\\x00-\x20]*> )*+""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)

# ?a<?b)SERVICE#>: an engine that knows it is inside an expression reads an operator, a closing bracket,
# the keyword and a comment where the terminals alone give one IRI. A real IRI after an operand that holds
# a closing bracket, the word and then a number sign is rare enough to refuse.
_IRI_OR_OPERATOR = re.compile(r"\).*service.*#", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """A terminal: ``kind`` is the name of its group in the pattern, ``text`` is as written.

    ``start`` is its offset in the query, in code points.
    """

    kind: str
    text: str
    prefix: str = ""
    local: str = ""
    start: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Outline:
    """What the words of a text say.

    ``form`` is SELECT, ASK, CONSTRUCT, DESCRIBE, UPDATE or empty. ``services`` are what SERVICE clauses
    name: an absolute IRI, or nothing where it is a variable or cannot be told with certainty.
    """

    form: str
    has_from: bool
    services: tuple[str, ...]


def read_tokens(text: str, start: int = 0) -> Iterator[Token]:
    """Yield the terminals of a text, from a place between two of them, without space and comments.

    Never fails.

    >>> [t.text for t in read_tokens("ASK { <a> ?service 'SERVICE' } # SERVICE")]
    ['ASK', '{', '<a>', '?service', "'SERVICE'", '}']
    """
    for match in _TOKEN.finditer(text, start):
        kind = match.lastgroup or "other"
        if match["pname"] is not None:
            yield Token("pname", match[0], match["prefix"] or "", match["local"] or "", match.start())
        elif kind != "space":
            yield Token(kind, match[0], start=match.start())


def read_outline(text: str) -> Outline:
    """Read form, dataset clauses and SERVICE from the words of a query or update.

    >>> read_outline("PREFIX service: <x> SELECT * FROM <g> { service:a ?p 'SERVICE' }")
    Outline(form='SELECT', has_from=True, services=())
    >>> read_outline("SELECT * { SERVICE SILENT <http://h/sparql> { ?s ?p ?o } }").services
    ('http://h/sparql',)
    """
    loud = text.upper()
    if "SERVICE" not in loud and "FROM" not in loud and "\\" not in text:
        # Most queries: only the form is left to find, and reading each of their words would cost ten times
        # what the engine needs to answer a small one.
        return Outline(_find_form(read_tokens(text, _skip_prologue(text))), has_from=False, services=())
    return _read_all(text)


def _read_all(text: str) -> Outline:
    tokens = list(read_tokens(text))
    declared = set(_declared_prefixes(tokens))
    return Outline(
        form=_find_form(tokens),
        has_from=any(_is_keyword(token, "FROM", declared) for token in tokens),
        services=tuple(_find_services(tokens, declared)),
    )


def may_change(text: str) -> bool:
    """Tell whether a query may answer otherwise over the same data: it calls the clock, chance or BNODE.

    >>> may_change("SELECT (NOW () AS ?t) {}"), may_change("SELECT * { ?now ?p 'RAND()' } # UUID()")
    (True, False)
    """
    loud = text.upper()
    if "\\" not in text and not any(call in loud for call in _CHANGING_CALLS):
        return False  # most queries: no need to look at each of their words
    return _calls_what_changes(text)


def _calls_what_changes(text: str) -> bool:
    return any(
        token.kind == "word" and after.text == "(" and _decode(token.text).upper().endswith(_CHANGING_CALLS)
        for token, after in pairwise(read_tokens(text))
    )


def _find_services(tokens: list[Token], declared: set[str]) -> Iterator[str]:
    """Yield what each SERVICE names (SPARQL 1.1 Federated Query, section 2)."""
    for index, token in enumerate(tokens):
        before = tokens[index - 1] if index else None
        if _is_keyword(token, "SERVICE", declared):
            yield _read_target(tokens, index)
        elif _may_hide_service(before, token):
            yield ""


def _read_target(tokens: list[Token], index: int) -> str:
    """Return the IRI behind a SERVICE that stands alone, as a plain absolute IRI; else nothing."""
    if tokens[index].text.upper() != "SERVICE":
        return ""
    behind = tokens[index + 1 : index + 3]
    if behind and behind[0].kind == "word" and behind[0].text.upper() == "SILENT":
        behind = behind[1:]
    if not behind or behind[0].kind != "iri" or "\\" in behind[0].text:
        return ""
    iri = behind[0].text[1:-1]
    return iri if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", iri) else ""


def _skip_prologue(text: str) -> int:
    match = _PROLOGUE.match(text)
    return match.end() if match else 0


def _find_form(tokens: Iterable[Token]) -> str:
    for token in tokens:
        if token.kind != "word":
            continue
        word = _decode(token.text).upper()
        if word.startswith(_UPDATES):
            return "UPDATE"
        for form in _FORMS:
            if word.startswith(form):
                return form
        if not word.startswith(("PREFIX", "BASE", "VERSION")):
            return ""
    return ""


def _is_keyword(token: Token, keyword: str, declared: set[str]) -> bool:
    """Tell whether a token is the keyword, or holds it glued to a word or to a declared prefix."""
    if token.kind == "word":
        return keyword in _decode(token.text).upper()
    if token.kind != "pname":
        return False
    head, found, _ = token.prefix.upper().rpartition(keyword)
    tail = token.prefix[len(head) + len(keyword) :]
    return bool(found) and any(rest in declared for rest in (tail, *_without(tail, "SILENT", "NAMED")))


def _without(text: str, *keywords: str) -> list[str]:
    return [text[len(keyword) :] for keyword in keywords if text.upper().startswith(keyword)]


def _may_hide_service(before: Token | None, token: Token) -> bool:
    if token.kind != "iri" or before is None:
        return False
    operand = before.kind in ("var", "string", "iri", "pname", "lang", "word") or before.text in ")0123456789"
    return operand and _IRI_OR_OPERATOR.search(token.text) is not None


def _declared_prefixes(tokens: list[Token]) -> Iterator[str]:
    for token, after in pairwise(tokens):
        if token.kind == "pname" and not token.local and after.kind == "iri":
            yield token.prefix
            if token.prefix.upper().startswith("PREFIX"):
                yield token.prefix[len("PREFIX") :]


def _decode(word: str) -> str:
    """Resolve codepoint escapes (SPARQL 1.1 Query, section 19.2)."""
    if "\\" not in word:
        return word
    return re.sub(_ESCAPE, lambda match: _to_character(match[0]), word)


def _to_character(escape: str) -> str:
    codepoint = int(escape[2:], 16)
    return chr(codepoint) if codepoint <= 0x10FFFF else "\ufffd"

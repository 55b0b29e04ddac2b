"""Reads SELECT and ASK queries of a plain form: triple patterns and filters, and then, perhaps, other parts.

This is the grammar of SPARQL 1.1 Query (section 19.8) cut down to what ``kg.store.planning.rewriting`` can
rewrite; its productions are named. What is in no production here is not guessed at: ``NotPlain``, and the
engine gets the query as it is. rdflib's parser would read all of SPARQL, but takes milliseconds where the
engine answers in less, and exponential time on nested brackets; this one goes over the terminals once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from kg.store.tokens import Token, read_tokens

TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"

_DECLARATION = re.compile(
    r"(?:\s|\#[^\r\n]*[\r\n])*+ PREFIX\s+ (?P<prefix>[A-Z][A-Z0-9-]*)?:"
    r"\s* <(?P<iri>[A-Z][A-Z0-9+.-]*:[^<>\"{}|^`\\\s]*)>",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_CLOSING = {"(": ")", "{": "}", "[": "]"}
_OPERANDS = {"var", "string", "iri", "pname", "lang", "word"}
_HEAD = {"SELECT", "ASK", "DISTINCT", "REDUCED", "WHERE", "*"}
_LATER = {"OPTIONAL", "MINUS", "BIND", "VALUES", "GRAPH"}
"""Words that begin a GraphPatternNotTriples, beside FILTER; a brace does too."""


class NotPlain(Exception):
    """The query is of no form that is read here."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A triple pattern (TriplesSameSubjectPath without a path), each term as written."""

    subject: str
    predicate: str
    object: str

    @property
    def variables(self) -> frozenset[str]:
        """Names of its variables, without their mark."""
        terms = (self.subject, self.predicate, self.object)
        return frozenset(term[1:] for term in terms if is_variable(term))

    @property
    def about(self) -> str:
        """Name of the variable that is its subject; empty where that is a thing."""
        return self.subject[1:] if is_variable(self.subject) else ""

    def __str__(self) -> str:
        return f"{self.subject} {self.predicate} {self.object}"


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression: as written, and its terminals."""

    text: str
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """A FILTER as written, with the conditions that must all hold.

    ``exists`` has the patterns of EXISTS, or NOT EXISTS if ``negated``, where there is nothing else in it.
    """

    text: str
    conditions: tuple[Condition, ...] = ()
    negated: bool = False
    exists: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A GroupGraphPattern: its first triples, the filters among these, and the text of all that follows."""

    patterns: tuple[Pattern, ...]
    filters: tuple[Filter, ...]
    rest: str = ""

    @property
    def variables(self) -> frozenset[str]:
        """What its patterns bind in every solution of the group."""
        return frozenset().union(*(pattern.variables for pattern in self.patterns))


@dataclass(frozen=True, slots=True)
class PlainQuery:
    """A query: the text of its prologue, and of what follows, ``body``, the terminals and the group.

    The group has the characters ``span`` of the body; ``head`` stands before it and ``tail`` behind it.
    """

    prefixes: dict[str, str]
    prologue: str
    body: str
    head: tuple[Token, ...]
    group: Group
    span: tuple[int, int]
    tail: tuple[Token, ...]

    def resolve(self, term: str) -> str | None:
        """Return the IRI of a term as written; None where it has none, or has escapes.

        >>> read_query("PREFIX ex: <urn:x:> ASK { ?s ex:p <urn:o> }").resolve("ex:p")
        'urn:x:p'
        """
        if term == "a":
            return TYPE
        if term.startswith("<"):
            return term[1:-1] if re.match(r"<[A-Za-z][A-Za-z0-9+.-]*:", term) else None
        prefix, colon, local = term.partition(":")
        known = self.prefixes.get(prefix) if colon else None
        return None if known is None or "\\" in local else known + local


def is_variable(term: str) -> bool:
    """Tell whether a term as written is a variable."""
    return term[0] in "?$"


def read_query(text: str) -> PlainQuery:
    """Read a query.

    Raises
    ------
    NotPlain: it is of another form.

    >>> read_query("SELECT ?s { ?s a ?c ; <urn:p> 'x' OPTIONAL { ?s <urn:q> ?o } }").group
    Group(patterns=(Pattern(subject='?s', predicate='a', object='?c'),
        Pattern(subject='?s', predicate='<urn:p>', object="'x'")),
        filters=(), rest='OPTIONAL { ?s <urn:q> ?o }')
    """
    if re.search(r"\\u|service", text, re.IGNORECASE):
        raise NotPlain  # an escape may be anything; whom SERVICE may name is read in the text as it came
    prefixes, start = _read_prologue(text)
    return _Reader(text[start:]).read_query(prefixes, text[:start])


def _read_prologue(text: str) -> tuple[dict[str, str], int]:
    """Return the declarations and where they end; a prefix that is declared twice would be ambiguous."""
    prefixes: dict[str, str] = {}
    end = 0
    while match := _DECLARATION.match(text, end):
        prefix = match["prefix"] or ""
        if prefix in prefixes:
            raise NotPlain
        prefixes[prefix], end = match["iri"], match.end()
    return prefixes, end


class _Reader:
    """Goes over the terminals of a query without its prologue, from ``at``."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(read_tokens(text))
        self._at = 0

    def read_query(self, prefixes: dict[str, str], prologue: str) -> PlainQuery:
        """Read ``SelectQuery | AskQuery`` without dataset clauses, and the end of the text."""
        if self._word() not in ("SELECT", "ASK"):
            raise NotPlain
        head = self._read_head()
        opening = self._peek().start
        group = self._read_group()
        closing = self._tokens[self._at - 1].start + 1
        tail = tuple(self._tokens[self._at :])
        _check_expressions(tail)
        if any(token.text == "{" for token in tail):
            raise NotPlain  # VALUES behind the query, or EXISTS in HAVING
        return PlainQuery(prefixes, prologue, self._text, head, group, (opening, closing), tail)

    def _read_head(self) -> tuple[Token, ...]:
        """Read ``SelectClause``, or ASK, up to the group; a dataset clause is none of either."""
        while self._peek().text != "{":
            if self._peek().text == "(":
                self._skip_balanced()
            elif self._step().text.upper() not in _HEAD and self._tokens[self._at - 1].kind != "var":
                raise NotPlain
        head = tuple(self._tokens[: self._at])
        _check_expressions(head)
        return head

    # --- terminals

    def _peek(self) -> Token:
        if self._at == len(self._tokens):
            raise NotPlain
        return self._tokens[self._at]

    def _step(self) -> Token:
        token = self._peek()
        self._at += 1
        return token

    def _word(self) -> str:
        token = self._peek()
        return token.text.upper() if token.kind == "word" else ""

    def _slice(self, start: int, end: int) -> str:
        """Return the text from one terminal to before another, with what stands between them."""
        if start == end:
            return ""
        last = self._tokens[end - 1]
        return self._text[self._tokens[start].start : last.start + len(last.text)]

    def _skip_balanced(self) -> int:
        """Go behind the bracket that closes the one here; returns where that one is."""
        opened = []
        while True:
            text = self._step().text
            if text in _CLOSING:
                opened.append(_CLOSING[text])
            elif text in (")", "}", "]"):
                if not opened or opened.pop() != text:
                    raise NotPlain
                if not opened:
                    return self._at - 1

    # --- productions

    def _read_group(self) -> Group:
        """Read ``GroupGraphPattern``, of which ``TriplesBlock`` and ``Filter`` come first."""
        opening = self._at
        if self._step().text != "{":
            raise NotPlain
        patterns: list[Pattern] = []
        filters: list[Filter] = []
        while self._peek().text != "}":
            if self._word() == "FILTER":
                filters.append(self._read_filter())
            elif self._word() in _LATER or self._peek().text == "{":
                rest = self._at
                self._at = opening
                closing = self._skip_balanced()
                return Group(tuple(patterns), tuple(filters), self._slice(rest, closing))
            else:
                patterns += self._read_triples()
            if self._peek().text == ".":
                self._step()
        self._step()
        return Group(tuple(patterns), tuple(filters))

    def _read_triples(self) -> list[Pattern]:
        """Read ``TriplesSameSubjectPath`` with a plain term as subject and plain verbs."""
        subject = self._read_term(("var", "iri", "pname"))
        patterns: list[Pattern] = []
        while True:
            predicate = "a" if self._peek().text == "a" else ""
            if predicate:
                self._step()
            else:
                predicate = self._read_term(("var", "iri", "pname"))
            patterns.append(Pattern(subject, predicate, self._read_object()))
            while self._peek().text == ",":
                self._step()
                patterns.append(Pattern(subject, predicate, self._read_object()))
            if self._peek().text != ";":
                break
            while self._peek().text == ";":
                self._step()
            if self._peek().text in (".", "}") or self._word() == "FILTER":
                break
        if self._peek().text not in (".", "}", "{") and not self._word():
            raise NotPlain
        return patterns

    def _read_term(self, kinds: tuple[str, ...]) -> str:
        token = self._step()
        if token.kind not in kinds:
            raise NotPlain
        # ?x after a verb without space may be the mark of a path and a word.
        if token.kind == "var" and self._at > 1:
            before = self._tokens[self._at - 2]
            if before.kind != "other" and before.start + len(before.text) == token.start:
                raise NotPlain
        return token.text

    def _read_object(self) -> str:
        """Read a variable, an IRI, or ``RDFLiteral``."""
        start = self._at
        if self._read_term(("var", "iri", "pname", "string"))[0] not in "'\"":
            return self._tokens[start].text
        if self._peek().kind == "lang":
            self._step()
        elif self._peek().text == "^":
            self._step()
            if self._step().text != "^":
                raise NotPlain
            self._read_term(("iri", "pname"))
        return self._slice(start, self._at)

    def _read_filter(self) -> Filter:
        """Read ``Filter``: a condition in brackets, a call, or EXISTS."""
        start = self._at
        self._step()
        negated = self._word() == "NOT"
        if negated:
            self._step()
        if self._word() == "EXISTS":
            self._step()
            return self._read_exists(start, negated)
        condition = self._at
        if self._peek().text != "(":
            if negated or self._peek().kind not in ("word", "iri", "pname"):
                raise NotPlain
            self._step()
        if self._peek().text != "(":
            raise NotPlain
        self._skip_balanced()
        return Filter(self._slice(start, self._at), self._split(condition, self._at))

    def _split(self, start: int, end: int) -> tuple[Condition, ...]:
        """Return what ``&&`` joins in a ``BrackettedExpression``, or the call as one condition."""
        _check_expressions(tuple(self._tokens[start:end]))
        if self._tokens[start].text != "(":
            return (self._to_condition(start, end),)
        places, depth = [start], 0
        for index in range(start, end - 1):
            text, after = self._tokens[index].text, self._tokens[index + 1].text
            depth += (text in _CLOSING) - (text in _CLOSING.values())
            if depth == 1 and text == after == "|":
                return (self._to_condition(start + 1, end - 1),)  # it binds less than &&
            if depth == 1 and text == after == "&":
                places.append(index + 1)
        ends = [place - 1 for place in places[1:]] + [end - 1]
        return tuple(self._to_condition(a + 1, b) for a, b in zip(places, ends, strict=True))

    def _to_condition(self, start: int, end: int) -> Condition:
        return Condition(self._slice(start, end), tuple(self._tokens[start:end]))

    def _read_exists(self, start: int, negated: bool) -> Filter:
        """Read ``ExistsFunc``: triples alone, or a group of any other kind as it is."""
        opening = self._at
        try:
            patterns = self._read_triples_alone()
        except NotPlain:
            patterns, self._at = (), opening
            self._skip_balanced()
        return Filter(self._slice(start, self._at), (), negated, patterns)

    def _read_triples_alone(self) -> tuple[Pattern, ...]:
        if self._step().text != "{":
            raise NotPlain
        patterns: list[Pattern] = []
        while self._peek().text != "}":
            patterns += self._read_triples()
            if self._peek().text == ".":
                self._step()
        self._step()
        return tuple(patterns)


def _check_expressions(tokens: tuple[Token, ...]) -> None:
    """Refuse what the engine may read otherwise: an operator and a name where the terminals give one IRI."""
    depth = 0
    for before, token in pairwise(tokens):
        depth += (before.text == "(") - (before.text == ")")
        if depth and token.kind == "iri" and (before.kind in _OPERANDS or before.text in ")0123456789"):
            raise NotPlain

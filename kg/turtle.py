"""Writes lines as Turtle, with the terms that pyoxigraph would write without making any.

Most terms can be told from their text: an IRI outside all prefixes stays as it is, one whose rest is a plain
word gets its prefix, and so on. Whatever cannot be told so is asked of pyoxigraph, and what it said is kept.

Source: RDF 1.1 Turtle, sections 2.4 to 2.6 and 6.4 (escapes).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain

from pyoxigraph import RdfFormat, serialize

from kg.lines import Line, to_triples
from kg.vocab import TYPE, XSD

TERMS_KEPT = 1_024
"""Terms whose form was asked for and is remembered, for one set of prefixes."""

_Form = tuple[str, str]
"""How a term is written, and the name of the prefix in it; empty where there is none."""

_TYPE = str(TYPE)
_INTEGER = re.compile(r'"(\d+)"\^\^' + re.escape(str(XSD("integer"))))
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_PREFIX = re.compile(r'(?:".*"\^\^)?([a-z][a-z0-9]*):', re.DOTALL)


def write_turtle(lines: Sequence[Line], prefixes: Mapping[str, str]) -> bytes:
    """Return lines as Turtle, with the prefixes in use, in the order given.

    Parameters
    ----------
    lines: those of a subject in a row, and those of a property within it.
    prefixes: name → namespace.

    >>> line = ("<http://h/id/a>", "<http://h/p>", '"b"@en')
    >>> print(write_turtle([line], {"id": "http://h/id/"}).decode())
    @prefix id: <http://h/id/> .
    <BLANKLINE>
    id:a <http://h/p> "b"@en .
    <BLANKLINE>
    """
    forms, used = _open_terms(tuple(prefixes.items())).write_all(lines)
    parts = [f"@prefix {name}: <{iri}> .\n" for name, iri in sorted(prefixes.items()) if name in used]
    subject = predicate = end = ""
    for s, p, o in lines:
        if s == subject and p == predicate:
            parts.append(f" , {forms[o]}")
            continue
        relation = "a" if p == _TYPE else forms[p]
        if s == subject:
            parts.append(f" ;\n    {relation} {forms[o]}")
        else:
            parts.append(f"{end}\n{forms[s]} {relation} {forms[o]}")
            end = " .\n"
        subject, predicate = s, p
    return ("".join(parts).lstrip("\n") + " .\n").encode()


class _Terms:
    """Writes terms with some prefixes."""

    def __init__(self, prefixes: tuple[tuple[str, str], ...]) -> None:
        self._prefixes = dict(prefixes)
        self._ask = lru_cache(TERMS_KEPT)(self._ask_once)
        self._find_name = lru_cache(TERMS_KEPT)(self._find_name_once)

    def write_all(self, lines: Iterable[Line]) -> tuple[dict[str, str], set[str]]:
        """Return the forms of all terms by their text, and the names of the prefixes in use."""
        forms, used = dict[str, str](), set[str]()
        # `a` needs no prefix, wherever else the same term may stand.
        texts = chain.from_iterable((s, o) if p == _TYPE else (s, p, o) for s, p, o in lines)
        for text in set(texts):
            forms[text], prefix = self.write(text)
            used.add(prefix)
        return forms, used

    def write(self, text: str) -> _Form:
        """Return the form of a term."""
        if text.startswith("<"):
            cut = max(text.rfind("/"), text.rfind("#")) + 1
            name = self._find_name(text[1:cut])
            if name is None or (name and not _WORD.fullmatch(text, cut, len(text) - 1)):
                return self._ask(text)
            return (f"{name}:{text[cut:-1]}", name) if name else (text, "")
        if text.endswith('"') or text[text.rindex('"') + 1] == "@":
            return text, ""
        number = _INTEGER.fullmatch(text)
        return (number[1], "") if number else self._ask(text)

    def _find_name_once(self, start: str) -> str | None:
        """Return the prefix of IRIs with a start; nothing where none fits, None where it is not plain."""
        names = [name for name, iri in self._prefixes.items() if start.startswith(iri)]
        if not names:
            return ""
        return names[0] if [self._prefixes[name] for name in names] == [start] else None

    def _ask_once(self, text: str) -> _Form:
        line = ("<urn:s>", "<urn:p>", text)
        written = serialize(to_triples([line]), format=RdfFormat.TURTLE, prefixes=self._prefixes)
        assert written is not None
        form = written.decode().rpartition("<urn:s> <urn:p> ")[2].removesuffix(" .\n")
        prefix = _PREFIX.match(form)
        return form, prefix[1] if prefix else ""


@lru_cache(maxsize=8)
def _open_terms(prefixes: tuple[tuple[str, str], ...]) -> _Terms:
    return _Terms(prefixes)

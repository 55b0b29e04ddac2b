"""Writes small graphs for readers, in every RDF format: prefixes in use, a stable order, a JSON-LD context.

Sources: RDF 1.1 Turtle, TriG and RDF/XML; JSON-LD 1.1 API, section 8.4 (RDF to object conversion). Dumps,
which are too large for this, are written by ``kg.release.dumps``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from pyoxigraph import Literal, Quad, Triple, serialize

from kg.context import Context, compact
from kg.formats import JSON_LD, RDF_XML, TRIG, TURTLE, Format, to_rdf_format
from kg.vocab import TYPE, XSD, named

Statements = Sequence[Triple] | Sequence[Quad]

_OUTSIDE_PREFIXES = re.compile(r'"(?:[^"\\\n]|\\.)*"|<[^>\n]*>')
_PREFIX = re.compile(r"(?<![\w.@-])([a-z][a-z0-9]*):")


def serialize_statements(
    statements: Statements, fmt: Format, prefixes: dict[str, str], context: Context
) -> bytes:
    """Return statements in a format; they stay in the order given, so the same ones give the same bytes.

    Parameters
    ----------
    statements: triples, or, for TriG and N-Quads, quads in order of their graphs. No blank nodes.
    prefixes: name → namespace; those that nothing uses are left out.
    context: for JSON-LD; it is embedded, so that nobody has to fetch it.

    >>> from pyoxigraph import NamedNode
    >>> from kg.vocab import Names
    >>> triple = Triple(NamedNode("http://h/id/a"), TYPE, NamedNode("http://h/ontology#Claim"))
    >>> print(serialize_statements([triple], TURTLE, Names("http://h/").prefixes, {}).decode())
    @prefix id: <http://h/id/> .
    @prefix kg: <http://h/ontology#> .
    <BLANKLINE>
    id:a a kg:Claim .
    <BLANKLINE>
    """
    if fmt == JSON_LD:
        return _write_json_ld(statements, context)
    fitting = prefixes if fmt in (TURTLE, TRIG, RDF_XML) else None
    body = serialize(statements, format=to_rdf_format(fmt), prefixes=fitting)
    assert body is not None
    return _lay_out(body.decode(), prefixes) if fmt in (TURTLE, TRIG) else body


def _lay_out(text: str, prefixes: dict[str, str]) -> bytes:
    """Keep the prefixes in use, in order, and set a blank line before each subject and each graph.

    A line that is not indented begins one: the serialiser writes a literal on one line.
    """
    lines = [line for line in text.split("\n") if not line.startswith("@prefix ")]
    nested = text.endswith("}\n")  # in TriG a subject is indented once, and what is said about it twice
    used = {name for line in lines for name in _PREFIX.findall(_OUTSIDE_PREFIXES.sub("", line))}
    out = [f"@prefix {name}: <{iri}> ." for name, iri in sorted(prefixes.items()) if name in used]
    for line in lines:
        depth = len(line) - len(line.lstrip("\t"))
        begins = depth == 0 and line not in ("", "}")
        if begins or (nested and depth == 1 and out[-1].endswith(" .")):
            out.append("")
        out.append("    " * depth + line[depth:])
    return ("\n".join(out).strip("\n") + "\n").encode()


# --- JSON-LD ------------------------------------------------------------------------------------------


def _write_json_ld(statements: Statements, context: Context) -> bytes:
    # The context on one line, so that a reader sees the data first.
    head = json.dumps(context, ensure_ascii=False, separators=(",", ":"))
    graph = json.dumps(compact(expand(statements), context), ensure_ascii=False, indent=1)
    return f'{{\n"@context": {head},\n"@graph": {graph}\n}}\n'.encode()


def expand(statements: Statements) -> list[dict[str, Any]]:
    """Return statements as expanded JSON-LD, one node object for each subject.

    >>> from pyoxigraph import NamedNode
    >>> expand([Triple(NamedNode("http://h/a"), NamedNode("http://h/p"), Literal(3))])
    [{'@id': 'http://h/a', 'http://h/p': [{'@value': 3}]}]
    """
    nodes: dict[str, dict[str, Any]] = {}
    for statement in statements:
        subject = named(statement.subject).value
        node = nodes.setdefault(subject, {"@id": subject})
        if statement.predicate == TYPE:
            node.setdefault("@type", []).append(named(statement.object).value)
        else:
            node.setdefault(statement.predicate.value, []).append(_expand_value(statement.object))
    return list(nodes.values())


def _expand_value(value: object) -> dict[str, Any]:
    if not isinstance(value, Literal):
        return {"@id": named(value).value}
    if value.language:
        return {"@value": value.value, "@language": value.language}
    if value.datatype == XSD("string"):
        return {"@value": value.value}
    native = _to_native(value)
    return {"@value": value.value, "@type": value.datatype.value} if native is None else {"@value": native}


def _to_native(literal: Literal) -> int | bool | None:
    """Return a number or truth value that JSON writes as RDF does; None for any other literal."""
    if literal.datatype == XSD("boolean") and literal.value in ("true", "false"):
        return literal.value == "true"
    if literal.datatype == XSD("integer") and re.fullmatch(r"0|-?[1-9]\d{0,14}", literal.value):
        return int(literal.value)
    return None

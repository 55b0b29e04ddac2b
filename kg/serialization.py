"""Writes small graphs for readers, in every RDF format: prefixes in use, a stable order, a JSON-LD context.

Sources: RDF 1.1 Turtle, TriG and RDF/XML; JSON-LD 1.1 API, section 8.4 (RDF to object conversion). Dumps,
which are too large for this, are written by ``kg.release.dumps.writer``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring
from typing import Any

from pyoxigraph import Quad, Triple, serialize

from kg.context import Context, compact
from kg.formats import JSON_LD, N_TRIPLES, RDF_XML, TRIG, TURTLE, Format, to_rdf_format
from kg.lines import Line, join_lines, read_value, to_line, to_triples
from kg.turtle import write_turtle
from kg.vocab import TYPE, XSD

Statements = Sequence[Triple] | Sequence[Quad]

_OUTSIDE_PREFIXES = re.compile(r'"(?:[^"\\\n]|\\.)*"|<[^>\n]*>')
_PREFIX = re.compile(r"(?<![\w.@-])([a-z][a-z0-9]*):")
_TYPE = str(TYPE)
_BOOLEAN, _INTEGER = (f"^^{XSD(name)}" for name in ("boolean", "integer"))
_NATIVE = re.compile(r"0|-?[1-9][0-9]{0,14}")


def serialize_lines(lines: Sequence[Line], fmt: Format, prefixes: dict[str, str], context: Context) -> bytes:
    """Return lines in a format of triples, as ``serialize_statements`` does, in a fraction of the time.

    Parameters
    ----------
    lines: those of a subject in a row, and those of a property within it.
    """
    if fmt == N_TRIPLES:
        return join_lines(lines)
    if fmt == TURTLE:
        return write_turtle(lines, prefixes)
    if fmt == JSON_LD:
        return _write_json_ld(lines, context)
    return serialize_statements(to_triples(lines), fmt, prefixes, context)


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
        return _write_json_ld([to_line(statement) for statement in statements], context)
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


def _write_json_ld(lines: Iterable[Line], context: Context) -> bytes:
    # The context on one line, so that a reader sees the data first.
    head = json.dumps(context, ensure_ascii=False, separators=(",", ":"))
    graph = dump_json(compact(expand(lines), context))
    return f'{{\n"@context": {head},\n"@graph": {graph}\n}}\n'.encode()


_dump_scalar = json.JSONEncoder(ensure_ascii=False).encode


def dump_json(value: Any, indent: str = "\n") -> str:
    """Return JSON as ``json.dumps`` writes it with ``indent=1``, which Python does in three times the time.

    >>> dump_json({"a": ["b", 3], "c": {}}) == json.dumps({"a": ["b", 3], "c": {}}, indent=1)
    True
    """
    if isinstance(value, str):
        return encode_basestring(value)
    deeper = f"{indent} "
    if isinstance(value, dict) and value:
        members = [f"{encode_basestring(key)}: {dump_json(part, deeper)}" for key, part in value.items()]
        return f"{{{deeper}{f',{deeper}'.join(members)}{indent}}}"
    if isinstance(value, list) and value:
        return f"[{deeper}{f',{deeper}'.join([dump_json(part, deeper) for part in value])}{indent}]"
    return _dump_scalar(value)


def expand(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Return lines as expanded JSON-LD, one node object for each subject.

    >>> expand([("<http://h/a>", "<http://h/p>", '"3"^^<http://www.w3.org/2001/XMLSchema#integer>')])
    [{'@id': 'http://h/a', 'http://h/p': [{'@value': 3}]}]
    """
    nodes: dict[str, dict[str, Any]] = {}
    for subject, predicate, value in lines:
        node = nodes.get(subject)
        if node is None:
            node = nodes[subject] = {"@id": subject[1:-1]}
        if predicate == _TYPE:
            node.setdefault("@type", []).append(value[1:-1])
        else:
            node.setdefault(predicate[1:-1], []).append(_expand_value(value))
    return list(nodes.values())


def _expand_value(text: str) -> dict[str, Any]:
    if text.startswith("<"):
        return {"@id": text[1:-1]}
    value, kind = read_value(text), text[text.rindex('"') + 1 :]
    if kind.startswith("@"):
        return {"@value": value, "@language": kind[1:]}
    if not kind:
        return {"@value": value}
    native = _to_native(value, kind)
    return {"@value": value, "@type": kind[3:-1]} if native is None else {"@value": native}


def _to_native(value: str, kind: str) -> int | bool | None:
    """Return a number or truth value that JSON writes as RDF does; None for any other literal."""
    if kind == _BOOLEAN and value in ("true", "false"):
        return value == "true"
    if kind == _INTEGER and _NATIVE.fullmatch(value):
        return int(value)
    return None

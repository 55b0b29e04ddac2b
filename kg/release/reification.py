"""RDF 1.2 in place of RDF 1.1: an axiom becomes a reifier of its relation, and keeps what is said about it.

Source: RDF 1.2 Concepts, section 1.5 (reifying triples).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from pyoxigraph import Quad, Triple

from kg.vocab import AXIOM, OWL, REIFIES, TYPE

BLOCK = re.compile(rb"(<[^>]*>) [^\n]*\n(?:\1 [^\n]*\n)*")
"""All lines about a subject, in a row; a loop over lines takes twice as long."""

_PARTS = ("annotatedSource", "annotatedProperty", "annotatedTarget")
_ANNOTATED = tuple(str(OWL(part)).encode() for part in _PARTS)
_AXIOM, _REIFIES = str(AXIOM).encode(), str(REIFIES).encode()
_IS_AXIOM = f"> {TYPE} {AXIOM} ".encode()


def reify(content: bytes, order: Callable[[bytes], bytes] | None = None) -> bytes:
    """Return RDF 1.2.

    Parameters
    ----------
    content: N-Quads or N-Triples with all that is said about a thing in a row.
    order: the key by which the lines about a subject are sorted; without, those of a graph stay together.
    """
    if _IS_AXIOM not in content:
        return content
    return BLOCK.sub(lambda block: _reify_block(block[0], block[1], order), content)


def _reify_block(block: bytes, subject: bytes, order: Callable[[bytes], bytes] | None) -> bytes:
    if _IS_AXIOM not in block:
        return block
    graphs = defaultdict[bytes, list[bytes]](list)
    for line in block.splitlines(keepends=True):
        graphs[_find_end(line)].append(line)
    lines = [line for end, said in graphs.items() for line in _reify_one(subject, said, end)]
    if order is not None:
        lines.sort(key=order)
    return b"".join(lines)


def _find_end(line: bytes) -> bytes:
    """Return what follows the object of a line: the graph, if there is one, and the stop."""
    value = line.split(b" ", 2)[2]
    last = value.index(b">") if value.startswith(b"<") else value.rindex(b'"')
    return value[value.index(b" ", last) :]


def _reify_one(subject: bytes, said: list[bytes], end: bytes) -> Iterable[bytes]:
    pairs = [line[len(subject) + 1 : -len(end)].split(b" ", 1) for line in said]
    parts = {predicate: value for predicate, value in pairs if predicate in _ANNOTATED}
    if _AXIOM not in (value for _, value in pairs):
        return said
    relation = b" ".join(parts[part] for part in _ANNOTATED)
    kept = [
        line
        for line, (predicate, value) in zip(said, pairs, strict=True)
        if predicate not in parts and value != _AXIOM
    ]
    return (b"%b %b <<( %b )>>%b" % (subject, _REIFIES, relation, end), *kept)


def restore(quads: Iterable[Quad]) -> Iterator[Quad]:
    """Undo ``reify``: yield RDF 1.1, in no order."""
    for quad in quads:
        if quad.predicate == REIFIES and isinstance(quad.object, Triple):
            relation = quad.object
            yield Quad(quad.subject, TYPE, AXIOM, quad.graph_name)
            for part, term in zip(
                _PARTS, (relation.subject, relation.predicate, relation.object), strict=True
            ):
                yield Quad(quad.subject, OWL(part), term, quad.graph_name)
        else:
            yield quad

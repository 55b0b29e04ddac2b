"""RDF 1.2 in place of RDF 1.1: an axiom becomes a reifier of its relation, and keeps what is said about it.

Source: RDF 1.2 Concepts, section 1.5 (reifying triples).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

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
    return b"".join(
        BLOCK.sub(lambda block: _reify_block(block[0], block[1], order), lines) if has_axioms else lines
        for lines, has_axioms in part(content)
    )


def part(content: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield lines in a row about subjects that are axioms, or none of which is, and whether they are.

    What only looks like an axiom, in a literal, may be taken for one.

    >>> from kg.vocab import AXIOM, TYPE
    >>> axiom = f"<a> {TYPE} {AXIOM} .\\n".encode()
    >>> [has_axioms for _, has_axioms in part(axiom + b"<a> <p> <o> .\\n<b> <p> <o> .\\n")]
    [True, False]
    """
    done = start = end = 0
    for block_start, block_end in _find_axioms(content):
        if block_start > end:
            yield from _cut(content, done, start, end)
            done, start = end, block_start
        end = block_end
    yield from _cut(content, done, start, end)
    if end < len(content):
        yield content[end:], False


def _cut(content: bytes, done: int, start: int, end: int) -> Iterator[tuple[bytes, bool]]:
    if start > done:
        yield content[done:start], False
    if end > start:
        yield content[start:end], True


def _find_axioms(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield where all that is said of an axiom begins and ends, in a row.

    Sought by its type, since a look at each line takes much longer.
    """
    place = content.find(_IS_AXIOM)
    while place >= 0:
        start = content.rfind(b"\n", 0, place) + 1
        subject = content[start : content.index(b" ", start) + 1]
        end = find_end(content, start, subject)
        yield find_start(content, start, subject), end
        place = content.find(_IS_AXIOM, end)


def find_start(content: bytes, line: int, subject: bytes) -> int:
    """Return where the lines in a row begin that begin with a subject, as the one does that is given."""
    while line and content.startswith(subject, before := content.rfind(b"\n", 0, line - 1) + 1):
        line = before
    return line


def find_end(content: bytes, line: int, subject: bytes) -> int:
    """Return where those lines end."""
    while content.startswith(subject, line):
        line = content.index(b"\n", line) + 1
    return line


def _reify_block(block: bytes, subject: bytes, order: Callable[[bytes], bytes] | None) -> bytes:
    if _IS_AXIOM not in block:
        return block
    graphs = _group_by_end(block.splitlines(keepends=True))
    lines = [line for end, said in graphs.items() for line in _reify_one(subject, said, end)]
    if order is not None:
        lines.sort(key=order)
    return b"".join(lines)


def _group_by_end(lines: list[bytes]) -> Mapping[bytes, list[bytes]]:
    end = _find_end(lines[0])
    if all(line.endswith(end) for line in lines):  # most are said in one graph
        return {end: lines}
    graphs = defaultdict[bytes, list[bytes]](list)
    for line in lines:
        graphs[_find_end(line)].append(line)
    return graphs


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

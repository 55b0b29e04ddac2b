"""Example queries: text files with a title and a description in each language at their head.

    # title@en: Who holds which posts
    # description@en: Posts held as of the article.
    SELECT …

They are published as ``sh:SPARQLExecutable`` (SHACL Advanced Features, section 7).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pyoxigraph import Literal, Quad, Store

from kg.model import Example, Finding, Place
from kg.vocab import COMMENT, RDFS, SH, TYPE, Names

LANGUAGES = ("en", "zh", "ja")
_HEAD = re.compile(r"#\s*(title|description)@([a-z-]+):\s*(.+?)\s*$", re.MULTILINE)


def read_example(text: str, place: Place, names: Names) -> tuple[Example, tuple[Finding, ...]]:
    """Read one query file; ``{base}`` in it stands for the base IRI.

    The name is that of the file without the number that orders it: ``02-former-posts.rq`` is *former-posts*.
    """
    head = {(kind, language): words for kind, language, words in _HEAD.findall(text)}
    example = Example(
        name=re.sub(r"^\d+-", "", place.path.stem),
        titles={language: words for (kind, language), words in head.items() if kind == "title"},
        descriptions={language: words for (kind, language), words in head.items() if kind == "description"},
        text=_HEAD.sub("", text).strip().replace("{base}", names.base) + "\n",
        place=place,
    )
    return example, tuple(_find_faults(example, head))


def _find_faults(example: Example, head: dict[tuple[str, str], str]) -> Iterator[Finding]:
    for kind in ("title", "description"):
        for language in LANGUAGES:
            if (kind, language) not in head:
                yield Finding(
                    "query-head",
                    example.place,
                    f"the query has no {kind} in {language!r}.",
                    f"Add a line `# {kind}@{language}: …` at its head.",
                )
    try:
        # Nothing is in this store; evaluating is how the engine lets one parse.
        Store().query(example.text)
    except SyntaxError as error:
        yield Finding("malformed", example.place, f"is not SPARQL: {error}.", "Mend the query.")


def publish_example(example: Example, names: Names) -> Iterator[Quad]:
    """Yield the quads of an example, in the graph of the ontology."""
    iri, graph = names.query(example.name), names.ontology
    yield Quad(iri, TYPE, SH("SPARQLExecutable"), graph)
    yield Quad(iri, TYPE, SH("SPARQLSelectExecutable"), graph)
    yield Quad(iri, SH("select"), Literal(example.text), graph)
    yield Quad(iri, RDFS("isDefinedBy"), names.ontology, graph)
    for predicate, words in ((RDFS("label"), example.titles), (COMMENT, example.descriptions)):
        for language, text in words.items():
            yield Quad(iri, predicate, Literal(text, language=language), graph)

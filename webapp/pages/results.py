"""What was found, as pages and JSON show it: names in the reader's language, and why each matched. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kg.search.index import Hit, QuoteHit, SearchIndex, Thing, pick_name
from kg.search.schema import VOCABULARY
from kg.vocab import shorten
from webapp.links import Linker, Shown


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text that was looked for, or not."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Result:
    """A thing that was found. ``pieces`` are the name that matched, which may be another than ``name``."""

    iri: str
    name: Shown
    types: tuple[Shown, ...]
    pieces: tuple[Piece, ...]
    lang: str
    kind: str

    @property
    def text(self) -> str:
        """The name that matched."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def is_by_name(self) -> bool:
        """Whether the name that matched is the one that is shown."""
        return (self.text, self.lang) == (self.name.label, self.name.lang)


@dataclass(frozen=True, slots=True)
class QuoteResult:
    """Words of an article that were found, and the things that rest on them."""

    pieces: tuple[Piece, ...]
    href: str
    sentence: int
    things: tuple[Shown, ...]
    more_things: int


class ResultMaker:
    """Shows things of one release, with names in the languages of its linker."""

    def __init__(self, index: SearchIndex, linker: Linker) -> None:
        self.index = index
        self.linker = linker
        self._types: dict[str, Shown] = {}

    def show(self, thing: Thing) -> Shown:
        """Return the name of a thing, with its link."""
        name = pick_name(thing.preferred_names or thing.names, self.linker.languages)
        href = self._href(thing)
        if name is None:
            return Shown(shorten(thing.iri, self.linker.names), "", href)
        return Shown(name.text, name.lang, href)

    def _href(self, thing: Thing) -> str:
        names = self.linker.names
        if thing.tier == VOCABULARY and not thing.iri.startswith(names.base):
            return self.linker.href(names.ontology.value)  # terms of others are shown there too
        return self.linker.href(thing.iri)

    def show_types(self, thing: Thing) -> tuple[Shown, ...]:
        """Return the classes of a thing, by name."""
        unknown = set(thing.types) - self._types.keys()
        found = self.index.find_things(unknown) if unknown else {}
        for iri in unknown:
            known = found.get(iri)
            self._types[iri] = self.show(known) if known else Shown(shorten(iri, self.linker.names))
        return tuple(self._types[iri] for iri in thing.types)

    def make_result(self, hit: Hit) -> Result:
        """Lay a hit out."""
        return Result(
            iri=hit.thing.iri,
            name=self.show(hit.thing),
            types=self.show_types(hit.thing),
            pieces=split_marks(hit.name.text, hit.marks),
            lang=hit.name.lang,
            kind="preferred" if hit.name.preferred else "alternative",
        )

    def make_quote(self, hit: QuoteHit) -> QuoteResult:
        """Lay a quote out."""
        return QuoteResult(
            pieces=split_marks(hit.text, hit.marks),
            href=f"{self.linker.href(hit.article)}#s{hit.sentence}",
            sentence=hit.sentence,
            things=tuple(map(self.show, hit.things)),
            more_things=hit.more_things,
        )


def split_marks(text: str, marks: Iterable[tuple[int, int]]) -> tuple[Piece, ...]:
    """Cut a text at half-open spans of code points, which are in order and apart.

    >>> [(p.text, p.marked) for p in split_marks("abcd", [(1, 3)])]
    [('a', False), ('bc', True), ('d', False)]
    """
    pieces: list[Piece] = []
    position = 0
    for start, end in marks:
        pieces += [Piece(text[position:start], False), Piece(text[start:end], True)]
        position = end
    pieces.append(Piece(text[position:], False))
    return tuple(piece for piece in pieces if piece.text)


def to_json(shown: Shown) -> dict[str, str]:
    """Return a name as JSON has it."""
    return {"text": shown.label, "lang": shown.lang}


def result_to_json(result: Result) -> dict[str, Any]:
    """Return a result as JSON has it."""
    return {
        "iri": result.iri,
        "href": result.name.href,
        "name": to_json(result.name),
        "types": [to_json(kind) for kind in result.types],
        "match": {
            "kind": result.kind,
            "text": result.text,
            "lang": result.lang,
            "pieces": [{"text": piece.text, "marked": piece.marked} for piece in result.pieces],
        },
    }


def quote_to_json(quote: QuoteResult) -> dict[str, Any]:
    """Return a quote as JSON has it."""
    return {
        "text": "".join(piece.text for piece in quote.pieces),
        "pieces": [{"text": piece.text, "marked": piece.marked} for piece in quote.pieces],
        "href": quote.href,
        "sentence": quote.sentence,
        "things": [{**to_json(thing), "href": thing.href} for thing in quote.things],
        "more_things": quote.more_things,
    }

"""Finds the things that rows of a table may mean, and says how sure it is.

Source: Reconciliation Service API 0.2, section 4.2 (reconciliation query responses).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import islice

from kg.reconciliation.requests import ReconciliationQuery, WantedProperty, WantedValue
from kg.reconciliation.values import Value, ValueReader, is_iri
from kg.search.index import SearchIndex, Thing, pick_name
from kg.search.schema import FACETS
from kg.vocab import SKOS, Names, expand, shorten

NAMES_LOOKED_AT = 300
THINGS_COMPARED = 100
NAMES_COMPARED = 20
LANGUAGES = ("", "en", "zh", "ja")

SAME_WORDS = 0.98
"""Similarity of names with the same words in another order; what is below is not the same name."""

_IDENTIFIER = SKOS("exactMatch").value
_PROPERTY_SHARE = 0.3
_WRONG_TYPE = 0.8


@dataclass(frozen=True, slots=True)
class Candidate:
    """A thing that a query may mean. ``score`` is 0 to 100; ``match``: it is this one and no other.

    ``properties`` is the share of the wanted properties that it has, 1 where none was wanted.
    """

    thing: Thing
    similarity: float
    has_type: bool
    properties: float
    score: float
    match: bool = False


class Reconciler:
    """Matches queries against one release.

    Parameters
    ----------
    values: reads what candidates are compared by, beside their names.
    languages: of the names that are shown, the preferred one first.
    """

    def __init__(
        self, index: SearchIndex, names: Names, values: ValueReader, languages: Sequence[str] = ("en",)
    ) -> None:
        self.index = index
        self.names = names
        self.values = values
        self.languages = languages
        self.space = names.thing("").value

    # --- identifiers

    def identify(self, iri: str) -> str:
        """Return the identifier of a thing: its slug."""
        return iri.removeprefix(self.space)

    def locate(self, identifier: str) -> str:
        """Return the IRI of an identifier, which may be an IRI itself."""
        return identifier if identifier.startswith(self.names.base) else self.space + identifier

    def name(self, thing: Thing) -> str:
        """Return the name of a thing, or what stands for it in its IRI."""
        name = pick_name(thing.preferred_names or thing.names, self.languages)
        return name.text if name else shorten(thing.iri, self.names)

    # --- candidates

    def reconcile(self, query: ReconciliationQuery) -> list[Candidate]:
        """Return the candidates of a query, the best first."""
        types = [expand(kind, self.names) for kind in query.types]
        things = self._find(query, types)
        if types and query.strictness != "should":
            test = all if query.strictness == "all" else any
            things = [thing for thing in things if test(kind in thing.types for kind in types)]
        shares = self._compare_properties(things, query.properties)
        candidates = [self._rate(thing, query, types, shares.get(thing.id, 1.0)) for thing in things]
        candidates.sort(key=lambda c: (-c.score, c.thing.id))
        return self._decide(candidates)[: query.limit]

    def _find(self, query: ReconciliationQuery, types: Sequence[str]) -> list[Thing]:
        if query.text:
            found = self._find_by_name(query.text, types)
        else:
            found = self._find_by_properties(query.properties)
        ours = {thing.id: thing for thing in found if thing.iri.startswith(self.space)}
        return list(islice(ours.values(), THINGS_COMPARED))

    def _find_by_name(self, text: str, types: Sequence[str]) -> Iterable[Thing]:
        yield from self.index.find_things([text, self.locate(text)]).values()
        # Of the wanted type first, so that things of others do not crowd them out.
        for wanted in [types, ()] if types else [()]:
            found = self.index.find_names(
                text, wanted, THINGS_COMPARED, complete=False, look_at=NAMES_LOOKED_AT
            )
            yield from (hit.thing for hit in found.hits)

    def _find_by_properties(self, properties: Sequence[WantedProperty]) -> Iterable[Thing]:
        common: set[str] | None = None
        for prop in properties:
            having = set(self._find_having(prop))
            common = having if common is None else common & having
        things = self.index.find_things(common or ())
        return sorted(things.values(), key=lambda thing: thing.id)

    def _find_having(self, prop: WantedProperty) -> list[str]:
        values = [value for wanted in prop.values for value in self._spell_out(wanted)]
        if prop.id in FACETS:
            return self.index.find_with_facet(prop.id, [v.text for v in values if v.is_iri], NAMES_LOOKED_AT)
        iri = expand(prop.id, self.names)
        return self.values.find_having(iri, values, NAMES_LOOKED_AT) if is_iri(iri) else []

    def _spell_out(self, wanted: WantedValue) -> list[Value]:
        """Return the terms that a wanted value may stand for."""
        iris = {self.locate(wanted.text), expand(wanted.text, self.names)}
        if wanted.is_id:
            return [Value(iri, True) for iri in iris if is_iri(iri)]
        hits = self.index.find_names(wanted.text, limit=10, complete=False).hits
        iris |= {hit.thing.iri for hit in hits if hit.exact}
        literals = [Value(wanted.text, False, lang) for lang in LANGUAGES]
        return literals + [Value(iri, True) for iri in iris if is_iri(iri)]

    # --- rating

    def _rate(
        self, thing: Thing, query: ReconciliationQuery, types: Sequence[str], properties: float
    ) -> Candidate:
        similarity = self._compare_names(query.text, thing) if query.text else 0.9 * properties
        if not query.text and _IDENTIFIER in [expand(prop.id, self.names) for prop in query.properties]:
            similarity = properties  # an identifier names a thing; any other property may be of many
        has_type = not types or any(kind in thing.types for kind in types)
        share = _PROPERTY_SHARE if query.properties else 0.0
        score = 100 * ((1 - share) * similarity + share * properties) * (1 if has_type else _WRONG_TYPE)
        return Candidate(thing, similarity, has_type, properties, round(score, 1))

    def _compare_names(self, text: str, thing: Thing) -> float:
        if text in (thing.iri, self.identify(thing.iri)):
            return 1.0
        folded = self.index.folding.fold(text)
        names = (self.index.folding.fold(name.text) for name in thing.names[:NAMES_COMPARED])
        return max((compare(folded, name) for name in names), default=0.0)

    def _decide(self, candidates: list[Candidate]) -> list[Candidate]:
        """Mark the one candidate that is sure; of namesakes none is."""
        sure = [c for c in candidates if c.similarity >= SAME_WORDS and c.has_type and c.properties == 1]
        if len(sure) != 1:
            return candidates
        (only,) = sure
        return [replace(c, match=c is only) for c in candidates]

    # --- properties

    def _compare_properties(
        self, things: Sequence[Thing], properties: Sequence[WantedProperty]
    ) -> dict[int, float]:
        """Return the share of the wanted properties that each thing has."""
        if not properties:
            return {}
        known = self.read_values(things, [prop.id for prop in properties])
        named = self.index.find_things({v.text for values in known.values() for v in values if v.is_iri})

        def has(thing: Thing, prop: WantedProperty) -> bool:
            values = known.get((thing.id, prop.id), ())
            return any(self._fits(value, wanted, named) for value in values for wanted in prop.values)

        return {t.id: sum(has(t, prop) for prop in properties) / len(properties) for t in things}

    def read_values(
        self, things: Sequence[Thing], properties: Sequence[str]
    ) -> dict[tuple[int, str], list[Value]]:
        """Return the values of properties and facets of things, by (number, identifier of the property)."""
        numbers = {thing.iri: thing.id for thing in things}
        found: dict[tuple[int, str], list[Value]] = {}
        for facet in set(properties) & set(FACETS):
            for number, values in self.index.find_facet_values(list(numbers.values()), facet).items():
                found[number, facet] = [Value(iri, True) for iri in values]
        iris = {prop: expand(prop, self.names) for prop in properties if prop not in FACETS}
        read = self.values.read_values(list(numbers), sorted(set(filter(is_iri, iris.values()))))
        for thing, number in numbers.items():
            found |= {(number, prop): read.get((thing, iri), []) for prop, iri in iris.items()}
        return found

    def _fits(self, value: Value, wanted: WantedValue, named: dict[str, Thing]) -> bool:
        fold = self.index.folding.fold
        if not value.is_iri:
            return fold(value.text) == fold(wanted.text)
        if value.text in (wanted.text, self.locate(wanted.text), expand(wanted.text, self.names)):
            return True
        if wanted.is_id:
            return False
        thing = named.get(value.text)
        names = [name.text for name in thing.names] if thing else [value.text.rpartition("/")[2]]
        return fold(wanted.text) in map(fold, names)


def compare(left: str, right: str) -> float:
    """Return how alike two folded names are, from 0 to 1; only names of the same words reach ``SAME_WORDS``.

    >>> compare("wang yi", "wang yi"), compare("yi wang", "wang yi"), compare("wang", "wang yi") < 0.9
    (1.0, 0.98, True)
    """
    if left == right:
        return 1.0
    words, others = sorted(left.split()), sorted(right.split())
    # Characters that stand for words have an order: 東京 is not 京東.
    if words == others and not any(len(word) == 1 and not word.isascii() for word in words):
        return SAME_WORDS
    return 0.9 * SequenceMatcher(None, " ".join(words), " ".join(others), autojunk=False).ratio()

"""Makes a graph in our own model, of any size: ``python -m bench.graph --triples 1000000 > graph.nq``.

The same number gives the same bytes. Written as it is made, article by article, so memory does not grow;
graph by graph, so that a reader may load one at a time. It stops at the first article that reaches the
number, since half a record would be no record. No triple is in two graphs: engines differ in how often they
count such.

Names and sentences are made up, and so is what they say. What is real is the shape (docs/data-model.md), and
the skew: half of all people are members of the first body, everyone took part in the first edition, and
claims are about a few things mostly. A fact costs some 25 triples with its evidence, so the first edition has
about 1 % of the triples as incoming links: 1,207 at 100 k, 12,007 at 1 M, more
than 50,000 from some 4.2 M on. The most used terms of the vocabulary have several times that.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256

from kg.vocab import HASH_DIGITS, XSD, Names

BASE = "https://bench.example/"
ROLES, PLACES, EDITIONS = 40, 50, 10
"""Roles and places there are; editions of each forum."""
SENTENCES, SENTENCE_CODEPOINTS = 12, 200
MEMBERSHIPS, PARTICIPATIONS, CLAIMS, ALIASES = 5, 6, 4, 3
"""Facts of each kind in an article."""
BRANCHES = 8
"""Bodies that each body has below it."""
CONCEPTS = {
    "modalities": ("state", "occurred", "plan", "pledge", "claim", "wish"),
    "capacities": ("speaker", "attendee", "organizer", "moderator"),
    "modes": ("in-person", "video-link", "online-and-offline"),
}
FIRST_DAY = date(2005, 1, 1)
DAYS = 7_000

_PREFIXES = {"": BASE} | Names(BASE).prefixes
_SYLLABLES = [
    a + b for a in ("b", "ch", "d", "g", "h", "l", "m", "s", "t", "zh") for b in ("an", "ei", "o", "ing", "u")
]
_HAN = [chr(0x4E00 + number) for number in range(2_000)]
_KANA = [chr(0x30A2 + number) for number in range(70)]
_LANGUAGES = ("en", "zh", "ja")

Pair = tuple[str, str]
"""A property as a prefixed name, and a value as N-Quads has it."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many things there are of each kind in a graph of so many triples.

    >>> Size(1_000_000).people
    4000
    """

    triples: int

    @property
    def people(self) -> int:
        """People, numbered from 0."""
        return max(20, self.triples // 250)

    @property
    def bodies(self) -> int:
        """Bodies, each but the first below another; body and post of a number belong together."""
        return max(10, self.triples // 1_500)

    @property
    def forums(self) -> int:
        """Forums, each with ``EDITIONS`` editions, which are numbered through."""
        return max(2, self.triples // 25_000)

    @property
    def editions(self) -> int:
        """Editions of all forums."""
        return self.forums * EDITIONS

    @property
    def kinds(self) -> dict[str, tuple[int, str]]:
        """How many there are of each kind of entity, and its class as a prefixed name."""
        return {
            "role": (ROLES, "org:Role"),
            "place": (PLACES, "schema:Place"),
            "person": (self.people, "schema:Person"),
            "body": (self.bodies, "org:Organization"),
            "post": (self.bodies, "org:Post"),
            "forum": (self.forums, "schema:EventSeries"),
            "edition": (self.editions, "kg:ForumEdition"),
        }


def make_graph(triples: int) -> Iterator[str]:
    """Yield the lines of N-Quads, each with its line feed, of at least so many triples."""
    size, written = Size(triples), 0
    for group in (_make_concepts(), _make_entities(size)):
        for line in group:
            written += 1
            yield line
    number = 0
    while written < triples:
        for line in _make_article(size, number):
            written += 1
            yield line
        number += 1


def iri(name: str) -> str:
    """Return the IRI of a prefixed name in angle brackets.

    >>> iri("id:person-1")
    '<https://bench.example/id/person-1>'
    """
    prefix, _, local = name.partition(":")
    return f"<{_PREFIXES[prefix]}{local}>"


def text(value: str, language: str = "") -> str:
    """Return a literal; the value holds nothing that needs an escape."""
    return f'"{value}"@{language}' if language else f'"{value}"'


def name_thing(kind: str, number: int) -> dict[str, str]:
    """Return the name of a thing in each language, the same at every size.

    >>> sorted(name_thing("person", 1)) == ["en", "ja", "zh"]
    True
    """
    rng = random.Random(f"{kind}-{number}")
    words = ("".join(rng.choices(_SYLLABLES, k=rng.randint(1, 3))).title() for _ in range(rng.randint(2, 3)))
    han = "".join(rng.choices(_HAN, k=rng.randint(2, 6)))
    # The number keeps names apart, as the labels of a release are.
    return {
        "en": f"{' '.join(words)} {number}",
        "zh": f"{han}{number}",
        "ja": f"{han[:2]}{''.join(rng.choices(_KANA, k=3))}{number}",
    }


def _number(value: int) -> str:
    return f'"{value}"^^<{XSD.iri}integer>'


def _hash(*key: str) -> str:
    return sha256("\x1f".join(key).encode()).hexdigest()[:HASH_DIGITS]


def _describe(subject: str, graph: str, *pairs: Pair) -> Iterator[str]:
    for predicate, value in pairs:
        yield f"{subject} {iri(predicate)} {value} {graph} .\n"


def _make_concepts() -> Iterator[str]:
    graph = iri(":ontology")
    for scheme, names in CONCEPTS.items():
        kind: Pair = ("rdf:type", iri("skos:ConceptScheme"))
        yield from _describe(iri(f"kg:{scheme}"), graph, kind, ("skos:prefLabel", text(scheme, "en")))
        for name in names:
            pairs: list[Pair] = [("rdf:type", iri("skos:Concept")), ("skos:inScheme", iri(f"kg:{scheme}"))]
            yield from _describe(iri(f"kg:{name}"), graph, *pairs, ("skos:prefLabel", text(name, "en")))


def _make_entities(size: Size) -> Iterator[str]:
    graph = iri(":entities")
    for kind, (count, type_) in size.kinds.items():
        for number in range(count):
            thing = iri(f"id:{kind}-{number}")
            yield from _describe(thing, graph, ("rdf:type", iri(type_)))
            for language, name in name_thing(kind, number).items():
                yield from _relate(graph, thing, "skos:prefLabel", text(name, language))
            for predicate, value in _RELATIONS[kind](number) if kind in _RELATIONS else ():
                yield from _relate(graph, thing, predicate, value)
    for number in range(size.bodies):
        yield from _derive_ancestors(graph, number)


def _relate_body(number: int) -> Iterator[Pair]:
    place = int(PLACES * random.Random(number).random() ** 3)
    yield "schema:location", iri(f"id:place-{place}")
    if number:
        yield "org:subOrganizationOf", iri(f"id:body-{(number - 1) // BRANCHES}")


def _relate_edition(number: int) -> Iterator[Pair]:
    start = FIRST_DAY + timedelta(days=number * 37 % DAYS)
    yield "schema:superEvent", iri(f"id:forum-{number // EDITIONS}")
    yield "schema:startDate", text(start.isoformat())
    yield "schema:endDate", text((start + timedelta(days=number % 3)).isoformat())
    yield "schema:location", iri(f"id:place-{number * 7 % PLACES}")


_RELATIONS: dict[str, Callable[[int], Iterable[Pair]]] = {
    "body": _relate_body,
    "post": lambda number: (("org:postIn", iri(f"id:body-{number}")),),
    "edition": _relate_edition,
}


def _derive_ancestors(graph: str, number: int) -> Iterator[str]:
    """Yield what the build adds to the paths of ``org:subOrganizationOf``."""
    body, steps, above = iri(f"id:body-{number}"), list[str](), number
    while above:
        below, above = above, (above - 1) // BRANCHES
        step = (iri(f"id:body-{below}"), iri("org:subOrganizationOf"), iri(f"id:body-{above}"))
        steps.append(f"<{BASE}fact/{_hash(*step)}>")
        ancestor = iri(f"id:body-{above}")
        evidence = [f"<{BASE}evidence/{_hash(fact)}>" for fact in steps]
        yield from _derive(graph, body, "org:transitiveSubOrganizationOf", ancestor, steps, evidence)


def _derive(
    graph: str, subject: str, predicate: str, value: str, origins: list[str], evidence: list[str]
) -> Iterator[str]:
    yield from _describe(subject, graph, (predicate, value))
    fact = f"<{BASE}fact/{_hash(subject, iri(predicate), value)}>"
    yield from _describe_axiom(fact, graph, subject, predicate, value)
    yield from _describe(fact, graph, *(("kg:evidence", record) for record in evidence))
    yield from _describe(fact, graph, *(("prov:wasDerivedFrom", origin) for origin in origins))


def _describe_axiom(fact: str, graph: str, subject: str, predicate: str, value: str) -> Iterator[str]:
    yield from _describe(
        fact,
        graph,
        ("rdf:type", iri("owl:Axiom")),
        ("owl:annotatedSource", subject),
        ("owl:annotatedProperty", iri(predicate)),
        ("owl:annotatedTarget", value),
    )


def _relate(graph: str, subject: str, predicate: str, value: str) -> Iterator[str]:
    """Yield a simple relation that rests on an outside source, as those of shared entities do."""
    yield from _describe(subject, graph, (predicate, value))
    fact = f"<{BASE}fact/{_hash(subject, iri(predicate), value)}>"
    record = f"<{BASE}evidence/{_hash(fact)}>"
    yield from _describe_axiom(fact, graph, subject, predicate, value)
    yield from _describe(fact, graph, ("kg:evidence", record))
    yield from _describe(
        record,
        graph,
        ("rdf:type", iri("kg:Evidence")),
        ("oa:hasBody", fact),
        ("kg:status", iri("kg:external")),
        ("kg:modality", iri("kg:state")),
        ("dct:source", f"<https://register.example/{fact[-3:-1]}>"),
        ("kg:sourceNote", text("names.csv")),
    )


def _make_article(size: Size, number: int) -> Iterator[str]:
    rng = random.Random(f"{size.triples} {number}")
    article = f"<{BASE}article/news-{number}>"
    headline = " ".join(name_thing("article", number)["en"].split())
    day = FIRST_DAY + timedelta(days=rng.randrange(DAYS))
    yield from _describe(
        article,
        article,
        ("rdf:type", iri("schema:NewsArticle")),
        ("schema:headline", text(headline, "en")),
        ("skos:prefLabel", text(headline, "en")),
        ("schema:url", f"<https://news.example/{number}>"),
        ("schema:publisher", iri(f"id:body-{int(size.bodies * rng.random() ** 3)}")),
        ("schema:datePublished", text(day.isoformat())),
        ("schema:inLanguage", text("en")),
        ("kg:fullText", f'"true"^^<{XSD.iri}boolean>'),
    )
    for sentence in range(1, SENTENCES + 1):
        start = (sentence - 1) * SENTENCE_CODEPOINTS
        yield from _describe(
            f"{article[:-1]}/sentence/{sentence}>",
            article,
            ("rdf:type", iri("kg:Sentence")),
            ("kg:sentenceNumber", _number(sentence)),
            ("kg:sentenceOf", article),
            ("oa:start", _number(start)),
            ("oa:end", _number(start + SENTENCE_CODEPOINTS - 1)),
        )
    for turn in range(number * MEMBERSHIPS, (number + 1) * MEMBERSHIPS):
        yield from _make_membership(size, article, turn, rng)
    for turn in range(number * PARTICIPATIONS, (number + 1) * PARTICIPATIONS):
        yield from _make_participation(size, article, turn, rng)
    for turn in range(number * CLAIMS, (number + 1) * CLAIMS):
        yield from _make_claim(size, article, turn, rng)
    for turn in range(number * ALIASES, (number + 1) * ALIASES):
        yield from _make_alias(size, article, turn, rng)


def _make_membership(size: Size, article: str, turn: int, rng: random.Random) -> Iterator[str]:
    # Everyone once, then everyone again in another body: so no two memberships give the same derived triple.
    lap, person = divmod(turn, size.people)
    in_first = lap == 0 and person % 2 == 0
    body = 0 if in_first else 1 + (person * 3 + lap * 17) % (size.bodies - 1)
    node, member = iri(f"id:membership-{turn}"), iri(f"id:person-{person}")
    label = f"{name_thing('person', person)['en']} in {name_thing('body', body)['en']}"
    is_current = rng.random() < 0.7
    pairs: list[Pair] = [
        ("org:member", member),
        ("org:organization", iri(f"id:body-{body}")),
        ("org:role", iri(f"id:role-{int(ROLES * rng.random() ** 2)}")),
        ("kg:tenure", iri("kg:current" if is_current else "kg:former")),
    ]
    if not in_first:
        pairs.append(("kg:post", iri(f"id:post-{body}")))
    record = yield from _make_node(article, node, "org:Membership", label, "state", pairs, rng)
    if is_current:
        derived = [("org:memberOf", iri(f"id:body-{body}"))]
        derived += [] if in_first else [("org:holds", iri(f"id:post-{body}"))]
        for predicate, value in derived:
            yield from _derive(article, member, predicate, value, [node], [record])


def _make_participation(size: Size, article: str, turn: int, rng: random.Random) -> Iterator[str]:
    lap, person = divmod(turn, size.people)
    edition = 0 if lap == 0 else 1 + (person + lap * 3) % (size.editions - 1)
    node, agent, event = (
        iri(f"id:{name}") for name in (f"participation-{turn}", f"person-{person}", f"edition-{edition}")
    )
    label = f"{name_thing('person', person)['en']} at {name_thing('edition', edition)['en']}"
    pairs: list[Pair] = [
        ("kg:agent", agent),
        ("kg:event", event),
        ("kg:capacity", iri(f"kg:{rng.choice(CONCEPTS['capacities'])}")),
    ]
    if rng.random() < 0.5:
        pairs.append(("kg:mode", iri(f"kg:{rng.choice(CONCEPTS['modes'])}")))
    record = yield from _make_node(article, node, "kg:Participation", label, "occurred", pairs, rng)
    yield from _derive(article, agent, "kg:participatedIn", event, [node], [record])


def _make_claim(size: Size, article: str, turn: int, rng: random.Random) -> Iterator[str]:
    kind, count = rng.choice((("person", size.people), ("body", size.bodies), ("forum", size.forums)))
    about = int(count * rng.random() ** 3)
    label = f"what is said of {name_thing(kind, about)['en']}"
    pairs: list[Pair] = [
        ("kg:about", iri(f"id:{kind}-{about}")),
        ("kg:saidBy", iri(f"id:person-{int(size.people * rng.random() ** 2)}")),
        ("kg:content", text(f"{label}, {rng.choice(_SYLLABLES)} {turn}", "en")),
    ]
    modality = rng.choice(("plan", "pledge", "claim", "wish"))
    yield from _make_node(article, iri(f"id:claim-{turn}"), "kg:Claim", label, modality, pairs, rng)


def _make_alias(size: Size, article: str, turn: int, rng: random.Random) -> Iterator[str]:
    person = int(size.people * rng.random() ** 2)
    subject, value = iri(f"id:person-{person}"), text(f"Alias {turn}", "en")
    yield from _describe(subject, article, ("skos:altLabel", value))
    fact = f"<{BASE}fact/{_hash(subject, iri('skos:altLabel'), value)}>"
    yield from _describe_axiom(fact, article, subject, "skos:altLabel", value)
    yield from _quote(article, fact, f"known as Alias {turn}", "state", rng)


def _make_node(
    article: str, node: str, type_: str, label: str, modality: str, pairs: list[Pair], rng: random.Random
) -> Generator[str, None, str]:
    """Yield an n-ary node with its evidence; returns the record."""
    own: list[Pair] = [("rdf:type", iri(type_)), ("skos:prefLabel", text(label, "en"))]
    yield from _describe(node, article, *own, *pairs, ("kg:modality", iri(f"kg:{modality}")))
    record = yield from _quote(article, node, label, modality, rng)
    return record


def _quote(
    article: str, fact: str, exact: str, modality: str, rng: random.Random
) -> Generator[str, None, str]:
    """Yield the record of a fact that words of the article state; returns the record."""
    sentence = rng.randint(1, SENTENCES)
    start = (sentence - 1) * SENTENCE_CODEPOINTS + rng.randrange(40)
    stem = f"{BASE}evidence/{_hash(fact, article, exact)}"
    record, target, quote, position = f"<{stem}>", f"<{stem}#target>", f"<{stem}#quote>", f"<{stem}#position>"
    described: dict[str, list[Pair]] = {
        fact: [("kg:evidence", record)],
        record: [
            ("rdf:type", iri("kg:Evidence")),
            ("rdf:type", iri("oa:Annotation")),
            ("oa:hasBody", fact),
            ("kg:status", iri("kg:stated" if rng.random() < 0.9 else "kg:inferred")),
            ("kg:modality", iri(f"kg:{modality}")),
            ("kg:sentence", f"{article[:-1]}/sentence/{sentence}>"),
            ("kg:quotedText", text(exact)),
            ("oa:hasTarget", target),
        ],
        target: [
            ("rdf:type", iri("oa:SpecificResource")),
            ("oa:hasSource", f"{article[:-1]}/text>"),
            ("oa:hasSelector", quote),
            ("oa:hasSelector", position),
        ],
        quote: [
            ("rdf:type", iri("oa:TextQuoteSelector")),
            ("oa:exact", text(exact)),
            ("oa:prefix", text("It is told that ")),
            ("oa:suffix", text(" since then.")),
        ],
        position: [
            ("rdf:type", iri("oa:TextPositionSelector")),
            ("oa:start", _number(start)),
            ("oa:end", _number(start + len(exact))),
        ],
    }
    for subject, pairs in described.items():
        yield from _describe(subject, article, *pairs)
    return record


def main() -> None:
    """Write a graph to the standard output."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--triples", type=int, default=100_000, help="at least so many (100000)")
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.writelines(make_graph(parser.parse_args().triples))


if __name__ == "__main__":
    main()

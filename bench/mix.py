"""The queries of the benchmark: some thirty shapes over the graph of ``bench.graph``, each with a parameter.

The parameter is drawn from the shape, the size of the graph and the round, so that a run asks the same
queries as another. Rounds differ where the graph has enough to draw from. Answers are small enough for an
engine that cuts at 10,000 rows, and where there is a LIMIT, the order is total. Queries are written as a user
would, with no hint for any engine.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from string import Template

from bench.graph import BASE, EDITIONS, PLACES, ROLES, Size, name_thing
from kg.vocab import Names

GROUPS = ("point", "join", "analytical")
PROLOGUE = "".join(f"PREFIX {prefix}: <{space}>\n" for prefix, space in Names(BASE).prefixes.items())

Draw = Callable[[random.Random, Size], str]
"""Returns the parameter of a shape."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of query; ``$it`` in the text stands for the parameter."""

    name: str
    group: str
    draw: Draw
    text: str

    @property
    def is_graph(self) -> bool:
        """Whether the answer is triples."""
        return self.text.startswith("CONSTRUCT")

    def write(self, size: Size, turn: int) -> str:
        """Return the query of a round.

        >>> SHAPES["labels"].write(Size(100_000), 1) == SHAPES["labels"].write(Size(100_000), 1)
        True
        """
        rng = random.Random(f"{self.name} {size.triples} {turn}")
        return PROLOGUE + Template(self.text).substitute(it=self.draw(rng, size))


def _pick(kind: str, count: Callable[[Size], int]) -> Draw:
    return lambda rng, size: f"id:{kind}-{rng.randrange(count(size))}"


def _pick_year(rng: random.Random, size: Size) -> str:
    return str(rng.randrange(2005, 2024))


def _pick_syllable(rng: random.Random, size: Size) -> str:
    return rng.choice(("bing", "chei", "dan", "gu", "ho", "ling", "mei", "sing", "tan", "zhan"))


def _pick_label(rng: random.Random, size: Size) -> str:
    return f'"{name_thing("person", rng.randrange(size.people))["en"]}"@en'


def _pick_language(rng: random.Random, size: Size) -> str:
    return rng.choice(("en", "zh", "ja"))


def _pick_place(rng: random.Random, size: Size) -> str:
    return f"id:place-{int(PLACES * rng.random() ** 3)}"


def _pick_number(rng: random.Random, size: Size) -> str:
    return str(rng.randrange(2, 10))


PERSON = _pick("person", lambda size: size.people)
# Who has a membership, a participation, a claim and a record also in the smallest graph.
ACTIVE = _pick("person", lambda size: max(1, size.triples // 400))
MEMBERSHIP = _pick("membership", lambda size: max(1, size.triples // 400))
BODY = _pick("body", lambda size: size.bodies)
EDITION = _pick("edition", lambda size: size.editions)
FORUM = _pick("forum", lambda size: size.editions // EDITIONS)
ROLE = _pick("role", lambda size: ROLES)

_SHAPES = (
    # Point: one thing, a bounded number of look-ups.
    Shape("labels", "point", PERSON, "SELECT ?label { $it skos:prefLabel ?label }"),
    Shape("by-label", "point", _pick_label, "SELECT ?thing { ?thing skos:prefLabel $it }"),
    Shape("ask", "point", ACTIVE, "ASK { ?m org:member $it ; kg:tenure kg:current }"),
    Shape("out", "point", PERSON, "SELECT ?p ?o { $it ?p ?o }"),
    Shape("in", "point", PERSON, "SELECT ?s ?p { ?s ?p $it }"),
    Shape(
        "describe",
        "point",
        ACTIVE,
        "CONSTRUCT { $it ?p ?o . ?s ?q $it } WHERE { { $it ?p ?o } UNION { ?s ?q $it } }",
    ),
    Shape("types", "point", MEMBERSHIP, "SELECT ?type { $it a ?type }"),
    Shape(
        "sentence",
        "point",
        MEMBERSHIP,
        "SELECT ?quote ?sentence { $it kg:evidence ?e . ?e kg:quotedText ?quote ; kg:sentence ?sentence }",
    ),
    # Join: two to five patterns from one thing.
    Shape(
        "memberships",
        "join",
        ACTIVE,
        "SELECT ?body ?role { ?m org:member $it ; org:organization ?body ; org:role ?role }",
    ),
    Shape(
        "posts-held",
        "join",
        BODY,
        "SELECT ?person ?name { ?post org:postIn $it . ?person org:holds ?post ; skos:prefLabel ?name }",
    ),
    Shape(
        "evidence-of-node",
        "join",
        MEMBERSHIP,
        "SELECT ?exact ?start ?end { $it kg:evidence ?e . ?e oa:hasTarget ?t . ?t oa:hasSelector ?q, ?p ."
        " ?q oa:exact ?exact . ?p oa:start ?start ; oa:end ?end }",
    ),
    Shape(
        "evidence-of-relation",
        "join",
        PERSON,
        "SELECT ?name ?source { ?fact owl:annotatedSource $it ; owl:annotatedProperty skos:prefLabel ;"
        " owl:annotatedTarget ?name ; kg:evidence ?e . ?e dct:source ?source }",
    ),
    Shape(
        "optional",
        "join",
        BODY,
        "SELECT ?m ?person ?post { ?m org:organization $it ; org:member ?person"
        " OPTIONAL { ?m kg:post ?post } } ORDER BY ?m LIMIT 1000",
    ),
    Shape(
        "union",
        "join",
        ACTIVE,
        "SELECT ?node ?label { { ?node org:member $it } UNION { ?node kg:agent $it }"
        " UNION { ?node kg:saidBy $it } ?node skos:prefLabel ?label }",
    ),
    Shape(
        "values",
        "join",
        ACTIVE,
        "SELECT ?person ?event { VALUES ?person { $it id:person-0 id:person-1 }"
        " ?person kg:participatedIn ?event }",
    ),
    Shape("path-up", "join", BODY, "SELECT ?above { $it org:subOrganizationOf+ ?above }"),
    Shape("path-down", "join", BODY, "SELECT ?below { ?below org:subOrganizationOf* $it }"),
    Shape(
        "path-sequence",
        "join",
        FORUM,
        "SELECT DISTINCT ?place { ?edition schema:superEvent $it ; schema:location/skos:prefLabel ?place }",
    ),
    Shape(
        "colleagues",
        "join",
        ACTIVE,
        "SELECT DISTINCT ?other { $it kg:participatedIn ?event ."
        " ?other kg:participatedIn ?event ; org:holds ?post } ORDER BY ?other LIMIT 50",
    ),
    Shape(
        "construct",
        "join",
        BODY,
        "CONSTRUCT { ?person org:memberOf $it ; skos:prefLabel ?name }"
        " WHERE { ?person org:memberOf $it ; skos:prefLabel ?name FILTER(LANG(?name) = 'en') }",
    ),
    # Analytical: a part of the graph that grows with it.
    Shape(
        "count-class",
        "analytical",
        _pick_number,
        "SELECT ?type (COUNT(*) AS ?n) { ?s a ?type } GROUP BY ?type HAVING (COUNT(*) > $it)",
    ),
    Shape(
        "largest-bodies",
        "analytical",
        ROLE,
        "SELECT ?body (COUNT(?m) AS ?n) { ?m a org:Membership ; org:organization ?body ; org:role $it }"
        " GROUP BY ?body ORDER BY DESC(?n) ?body LIMIT 10",
    ),
    Shape(
        "date-range",
        "analytical",
        _pick_year,
        "SELECT ?article ?date { ?article a schema:NewsArticle ; schema:datePublished ?date"
        ' FILTER(STR(?date) >= "$it-03" && STR(?date) < "$it-09") } ORDER BY ?date ?article LIMIT 100',
    ),
    Shape(
        "regex",
        "analytical",
        _pick_syllable,
        "SELECT ?person ?name { ?person a schema:Person ; skos:prefLabel ?name"
        ' FILTER(LANG(?name) = "en" && REGEX(STR(?name), "^$it", "i")) } ORDER BY ?person LIMIT 100',
    ),
    Shape(
        "contains",
        "analytical",
        _pick_syllable,
        'SELECT ?claim { ?claim a kg:Claim ; kg:content ?text FILTER(CONTAINS(STR(?text), "$it")) }'
        " ORDER BY ?claim LIMIT 100",
    ),
    Shape(
        "order-limit",
        "analytical",
        _pick_language,
        'SELECT ?name { ?s a schema:Person ; skos:prefLabel ?name FILTER(LANG(?name) = "$it") }'
        " ORDER BY DESC(STR(?name)) LIMIT 20",
    ),
    Shape(
        "distinct-join",
        "analytical",
        _pick_place,
        "SELECT DISTINCT ?event { ?body schema:location $it . ?person org:memberOf ?body ;"
        " kg:participatedIn ?event }",
    ),
    Shape(
        "not-exists",
        "analytical",
        ROLE,
        "SELECT (COUNT(*) AS ?n) { ?m a org:Membership ; org:member ?person ; org:role $it"
        " FILTER NOT EXISTS { ?claim kg:about ?person } }",
    ),
    Shape(
        "not-exists-join",
        "analytical",
        ROLE,
        "SELECT (COUNT(*) AS ?n) { ?m a org:Membership ; org:member ?person ; org:role $it"
        " FILTER NOT EXISTS { ?p kg:agent ?person ; kg:capacity kg:speaker } }",
    ),
    Shape(
        "filter-equals",
        "analytical",
        BODY,
        "SELECT ?m ?person { ?m a org:Membership ; org:member ?person ; org:organization ?body"
        " FILTER(?body = $it) }",
    ),
    Shape(
        "filter-in",
        "analytical",
        ROLE,
        "SELECT (COUNT(DISTINCT ?person) AS ?n) { ?m org:member ?person ; org:role ?role ; kg:tenure ?tenure"
        " FILTER(?role IN ($it, id:role-1) && ?tenure = kg:current) }",
    ),
    Shape(
        "minus",
        "analytical",
        ROLE,
        "SELECT (COUNT(*) AS ?n) { ?m a org:Membership ; org:role $it MINUS { ?m kg:tenure kg:former } }",
    ),
    Shape(
        "status-by-modality",
        "analytical",
        _pick_number,
        "SELECT ?status ?modality (COUNT(*) AS ?n) { ?e kg:status ?status ; kg:modality ?modality }"
        " GROUP BY ?status ?modality HAVING (COUNT(*) > $it)",
    ),
    Shape(
        "average-length",
        "analytical",
        _pick_number,
        "SELECT (AVG(STRLEN(?exact)) AS ?mean) (MAX(STRLEN(?exact)) AS ?most) {"
        " ?q a oa:TextQuoteSelector ; oa:exact ?exact FILTER(STRLEN(?exact) > $it) }",
    ),
    Shape(
        "five-joins",
        "analytical",
        EDITION,
        "SELECT ?body (COUNT(DISTINCT ?person) AS ?n) {"
        " ?p kg:event $it ; kg:agent ?person ; kg:capacity kg:speaker ."
        " ?m org:member ?person ; org:organization ?body ; kg:tenure kg:current }"
        " GROUP BY ?body ORDER BY DESC(?n) ?body LIMIT 20",
    ),
)

SHAPES = {shape.name: shape for shape in _SHAPES}

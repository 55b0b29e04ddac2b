"""That a query is read as the engine reads it, and never looks up more than was foretold."""

from __future__ import annotations

import re
from functools import partial
from random import Random

import pyoxigraph as ox
import pytest

from kg.store.embedded.nearby import count_quads
from kg.store.planning.bounds import MAX_QUADS, bound_quads, read_triples
from kg.store.planning.statistics import Statistics
from kg.store.planning.survey import survey_quads

PROLOGUE = "PREFIX ex: <urn:ex:> PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>\n"
ONE = '"1"'
SEEN = ox.NamedNode("urn:seen")
MANY = 3_000
"""Things of the class that has many, beyond any bound."""


def list_lines() -> list[bytes]:
    """Return quads: many things with few of each property, one with many links to it, one with many links."""
    random = Random(7)
    lines = set()
    for number in range(MANY):
        thing = f"<urn:ex:t{number}>"
        graph = f"<urn:g{number % 3}>"
        lines |= {
            f"{thing} <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <urn:ex:Thing> {graph} .",
            f"{thing} <urn:ex:tenure> <urn:ex:current> {graph} .",
            f'{thing} <urn:ex:name> "name {number // 2}"@en {graph} .',
            f'{thing} <urn:ex:name> "name {number // 2}" <urn:g3> .',
            f"{thing} <urn:ex:next> <urn:ex:t{(number + 1) % MANY}> {graph} .",
            f"{thing} <urn:ex:knows> <urn:ex:t{random.randrange(MANY)}> {graph} .",
            f"{thing} <urn:ex:knows> <urn:ex:t{random.randrange(20)}> {graph} .",
            f"{thing} <urn:ex:in> <urn:ex:hub> {graph} .",
        }
        if number % 3:
            lines.add(f"<urn:ex:hub> <urn:ex:has> {thing} {graph} .")
    return [f"{line}\n".encode() for line in sorted(lines)]


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return list_lines()


@pytest.fixture(scope="module")
def store(lines: list[bytes]) -> ox.Store:
    store = ox.Store()
    store.load(b"".join(lines), ox.RdfFormat.N_QUADS)
    return store


@pytest.fixture(scope="module")
def statistics(lines: list[bytes]) -> Statistics:
    return survey_quads(lines)


def make_triple(random: Random) -> str:
    variables = ["?a", "?b", "?c", "$d"]
    thing = f"ex:t{random.randrange(40)}"
    subject = random.choice([*variables, *variables, thing, f"<urn:ex:t{random.randrange(40)}>", "ex:hub"])
    predicate = random.choice(
        ["ex:next", "ex:knows", "ex:name", "ex:in", "ex:has", "a", "ex:tenure", "?p", "?q"]
    )
    name = f'"name {random.randrange(20)}"'
    objects = [thing, name, f"{name}@en", "ex:current", "ex:Thing", "ex:hub", "ex:none"]
    return f"{subject} {predicate} {random.choice([*variables * 2, *objects])}"


def make_chain(random: Random) -> list[str]:
    """Return triples that begin with a few things and go on with what these have, in any order."""
    thing = f"ex:t{random.randrange(20, 40)}"
    begin = [f"{thing} ex:next ?a", f"?a ex:next {thing}", f"{thing} ?p ?a", f"?a ?p {thing}", "?a a ex:none"]
    triples = [random.choice(begin)]
    known = ["?a"]
    for name in random.sample("bcdef", random.randrange(1, 4)):
        subject = random.choice(known)
        ways = [
            f"{subject} ex:next ?{name}",
            f"{subject} ex:name ?{name}",
            f"{subject} ?{name} ?{name}{name}",
        ]
        ends = [f"{subject} ex:tenure ex:current", f"{subject} a ex:Thing", f"?{name} ex:in ex:hub"]
        back = [f"?{name} ex:next {subject}", f"{subject} ex:next ?{name} . ex:t3 ex:knows ?{name}"]
        triples.append(random.choice([*ways, *ends, *ends, *back]))
        known.append(f"?{name}")
    random.shuffle(triples)
    return triples


def make_filter(random: Random) -> str:
    name = random.choice(["?a", "?b", "?c", "$d"])
    tests = [f'LANG({name}) = "en"', f'langMatches(lang({name}), "en")', f"{name} != <urn:ex:t1>"]
    return f"FILTER({random.choice([*tests, f'contains(str({name}), {ONE})'])})"


def make_query(random: Random) -> str:
    triples = make_chain(random) if random.random() < 0.5 else make_triples(random)
    if random.random() < 0.3:
        triples.insert(random.randrange(1, len(triples) + 1), make_filter(random))
    end = random.choice(["", " .", "\n.\n", *([] if triples[-1].startswith("FILTER") else [" ;"])])
    form = random.choice(["ASK", "SELECT *", "SELECT DISTINCT *", "select ?a ?b where"])
    return f"{PROLOGUE}{form} {{ {' . '.join(triples)}{end}}}{random.choice(['', ' # more'])}"


def make_triples(random: Random) -> list[str]:
    triples = [make_triple(random)]
    for _ in range(random.randrange(4)):
        if random.random() < 0.3:
            rest = make_triple(random).split(" ", 1)[1]
            triples[-1] += f" ; {rest}"
        else:
            triples.append(make_triple(random))
    return triples


QUERIES = [make_query(Random(number)) for number in range(2_000)]


def test_many_of_these_queries_are_small_and_many_are_not(store: ox.Store, statistics: Statistics) -> None:
    found = [
        bound_quads(read_triples(text) or (), statistics, partial(count_quads, store)) for text in QUERIES
    ]
    small = sum(0 < quads <= MAX_QUADS for quads in found)
    assert small > 300 and len(found) - small > 300


@pytest.mark.parametrize("part", range(5))
def test_the_engine_looks_up_no_more_than_foretold(
    store: ox.Store, statistics: Statistics, part: int
) -> None:
    """A filter is applied as soon as its variable is known, to each quad that a look-up finds."""
    for text in QUERIES[part::5]:
        triples = read_triples(text)
        assert triples is not None, text
        bound = bound_quads(triples, statistics, partial(count_quads, store))
        if bound > MAX_QUADS:
            continue
        for variable in {term for triple in triples for term in triple if term[0] == "?"}:
            assert count_seen(store, text, variable) <= bound, (text, variable)


def count_seen(store: ox.Store, text: str, variable: str) -> int:
    seen = 0

    def see(term: ox.Term) -> ox.Literal:
        nonlocal seen
        seen += 1
        return ox.Literal(True)

    watched = text.rpartition("}")[0] + f" FILTER(<urn:seen>({variable})) }}"
    result = store.query(watched, use_default_graph_as_union=True, custom_functions={SEEN: see})
    if isinstance(result, ox.QuerySolutions):
        for _ in result:
            pass
    return seen


def test_a_filter_sees_what_is_looked_up(store: ox.Store) -> None:
    """What the test above rests on: of a class that is read whole, all members pass the filter."""
    assert count_seen(store, "SELECT * { ?s a <urn:ex:Thing> . ?s <urn:ex:next> <urn:ex:t1> }", "?s") < 10
    assert count_seen(store, "SELECT * { ?s a <urn:ex:Thing> . ?s <urn:ex:in> <urn:ex:hub> }", "?s") >= MANY


BREAKS = [
    "",
    " ",
    ".",
    ";",
    ",",
    "a",
    ":",
    "?x",
    "<",
    ">",
    '"',
    "@en",
    "\\",
    "#",
    "{",
    "}",
    "(",
    "/",
    "^^",
    "é",
    "\n",
]


def break_text(random: Random) -> str:
    text = make_query(random)
    for _ in range(random.randrange(1, 4)):
        place = random.randrange(len(text) + 1)
        text = text[:place] + random.choice(BREAKS) + text[place + random.randrange(2) :]
    return text


def test_a_text_is_read_as_the_engine_reads_it(store: ox.Store, statistics: Statistics) -> None:
    """Or not at all: what both take means the same."""
    taken, count = 0, partial(count_quads, store)
    for number in range(40_000):
        text = break_text(Random(number))
        triples = read_triples(text)
        if triples is None or text.count("{") + text.count("}") > 2:
            continue
        try:
            if bound_quads(triples, statistics, count) > MAX_QUADS:
                continue
            result = store.query(text, use_default_graph_as_union=True)
        except (SyntaxError, ValueError):
            continue
        head, _, rest = text.partition("{")
        tail = rest.rpartition("}")[2]
        filters = re.findall(r"FILTER\s*\([^{}]*\)", rest)
        parts = [" ".join(triple) for triple in triples] + filters
        plain = f"{head} {{ {' . '.join(parts)} }} {tail}"
        same = store.query(plain, use_default_graph_as_union=True)
        assert serialize(result) == serialize(same), text
        taken += 1
    assert taken > 500


def serialize(result: ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples) -> bytes:
    assert isinstance(result, ox.QuerySolutions | ox.QueryBoolean)
    return result.serialize(format=ox.QueryResultsFormat.JSON) or b""


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { ?s ?p ?o FILTER(?s = ?o) }",
        "SELECT * { ?s ?p ?o FILTER(REGEX(?o, 'a')) }",
        'SELECT * { ?s ?p ?o FILTER(CONTAINS(?o, STR("a"))) }',
        "SELECT * { ?s ?p ?o FILTER(NOW() = ?o) }",
        "SELECT * { ?s ?p ?o FILTER(?o < 5) }",
        "SELECT * { ?s ?p ?o FILTER((?o = <urn:a>)) }",
        "SELECT * { ?s ?p ?o FILTER EXISTS { ?o ?p ?s } }",
        "SELECT * { ?s <urn:p>/<urn:q> ?o }",
        "SELECT * { ?s <urn:p>* ?o }",
        "SELECT * { { ?s ?p ?o } }",
        "SELECT * { GRAPH ?g { ?s ?p ?o } }",
        "SELECT * FROM <urn:g> { ?s ?p ?o }",
        "SELECT * { SERVICE <http://h/> { ?s ?p ?o } }",
        "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }",
        "SELECT * { ?s ?p ?o } ORDER BY ?s",
        "SELECT * { ?s ?p 1 }",
        'SELECT * { ?s ?p "a"^^<urn:t> }',
        'SELECT * { ?s ?p "a"@EN }',
        r'SELECT * { ?s ?p "\u0041" }',
        "SELECT * { ?s ?p <relative> }",
        "SELECT * { ?s ?p <http://h/a/../b> }",
        "BASE <http://h/> SELECT * { ?s ?p ?o }",
        "PREFIX a: <relative> SELECT * { ?s ?p a:b }",
        "PREFIX a: <http://h/> SELECT * { ?s ?p a:b.c }",
        "SELECT * { ?s ?p a:undeclared }",
        "SELECT * { ?s ?p [] }",
        "SELECT * { ?s ?p _:b }",
        "SELECT * { ?s ?p ?o ?q ?r ?t }",
        "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }",
        "DESCRIBE <urn:a>",
        "INSERT DATA { <urn:s> <urn:p> <urn:o> }",
        "SELECT * {" + "?s ?p ?o . " * 9 + "}",
        "SELECT * { ?s ?p ?o }" + " " * 4_000,
        "",
    ],
)
def test_what_is_not_read(text: str) -> None:
    assert read_triples(text) is None


def test_a_filter_in_a_string_is_none() -> None:
    triples = read_triples('ASK { <urn:s> <urn:p> "a FILTER(?x = ?y) b" FILTER(?z = "c") }')
    assert triples == (("<urn:s>", "<urn:p>", '"a FILTER(?x = ?y) b"'),)


def test_nothing_is_foretold_of_a_subject_without_statistics(store: ox.Store) -> None:
    count = partial(count_quads, store)
    chain = read_triples("SELECT * { <urn:ex:t1> <urn:ex:next> ?a . ?a <urn:ex:next> ?b }")
    assert chain is not None
    assert bound_quads(chain, Statistics(), count) > MAX_QUADS
    assert bound_quads(chain[:1], Statistics(), count) == 1

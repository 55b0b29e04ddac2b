"""Queries that mean to bring a server down, each with the statuses that are a right answer to it.

The tests send each once (``tests/webapp/test_hostile.py``), ``bench/soak.py`` all of them for hours.
"""

from __future__ import annotations

HUNDRED = "{" + " ".join(map(str, range(100))) + "}"
DATA = "".join(
    f"<http://h/n{i}> <http://h/p> <http://h/n{(i * 7 + k) % 60}> <http://h/g> .\n"
    for i in range(60)
    for k in range(12)
)
ALL_BY_ALL = "?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l"


def product(names: str) -> str:
    """Return clauses that give a hundred rows for each name, multiplied with those of the others."""
    return " ".join(f"VALUES ?{name} {HUNDRED}" for name in names)


DOUBLINGS = " ".join(f"BIND(CONCAT(?a{i}, ?a{i}) AS ?a{i + 1})" for i in range(40))
P = "<http://h/p>"
PATHS = f"?a ({P}/{P})* ?b . ?b ({P}|^{P})+ ?c . ?c {P}* ?d . ?d {P}* ?e"
GROWTH = f"BIND(REPLACE('{'a' * 5_000}', 'a', '{'b' * 5_000}') AS ?b) "
GROWTH += f"BIND(REPLACE(?b, 'b', '{'c' * 5_000}') AS ?c)"

QUERIES: dict[str, tuple[str, set[int]]] = {
    "deep brackets": ("SELECT * {" + "{" * 50_000 + "}" * 50_000 + "}", {422, 504}),
    "deep parentheses": ("SELECT * { FILTER(" + "(" * 20_000 + "1" + ")" * 20_000 + ") }", {400, 422, 504}),
    "deep NOT": ("SELECT * { FILTER(" + "!" * 50_000 + "true) }", {400, 422, 504}),
    "deep path": ("SELECT * { ?s " + "(" * 20_000 + P + ")" * 20_000 + " ?o }", {400, 422, 504}),
    "deep OPTIONAL": ("SELECT * {" + "OPTIONAL {" * 9_000 + "}" * 9_000 + "}", {200, 422, 504}),
    "huge VALUES": ("SELECT (COUNT(*) AS ?n) { VALUES ?a {" + " 1" * 400_000 + "} }", {200, 422, 504}),
    "ten megabytes": ("SELECT * { ?s ?p '" + "x" * 10_000_000 + "' }", {413}),
    "NUL": ("SELECT * { ?s ?p '\0' }", {200, 400}),
    "a product": (f"SELECT (COUNT(*) AS ?n) {{ {product('abcdef')} }}", {504}),
    "a product of the data": (f"SELECT (COUNT(*) AS ?n) {{ {ALL_BY_ALL} }}", {504}),
    "ORDER BY over a product": (f"SELECT * {{ {product('abcde')} }} ORDER BY ?e ?a", {422, 504}),
    "DISTINCT over a product": (f"SELECT DISTINCT * {{ {product('abcde')} }}", {422, 504}),
    "GROUP BY over a product": (
        f"SELECT ?a ?b ?c ?d {{ {product('abcde')} }} GROUP BY ?a ?b ?c ?d",
        {422, 504},
    ),
    "an exponential path": (f"SELECT (COUNT(*) AS ?n) {{ {PATHS} }}", {200, 504}),
    "string doubling": (
        f"SELECT ?z {{ BIND('xxxxxxxx' AS ?a0) {DOUBLINGS} BIND(STRLEN(?a40) AS ?z) }}",
        {422, 504},
    ),
    "REPLACE that grows": (f"SELECT (STRLEN(?c) AS ?n) {{ {GROWTH} }}", {200, 422, 504}),
    "a catastrophic regular expression": (
        f"ASK {{ FILTER(REGEX('{'a' * 5_000}', '(a+)+$|(a|aa)+b')) }}",
        {200},
    ),
    "a regular expression of great size": (
        "ASK { FILTER(REGEX('a', '((a{100}){100}){100}')) }",
        {200, 422, 504},
    ),
    "a large answer": (f"SELECT * {{ {product('abcd')} }}", {422}),
    "an outbound request": ("SELECT * { SERVICE SILENT <http://127.0.0.1:1/> { ?s ?p ?o } }", {403}),
    "an update": ("INSERT DATA { <urn:a> <urn:b> <urn:c> }", {403}),
    "LOAD": ("LOAD <http://127.0.0.1:1/>", {403}),
    "FROM fetches nothing": ("SELECT * FROM <http://127.0.0.1:1/> { ?s ?p ?o }", {200}),
    "no query at all": ("\x7fELF\x02\x01", {400}),
}

"""Works out the facets of an index: by what things can be narrowed down, and how many have each value.

At 10 million triples a count by SPARQL takes seconds, so the counts are part of the release. What a facet
follows from stands in ``_PATHS``; ``docs/design.md`` says why it is these.
"""

from __future__ import annotations

import sqlite3

from kg.search.schema import FACETS
from kg.vocab import ORG, SCHEMA, Names


def name_relations(names: Names) -> dict[str, str]:
    """Return the properties that facets follow, with the names that the build has for them."""
    own = ("post", "tenure", "agent", "event", "heldDuring", "about", "saidBy", "modality")
    relations = {names.term(name).value: name for name in own}
    relations |= {ORG(name).value: name for name in ("member", "organization", "role", "postIn")}
    relations |= {SCHEMA(name).value: name for name in ("superEvent", "location", "containedInPlace")}
    relations[ORG("transitiveSubOrganizationOf").value] = "within"
    return relations


# Facet, who it is about as seen from the statement ('' is the statement or thing itself), relation of that.
_PATHS = (
    ("body", ("", "member"), "organization"),
    ("body", ("",), "postIn"),
    ("body", ("",), "within"),
    ("role", ("", "member"), "role"),
    ("event", ("", "agent"), "event"),
    ("event", ("",), "superEvent"),
    ("event", ("",), "heldDuring"),
    ("tenure", ("", "member"), "tenure"),
    ("modality", ("", "member", "agent", "saidBy", "about"), "modality"),
)

# A statement bears on those who take part in it, so its facets are theirs as well.
_PREPARE = """
CREATE INDEX temp.relation_predicate ON relation (predicate, subject);
CREATE TEMP TABLE facet (subject TEXT, facet INTEGER, value TEXT);
CREATE TEMP TABLE bearing AS
    SELECT DISTINCT subject AS node, value AS bearer, predicate AS part FROM relation
    WHERE predicate IN ('member', 'agent', 'saidBy', 'about');
INSERT INTO bearing SELECT iri, iri, '' FROM entity WHERE tier < 2;
CREATE INDEX temp.bearing_node ON bearing (node, part);
INSERT INTO relation SELECT r.subject, 'role', p.value FROM relation r
    JOIN relation p ON p.predicate = 'role' AND p.subject = r.value WHERE r.predicate = 'post';
INSERT INTO facet SELECT subject, :type, class FROM type;
"""

_PATH = """
INSERT INTO facet SELECT b.bearer, :facet, r.value FROM relation r
    JOIN bearing b ON b.node = r.subject AND b.part = :part WHERE r.predicate = :relation;
"""

# How far a fact can be trusted: of statements, and of simple relations through their axiom.
_STATUS = """
INSERT INTO facet SELECT DISTINCT ifnull(b.bearer, a.subject), :status, r.value FROM relation r
    JOIN evidence e ON e.record = r.subject
    LEFT JOIN axiom a ON a.fact = e.fact
    LEFT JOIN bearing b ON b.node = e.fact
    WHERE r.predicate = 'status';
"""

# Whatever is within a country, belongs to a body of it or has a post there, by any number of steps.
_COUNTRY = """
CREATE TEMP TABLE step AS
    SELECT DISTINCT subject AS inner, value AS outer FROM relation
    WHERE predicate IN ('organization', 'post', 'postIn', 'within', 'location', 'containedInPlace')
    UNION SELECT bearer, node FROM bearing WHERE part = 'member';
CREATE INDEX temp.step_outer ON step (outer);
INSERT INTO facet
    WITH RECURSIVE within (subject, country) AS (
        SELECT subject, subject FROM type WHERE class = :country_class
        UNION SELECT s.inner, w.country FROM within w JOIN step s ON s.outer = w.subject)
    SELECT subject, :country, country FROM within WHERE subject <> country;
"""

_COUNT = """
CREATE TEMP TABLE known AS
    SELECT DISTINCT f.facet, f.value, e.id AS entity FROM facet f JOIN entity e ON e.iri = f.subject
    WHERE e.tier < 2;
INSERT INTO value (facet, iri, things)
    SELECT facet, value, count(*) AS things FROM known
    GROUP BY facet, value ORDER BY facet, things DESC, value;
INSERT INTO posting SELECT v.id, k.entity FROM known k JOIN value v ON v.facet = k.facet AND v.iri = k.value
    ORDER BY 1, 2;
CREATE INDEX posting_entity ON posting (entity, value);
INSERT INTO type_count
    SELECT t.value, o.value, count(*) FROM posting t
    JOIN value v ON v.id = t.value AND v.facet = :type
    JOIN posting o ON o.entity = t.entity GROUP BY 1, 2 ORDER BY 1, 2;
"""


def count_facets(database: sqlite3.Connection) -> None:
    """Fill the tables of facets from the temporary tables of relations, types and evidence."""
    numbers = {name: number for number, name in enumerate(FACETS)}
    run(database, _PREPARE, type=numbers["type"])
    for facet, parts, relation in _PATHS:
        for part in parts:
            run(database, _PATH, facet=numbers[facet], part=part, relation=relation)
    run(database, _STATUS, status=numbers["status"])
    run(database, _COUNTRY, country=numbers["country"], country_class=SCHEMA("Country").value)
    run(database, _COUNT, type=numbers["type"])


def run(database: sqlite3.Connection, script: str, **values: str | int) -> None:
    """Run the statements of a script, each ended by a semicolon at the end of a line, with named values."""
    # Not executescript, which takes no values and commits.
    for statement in script.split(";\n"):
        if statement.strip():
            database.execute(statement, values)

"""The tables of an index, as the build writes them and a reader finds them."""

from __future__ import annotations

from hashlib import blake2b

FACETS = ("type", "body", "role", "event", "tenure", "country", "modality", "status")
"""What things can be narrowed down by; a facet's number in the tables is its place here."""

PREFERRED, ALTERNATIVE = 0, 1
"""Kinds of names."""

THINGS, STATEMENTS, VOCABULARY = 0, 1, 2
"""Tiers of importance: what articles speak of, statements about that, terms of the vocabulary."""

# The full-text tables hold no text of their own (content=''); their rows have the ids of name and quote.
# The text is folded before, words are parted by spaces and hold no other separator, so the tokenizer that
# splits at ASCII is all it takes, and no character is too new for the tables of `unicode61`.
SCHEMA = """
CREATE TABLE variant (character TEXT PRIMARY KEY, leader TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entity (
    id INTEGER PRIMARY KEY, iri TEXT NOT NULL, tier INTEGER NOT NULL, links INTEGER NOT NULL,
    date TEXT NOT NULL, sort_name TEXT NOT NULL DEFAULT ''
);
CREATE TABLE name (
    id INTEGER PRIMARY KEY, entity INTEGER NOT NULL, kind INTEGER NOT NULL, lang TEXT NOT NULL,
    text TEXT NOT NULL, hash INTEGER NOT NULL
);
CREATE TABLE value (
    id INTEGER PRIMARY KEY, facet INTEGER NOT NULL, iri TEXT NOT NULL, things INTEGER NOT NULL
);
CREATE TABLE posting (value INTEGER, entity INTEGER, PRIMARY KEY (value, entity)) WITHOUT ROWID;
CREATE TABLE type_count (type INTEGER, value INTEGER, things INTEGER NOT NULL, PRIMARY KEY (type, value))
    WITHOUT ROWID;
CREATE TABLE property (type INTEGER, iri TEXT, things INTEGER NOT NULL, PRIMARY KEY (type, iri))
    WITHOUT ROWID;
CREATE TABLE quote (
    id INTEGER PRIMARY KEY, article TEXT NOT NULL, sentence INTEGER NOT NULL, text TEXT NOT NULL
);
CREATE TABLE citation (quote INTEGER, entity INTEGER, PRIMARY KEY (quote, entity)) WITHOUT ROWID;
CREATE VIRTUAL TABLE name_index USING fts5 (
    words, types, content='', columnsize=0, prefix='1 2 3 4', tokenize='ascii'
);
CREATE VIRTUAL TABLE quote_index USING fts5 (
    words, content='', columnsize=0, prefix='2 3', tokenize='ascii'
);
"""

INDEXES = """
CREATE INDEX entity_name ON entity (sort_name, id);
CREATE INDEX entity_date ON entity (date, id);
CREATE INDEX name_entity ON name (entity);
CREATE INDEX name_hash ON name (hash);
CREATE UNIQUE INDEX value_iri ON value (facet, iri);
"""


def hash_name(folded: str) -> int:
    """Return a signed 64-bit number by which whole names are looked up; equal names have equal ones.

    >>> hash_name("wang yi") == hash_name("wang yi"), hash_name("wang yi") == hash_name("wang")
    (True, False)
    """
    return int.from_bytes(blake2b(folded.encode(), digest_size=8).digest(), signed=True)


def type_word(value: int) -> str:
    """Return the word of the full-text index that stands for a type, by the id of its facet value."""
    return f"t{value}"

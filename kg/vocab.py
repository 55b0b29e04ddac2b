"""The names that the code itself uses: namespaces, terms, and the IRIs minted under a base.

Anything the ontology says beyond these is data to the code.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from pyoxigraph import Literal, NamedNode


def named(term: object) -> NamedNode:
    """Return a term that is known to be an IRI, since nothing published is a blank node.

    Raises
    ------
    TypeError: it is another kind of term.
    """
    if not isinstance(term, NamedNode):
        raise TypeError(f"{term} is not an IRI")
    return term


def plain(term: object) -> NamedNode | Literal:
    """Return a term that is known to be an IRI or a literal; raises ``TypeError`` for another."""
    return term if isinstance(term, Literal) else named(term)


class Namespace:
    """Makes terms of one namespace, each of them once.

    >>> SKOS("prefLabel")
    <NamedNode value=http://www.w3.org/2004/02/skos/core#prefLabel>
    """

    def __init__(self, iri: str) -> None:
        self.iri = iri
        self._terms: dict[str, NamedNode] = {}

    def __call__(self, name: str) -> NamedNode:
        """Return the term of that name."""
        term = self._terms.get(name)
        if term is None:
            term = self._terms[name] = NamedNode(self.iri + name)
        return term


RDF = Namespace("http://www.w3.org/1999/02/22-rdf-syntax-ns#")
RDFS = Namespace("http://www.w3.org/2000/01/rdf-schema#")
OWL = Namespace("http://www.w3.org/2002/07/owl#")
XSD = Namespace("http://www.w3.org/2001/XMLSchema#")
SKOS = Namespace("http://www.w3.org/2004/02/skos/core#")
ORG = Namespace("http://www.w3.org/ns/org#")
OA = Namespace("http://www.w3.org/ns/oa#")
PROV = Namespace("http://www.w3.org/ns/prov#")
DCT = Namespace("http://purl.org/dc/terms/")
SCHEMA = Namespace("https://schema.org/")
SH = Namespace("http://www.w3.org/ns/shacl#")
WD = Namespace("http://www.wikidata.org/entity/")

BUILT_IN = (RDF.iri, RDFS.iri, OWL.iri, XSD.iri)
"""Namespaces whose terms need no declaration in the ontology."""

TYPE = RDF("type")
REIFIES = RDF("reifies")
COMMENT = RDFS("comment")
AXIOM = OWL("Axiom")
EXACT, PREFIX, SUFFIX = OA("exact"), OA("prefix"), OA("suffix")
PREF_LABEL = SKOS("prefLabel")
SOURCE = DCT("source")
LICENCE = DCT("license")

HASH_DIGITS = 16
"""Hexadecimal digits of a minted hash: 64 bits, so a clash among a billion records has odds of 1 in 37."""


@dataclass(frozen=True, slots=True)
class Names:
    """Mints IRIs under ``base``, which ends with a slash.

    >>> Names("http://h/").sentence("a", 3)
    <NamedNode value=http://h/article/a/sentence/3>
    """

    base: str

    @property
    def ontology(self) -> NamedNode:
        """The ontology, and its named graph."""
        return NamedNode(f"{self.base}ontology")

    @property
    def entities(self) -> NamedNode:
        """The named graph of the shared entities."""
        return NamedNode(f"{self.base}entities")

    def term(self, name: str) -> NamedNode:
        """Return a term of the own vocabulary."""
        return _open_ontology(self.base)(name)

    def query(self, name: str) -> NamedNode:
        """Return an example query."""
        return NamedNode(f"{self.base}ontology/query/{name}")

    def thing(self, slug: str) -> NamedNode:
        """Return a thing: an entity or an n-ary node."""
        return NamedNode(f"{self.base}id/{slug}")

    def article(self, slug: str) -> NamedNode:
        """Return an article, which is its named graph as well."""
        return NamedNode(f"{self.base}article/{slug}")

    def text(self, slug: str) -> NamedNode:
        """Return the captured text of an article."""
        return NamedNode(f"{self.base}article/{slug}/text")

    def sentence(self, slug: str, number: int) -> NamedNode:
        """Return a sentence of an article, counted from 1."""
        return NamedNode(f"{self.base}article/{slug}/sentence/{number}")

    def under(self, kind: str, name: str) -> NamedNode:
        """Return the IRI of something minted earlier, such as ``evidence/<hash>``."""
        return NamedNode(f"{self.base}{kind}/{name}")

    def fact(self, *key: object) -> NamedNode:
        """Return the axiom of a simple relation; ``key`` is its subject, property and value."""
        return NamedNode(f"{self.base}fact/{self._hash(key)}")

    def evidence(self, *key: object) -> NamedNode:
        """Return an evidence record; ``key`` is what makes it this one."""
        return NamedNode(f"{self.base}evidence/{self._hash(key)}")

    def _hash(self, key: tuple[object, ...]) -> str:
        # Over relative IRIs, so that a hash stays what it is when the base changes.
        text = "\x1f".join(str(part) for part in key).replace(f"<{self.base}", "<")
        return sha256(text.encode()).hexdigest()[:HASH_DIGITS]

    @property
    def prefixes(self) -> dict[str, str]:
        """Prefixes of what is published, as serialisers take them."""
        return {
            "id": f"{self.base}id/",
            "kg": f"{self.base}ontology#",
            "dct": DCT.iri,
            "oa": OA.iri,
            "org": ORG.iri,
            "owl": OWL.iri,
            "prov": PROV.iri,
            "rdf": RDF.iri,
            "rdfs": RDFS.iri,
            "schema": SCHEMA.iri,
            "sh": SH.iri,
            "skos": SKOS.iri,
            "wd": WD.iri,
            "xsd": XSD.iri,
        }


@lru_cache(maxsize=8)
def _open_ontology(base: str) -> Namespace:
    return Namespace(f"{base}ontology#")


def expand(name: str, names: Names) -> str:
    """Return the IRI that a prefixed name means; what is none comes back as it is.

    >>> expand("kg:Zone", Names("http://h/"))
    'http://h/ontology#Zone'
    """
    prefix, _, local = name.partition(":")
    namespace = names.prefixes.get(prefix)
    return name if namespace is None else namespace + local


def shorten(iri: str, names: Names) -> str:
    """Return a prefixed name where a prefix fits, a path under the base, or the IRI.

    >>> shorten("http://h/ontology#Zone", Names("http://h/"))
    'kg:Zone'
    """
    for prefix, namespace in names.prefixes.items():
        local = iri.removeprefix(namespace)
        if local != iri and local and "/" not in local:
            return f"{prefix}:{local}"
    return iri.removeprefix(names.base)

"""What the dataset of a release is, for programs: VoID, DCAT 3 and the names of its graphs.

Sources: Describing Linked Datasets with the VoID Vocabulary; Data Catalog Vocabulary, version 3; SPARQL 1.1
Service Description, section 3 (named graphs). All figures are those of the union of the graphs, which is
what a query sees, so that each can be checked with a count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from pyoxigraph import Literal, NamedNode, Triple

from kg.formats import DOCUMENT_FORMATS, find_format
from kg.release.layout import DumpFile, Manifest
from kg.release.survey import PropertyUse, Survey
from kg.vocab import DCT, LICENCE, SKOS, TYPE, XSD, Names, Namespace

VOID = Namespace("http://rdfs.org/ns/void#")
DCAT = Namespace("http://www.w3.org/ns/dcat#")
SD = Namespace("http://www.w3.org/ns/sparql-service-description#")
SPDX = Namespace("http://spdx.org/rdf/terms#")
FOAF = Namespace("http://xmlns.com/foaf/0.1/")

PREFIXES = {"void": VOID.iri, "dcat": DCAT.iri, "sd": SD.iri, "spdx": SPDX.iri, "foaf": FOAF.iri}
"""Prefixes beside those of the data."""

ADDRESS = ".well-known/void"
TITLE = {"en": "Article KG", "zh": "Article KG", "ja": "Article KG"}
DESCRIPTION = {
    "en": "The facts of news articles as linked data, each with the sentence that it comes from.",
    "zh": "以关联数据发布的新闻文章事实，每项事实均附其所出自的句子。",
    "ja": "ニュース記事の事実をリンクトデータとして公開し、各事実に拠り所の文を添えたもの。",
}
EXAMPLES_NAMED = 5
"""Example resources that are named, one of a class."""

_PACKED = {"gzip": "application/gzip", "zstd": "application/zstd"}
_FORMAT_NAMES = {
    "turtle": "Turtle",
    "ntriples": "N-Triples",
    "jsonld": "JSON-LD",
    "rdfxml": "RDF_XML",
    "trig": "TriG",
    "nquads": "N-Quads",
}
_MEDIA_TYPES = "https://www.iana.org/assignments/media-types/"
_RDF_1_2 = NamedNode("https://www.w3.org/TR/rdf12-concepts/")
_PROTOCOL = NamedNode("http://www.w3.org/TR/sparql11-protocol/")

_Pair = tuple[NamedNode, NamedNode | Literal]


def describe_dataset(
    manifest: Manifest, survey: Survey, sizes: Mapping[str, int], names: Names
) -> list[Triple]:
    """Return the description of a dataset; no blank nodes, each part has an IRI under that of the document.

    Parameters
    ----------
    sizes: IRI of a named graph → triples in it.
    """
    teller = _Teller(manifest, names)
    described = [
        *teller.describe_document(),
        *teller.describe_dataset(survey),
        *teller.describe_partitions(survey),
        *teller.describe_graphs(sizes),
        *teller.describe_links(survey.links),
        *teller.describe_files(),
        *teller.describe_service(),
    ]
    return sorted(set(described), key=lambda t: (str(t.subject), t.predicate != TYPE, str(t)))


class _Teller:
    """Tells of one release; each method yields the triples of one part."""

    def __init__(self, manifest: Manifest, names: Names) -> None:
        self.manifest = manifest
        self.names = names
        self.document = NamedNode(names.base + ADDRESS)
        self.dataset = self._part("dataset")
        self.service = self._part("sparql")
        self.licence = NamedNode(manifest.licence) if manifest.licence else None

    def _part(self, name: str) -> NamedNode:
        return NamedNode(f"{self.document.value}#{name}")

    def _at(self, path: str) -> NamedNode:
        return NamedNode(self.names.base + path)

    def _short(self, iri: str) -> str:
        """Return a name for a fragment: *org-Post* of an IRI with a prefix, else what is left of it."""
        for prefix, namespace in self.names.prefixes.items():
            if iri.startswith(namespace):
                return f"{prefix}-{iri.removeprefix(namespace)}"
        return re.sub(r"[^A-Za-z0-9]+", "-", iri.removeprefix(self.names.base)).strip("-")

    def _say(self, subject: NamedNode, pairs: Iterable[_Pair]) -> Iterator[Triple]:
        return (Triple(subject, predicate, value) for predicate, value in pairs)

    def _terms(self) -> Iterator[_Pair]:
        if self.licence is not None:
            yield LICENCE, self.licence

    def describe_document(self) -> Iterator[Triple]:
        catalogue = self._part("catalogue")
        about = [(TYPE, VOID("DatasetDescription")), (FOAF("primaryTopic"), self.dataset)]
        yield from self._say(self.document, [*about, *self._terms()])
        parts = [(DCAT("dataset"), self.dataset), (DCAT("service"), self.service)]
        titles = [(DCT("title"), Literal(text, language=tag)) for tag, text in TITLE.items()]
        yield from self._say(catalogue, [(TYPE, DCAT("Catalog")), *parts, *titles, *self._terms()])

    def describe_dataset(self, survey: Survey) -> Iterator[Triple]:
        yield from self._say(self.dataset, [(TYPE, VOID("Dataset")), (TYPE, DCAT("Dataset")), *self._terms()])
        for predicate, texts in ((DCT("title"), TITLE), (DCT("description"), DESCRIPTION)):
            yield from self._say(
                self.dataset, ((predicate, Literal(t, language=k)) for k, t in texts.items())
            )
        yield from self._say(self.dataset, self._counts(survey))
        yield from self._say(self.dataset, self._access())
        for article in self.manifest.articles:
            root = [(VOID("rootResource"), NamedNode(article.iri))]
            source = [(DCT("source"), NamedNode(article.url))] if article.url else []
            yield from self._say(self.dataset, [*root, *source])

    def _counts(self, survey: Survey) -> Iterator[_Pair]:
        yield VOID("triples"), Literal(survey.triples)
        yield VOID("distinctSubjects"), Literal(survey.subjects)
        yield VOID("distinctObjects"), Literal(survey.objects)
        yield VOID("properties"), Literal(len(survey.properties))
        yield VOID("classes"), Literal(len(survey.classes))
        yield VOID("entities"), Literal(survey.entities)

    def _access(self) -> Iterator[_Pair]:
        yield VOID("uriSpace"), Literal(self.names.thing("").value)
        yield VOID("sparqlEndpoint"), self._at("sparql")
        yield FOAF("homepage"), NamedNode(self.names.base)
        yield DCAT("landingPage"), NamedNode(self.names.base)
        yield DCT("identifier"), Literal(self.manifest.id)
        yield DCAT("version"), Literal(self.manifest.id)
        yield DCT("issued"), Literal(self.manifest.created, datatype=XSD("dateTime"))
        for fmt in DOCUMENT_FORMATS:
            yield VOID("feature"), NamedNode("http://www.w3.org/ns/formats/" + _FORMAT_NAMES[fmt.name])

    # --- what is in it

    def describe_partitions(self, survey: Survey) -> Iterator[Triple]:
        yield from self._say(self.dataset, self._vocabularies([*survey.classes, *survey.properties]))
        yield from self._examples(survey)
        for iri, kind in survey.classes.items():
            part = self._part(f"class-{self._short(iri)}")
            yield Triple(self.dataset, VOID("classPartition"), part)
            pairs: list[_Pair] = [(VOID("class"), NamedNode(iri)), (VOID("entities"), Literal(kind.things))]
            yield from self._say(part, [*pairs, (VOID("exampleResource"), NamedNode(kind.example))])
        for iri, use in survey.properties.items():
            part = self._part(f"property-{self._short(iri)}")
            yield Triple(self.dataset, VOID("propertyPartition"), part)
            yield from self._say(part, [(VOID("property"), NamedNode(iri)), *_describe_use(use)])

    def _vocabularies(self, terms: list[str]) -> Iterator[_Pair]:
        for namespace in self.names.prefixes.values():
            if any(term.startswith(namespace) for term in terms):
                own = namespace == self.names.term("").value
                yield VOID("vocabulary"), self.names.ontology if own else NamedNode(namespace)

    def _examples(self, survey: Survey) -> Iterator[Triple]:
        """Name the first thing of the largest classes."""
        largest = sorted(survey.classes.items(), key=lambda item: (-item[1].entities, item[0]))
        for _, kind in largest[:EXAMPLES_NAMED]:
            if kind.first_entity:
                yield Triple(self.dataset, VOID("exampleResource"), NamedNode(kind.first_entity))

    def describe_graphs(self, sizes: Mapping[str, int]) -> Iterator[Triple]:
        for graph, size in sizes.items():
            name, part = (self._part(f"{kind}-{self._short(graph)}") for kind in ("name", "graph"))
            yield Triple(self.dataset, SD("namedGraph"), name)
            yield from self._say(
                name, [(TYPE, SD("NamedGraph")), (SD("name"), NamedNode(graph)), (SD("graph"), part)]
            )
            yield Triple(self.dataset, VOID("subset"), part)
            yield from self._say(
                part, [(TYPE, SD("Graph")), (TYPE, VOID("Dataset")), (VOID("triples"), Literal(size))]
            )

    def describe_links(self, spaces: Mapping[str, int]) -> Iterator[Triple]:
        """Yield a linkset for each space that ``skos:exactMatch`` leads to."""
        for space, size in spaces.items():
            part, target = (self._part(f"{kind}-{_slug(space)}") for kind in ("links", "dataset"))
            yield Triple(self.dataset, VOID("subset"), part)
            yield from self._say(part, [(TYPE, VOID("Linkset")), (VOID("linkPredicate"), SKOS("exactMatch"))])
            yield from self._say(
                part, [(VOID("subjectsTarget"), self.dataset), (VOID("objectsTarget"), target)]
            )
            yield Triple(part, VOID("triples"), Literal(size))
            yield from self._say(target, [(TYPE, VOID("Dataset")), (VOID("uriSpace"), Literal(space))])

    # --- where it can be had

    def describe_files(self) -> Iterator[Triple]:
        for dump in self.manifest.dumps:
            address = self._at(f"dumps/{dump.name}")
            part, checksum = (self._part(f"{kind}-{dump.name}") for kind in ("file", "checksum"))
            if dump.graph:
                yield Triple(self._part(f"graph-{self._short(dump.graph)}"), VOID("dataDump"), address)
            elif dump.rdf == "1.1":  # in RDF 1.2 there are other triples
                yield Triple(self.dataset, VOID("dataDump"), address)
            yield Triple(self.dataset, DCAT("distribution"), part)
            yield from self._say(part, [(TYPE, DCAT("Distribution")), *self._terms(), *_describe_file(dump)])
            yield from self._say(part, [(DCAT("downloadURL"), address), (SPDX("checksum"), checksum)])
            yield from self._say(checksum, _describe_checksum(dump))

    def describe_service(self) -> Iterator[Triple]:
        endpoint = self._at("sparql")
        pairs: list[_Pair] = [
            (TYPE, DCAT("DataService")),
            (DCT("title"), Literal("SPARQL 1.1 endpoint", language="en")),
        ]
        pairs += [(DCAT("endpointURL"), endpoint), (DCAT("endpointDescription"), endpoint)]
        pairs += [(DCAT("servesDataset"), self.dataset), (DCT("conformsTo"), _PROTOCOL), *self._terms()]
        return self._say(self.service, pairs)


def _describe_use(use: PropertyUse) -> Iterator[_Pair]:
    yield VOID("triples"), Literal(use.triples)
    yield VOID("distinctSubjects"), Literal(use.subjects)
    yield VOID("distinctObjects"), Literal(use.objects)
    yield VOID("exampleResource"), NamedNode(use.example)


def _describe_file(dump: DumpFile) -> Iterator[_Pair]:
    fmt = find_format(dump.format, DOCUMENT_FORMATS)
    yield DCT("title"), Literal(dump.name)
    yield DCAT("byteSize"), Literal(str(dump.size_bytes), datatype=XSD("nonNegativeInteger"))
    if fmt is not None:
        yield DCAT("mediaType"), NamedNode(_MEDIA_TYPES + fmt.media_type)
    if dump.coding in _PACKED:
        yield DCAT("compressFormat"), NamedNode(_MEDIA_TYPES + _PACKED[dump.coding])
    if dump.rdf == "1.2":
        yield DCT("conformsTo"), _RDF_1_2


def _describe_checksum(dump: DumpFile) -> Iterator[_Pair]:
    yield TYPE, SPDX("Checksum")
    yield SPDX("algorithm"), SPDX("checksumAlgorithm_sha256")
    yield SPDX("checksumValue"), Literal(dump.sha256, datatype=XSD("hexBinary"))


def _slug(space: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", space.partition("://")[2]).strip("-")

"""An index of names in four scripts, without a store or a release around it."""

from __future__ import annotations

from collections.abc import Iterator

import pyoxigraph as ox
import pytest

from kg.release.making.search import write_index
from kg.search.index import SearchIndex
from kg.vocab import Names

BASE = "http://h/"
DATA = """
PREFIX kg: <ontology#>
PREFIX id: <id/>
PREFIX org: <http://www.w3.org/ns/org#>
PREFIX owl: <http://www.w3.org/2002/07/owl#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX schema: <https://schema.org/>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>

GRAPH <ontology> {
    schema:Person a owl:Class ; rdfs:label "person"@en , "人物"@zh .
    <ontology/query/x> rdfs:label "Wang in a query"@en .
}
GRAPH <entities> {
    id:wang-yi a schema:Person ; skos:prefLabel "Wang Yi"@en , "王毅"@zh , "王毅"@ja .
    id:motegi a schema:Person ; skos:prefLabel "Motegi Toshimitsu"@en , "茂木敏充"@ja ;
        skos:altLabel "Toshimitsu Motegi"@en .
    id:lou-jiwei a schema:Person ; skos:prefLabel "Lóu Jìwěi"@en , "楼继伟"@zh , "楼継偉"@ja .
    id:cjic a org:Organization , schema:Place ; skos:altLabel "CJIC"@en ;
        skos:prefLabel "北京中日创新合作示范区"@zh , "北京中日イノベーション協力モデル区"@ja .
    id:cjic-company a org:Organization ; skos:prefLabel "CJIC’s Platform Company"@en .
    id:forum a schema:Event ; skos:prefLabel "Beijing-Tokyo Forum"@en , "北京-東京フォーラム"@ja ;
        schema:startDate "2021-10-25" .
    id:wangari a schema:Person ; skos:prefLabel "Wangari Ødegård"@en .
    id:no-name a schema:Person .
}
GRAPH <article/a> {
    <article/a> a schema:NewsArticle ; schema:headline "Wang Yi speaks"@en .
    id:wang-as-minister a org:Membership ; org:member id:wang-yi ; org:organization id:cjic ;
        skos:prefLabel "Wang Yi as minister"@en ; kg:evidence <evidence/1> .
    id:motegi-speaks a kg:Participation ; kg:agent id:motegi ; kg:event id:forum ; kg:evidence <evidence/2> .
    <fact/1> owl:annotatedSource id:cjic ; kg:evidence <evidence/1> .
    <evidence/1> kg:quotedText "Minister Wang Yi of CJIC" ; kg:status kg:stated ;
        kg:sentence <article/a/sentence/2> , <article/a/sentence/10> .
    <evidence/2> kg:quotedText "Motegi addressed the Forum" ; kg:sentence <article/a/sentence/3> .
}
"""


def read_quads(data: str = DATA) -> list[ox.Quad]:
    return list(ox.parse(data, format=ox.RdfFormat.TRIG, base_iri=BASE))


def read_lines(data: str = DATA) -> list[bytes]:
    return [f"{quad} .\n".encode() for quad in read_quads(data)]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchIndex]:
    path = tmp_path_factory.mktemp("index") / "search.sqlite"
    write_index(path, read_lines(), Names(BASE))
    index = SearchIndex(path)
    yield index
    index.close()

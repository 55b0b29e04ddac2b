"""The page of the vocabulary: whole, anchored, in three languages; and what programs get of it."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest
import rdflib
from flask.testing import FlaskClient
from rdflib import OWL, RDF, RDFS, SKOS, URIRef

from tests.conftest import BASE

KINDS = (OWL.Class, OWL.ObjectProperty, OWL.AnnotationProperty, SKOS.ConceptScheme, SKOS.Concept)


class Anchors(HTMLParser):
    """Gathers what a page can be linked at, and where it links to on itself."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag == "a" and (given.get("href") or "").startswith("#"):
            self.targets.add(str(given["href"])[1:])


@pytest.fixture(scope="module")
def graph(article_client: FlaskClient) -> rdflib.Graph:
    return rdflib.Graph().parse(data=article_client.get("/ontology?format=nt").data, format="nt")


def get_page(client: FlaskClient, language: str = "en") -> str:
    answer = client.get("/ontology", headers={"Accept": "text/html", "Accept-Language": language})
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    return answer.text


def test_every_term_has_its_place(article_client: FlaskClient, graph: rdflib.Graph) -> None:
    page = get_page(article_client)
    anchors = Anchors(page)
    assert len(anchors.ids) == len(set(anchors.ids)), "an anchor stands twice"
    assert anchors.targets <= set(anchors.ids), anchors.targets - set(anchors.ids)
    terms = {term for kind in KINDS for term in graph.subjects(RDF.type, kind)}
    assert len(terms) > 100
    for term in terms:
        assert f"<code>{term}</code>" in page, term
        if str(term).startswith(f"{BASE}ontology#"):
            assert str(term).partition("#")[2] in anchors.ids, term


@pytest.mark.parametrize("language", ["en", "zh", "ja"])
def test_labels_and_definitions_are_there_in_each_language(
    article_client: FlaskClient, graph: rdflib.Graph, language: str
) -> None:
    page = html.unescape(get_page(article_client, language))
    for predicate in (RDFS.label, SKOS.prefLabel, SKOS.definition):
        for term, text in graph.subject_objects(predicate):
            if str(term).startswith(f"{BASE}ontology#"):
                assert str(text) in page, (term, text)
    zone = page[page.index('id="DemonstrationZone"') :]
    heading = re.search(r'<h3>.*?<span lang="(\w+)">', zone)
    assert heading
    assert heading[1] == language


def test_the_diagram_shows_classes_and_how_they_hang_together(article_client: FlaskClient) -> None:
    drawn = re.findall(r"<svg.*?</svg>", get_page(article_client), re.DOTALL)
    assert len(drawn) == 2
    for drawing in drawn:
        assert "<title" in drawing
        assert "style=" not in drawing
    assert 'href="#DemonstrationZone"' in drawn[0]
    assert 'href="#org-Organization"' in drawn[0]
    assert "demonstration zone" in drawn[0]
    assert ">tenure</text>" in drawn[1]


def test_terms_show_data_and_what_shapes_ask(article_client: FlaskClient) -> None:
    page = get_page(article_client)
    membership = page[page.index('id="org-Membership"') :].partition("</article>")[0]
    query = {"query": "SELECT ?m WHERE { ?m a <http://www.w3.org/ns/org#Membership> }", "format": "csv"}
    count = len(article_client.get("/sparql", query_string=query).text.split()) - 1
    assert f"{count} ×" in membership
    assert 'href="/page/' in membership
    assert "A membership has exactly one org:organization." in membership


def test_programs_get_versions_shapes_and_context(article_client: FlaskClient, graph: rdflib.Graph) -> None:
    version = graph.value(URIRef(f"{BASE}ontology"), OWL.versionIRI)
    path = str(version).removeprefix(BASE.rstrip("/"))
    answer = article_client.get(path, headers={"Accept": "text/turtle"})
    assert set(rdflib.Graph().parse(data=answer.data, format="turtle")) == set(graph)
    assert article_client.get("/ontology/99.0").status_code == 404
    sizes = set()
    for name in ("turtle", "nt", "xml"):
        shapes = article_client.get("/ontology/shapes", query_string={"format": name}).data
        sizes.add(len(rdflib.Graph().parse(data=shapes, format=name)))
    assert len(sizes) == 1
    assert sizes.pop() > 100
    assert article_client.get("/ontology/shapes", headers={"Accept": "text/turtle"}).text.startswith("@base")

"""Entity, article and vocabulary documents of the tiny dataset: negotiation, evidence, golden pages."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyoxigraph as ox
import pytest
import rdflib
from flask.testing import FlaskClient

from kg.check.findings import check_sources
from kg.release.layout import Release
from kg.release.making.build import build_release
from kg.settings import Settings
from kg.sources import read_sources
from tests.conftest import BASE
from tests.webapp.conftest import BufferingClient
from webapp.app import create_app
from webapp.assets import Assets
from webapp.languages import open_interface

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.fixture(scope="module")
def client(mini_var: Path, mini_release: Release) -> Iterator[FlaskClient]:
    app = create_app(Settings(var=str(mini_var), query_workers=1))
    app.test_client_class = BufferingClient
    yield app.test_client()
    app.extensions["kg_contexts"].close()


@pytest.mark.parametrize(
    ("accept", "location"),
    [
        ("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "/page/ada-lind"),
        ("*/*", "/page/ada-lind"),
        ("text/turtle", "/data/ada-lind.ttl"),
        ("application/rdf+xml;q=0.4, application/ld+json", "/data/ada-lind.jsonld"),
        ("text/html;q=0.2, application/n-triples", "/data/ada-lind.nt"),
    ],
)
def test_a_thing_leads_to_a_document(client: FlaskClient, accept: str, location: str) -> None:
    answer = client.get("/id/ada-lind", headers={"Accept": accept})
    assert (answer.status_code, answer.location) == (303, location)
    assert "Accept" in answer.vary


def test_what_cannot_be_had_is_told(client: FlaskClient) -> None:
    assert client.get("/id/ada-lind", headers={"Accept": "image/png"}).status_code == 406
    for path in ("/id/nobody", "/page/nobody", "/data/nobody.ttl", "/data/ada-lind.png", "/article/nothing"):
        answer = client.get(path, headers={"Accept": "text/turtle"})
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json"), path
    page = client.get("/id/nobody", headers={"Accept": "text/html"})
    assert (page.status_code, page.mimetype) == (404, "text/html")


FORMATS = {"ttl": "turtle", "nt": "nt", "jsonld": "json-ld", "rdf": "xml", "trig": "trig", "nq": "nquads"}


def read_document(client: FlaskClient, path: str, extension: str) -> set[tuple[str, ...]]:
    """Return the triples of a document, which one library parses whatever the format."""
    answer = client.get(path.format(extension), query_string={} if "{}" in path else {"format": extension})
    assert answer.status_code == 200, path
    dataset = rdflib.Dataset().parse(data=answer.data, format=FORMATS[extension])
    return {(s.n3(), p.n3(), o.n3()) for s, p, o, _ in dataset.quads()}


def find_first(client: FlaskClient, kind: str) -> str:
    """Return the path of the first thing of a class."""
    query = f"SELECT ?x WHERE {{ ?x a <{kind}> }} ORDER BY ?x LIMIT 1"
    found = client.get("/sparql", query_string={"query": query, "format": "csv"}).text.split()[1]
    return found.removeprefix(BASE.rstrip("/"))


def list_documents(client: FlaskClient) -> Iterator[str]:
    """Yield the path of a document of each kind."""
    yield from ("/data/ada-lind.{}", "/entities", "/ontology", "/article/river-forum")
    yield from ("/article/river-forum/text", "/article/river-forum/sentence/2")
    yield find_first(client, f"{BASE}ontology#Evidence")
    yield find_first(client, "http://www.w3.org/2002/07/owl#Axiom")


def test_all_formats_hold_the_same_triples(client: FlaskClient) -> None:
    for path in list_documents(client):
        wanted = read_document(client, path, "nt")
        assert wanted, path
        for extension in FORMATS:
            assert read_document(client, path, extension) == wanted, (path, extension)
    assert len(read_document(client, "/data/ada-lind.{}", "ttl")) > 100


def test_quads_name_the_graphs_that_the_store_has(client: FlaskClient) -> None:
    found = ox.parse(client.get("/data/ada-lind.nq").data, format=ox.RdfFormat.N_QUADS)
    store = ox.Store()
    for name in ("article/river-forum", "entities", "ontology"):
        graph = ox.NamedNode(BASE + name)
        store.load(client.get(f"/{name}?format=nq").data, ox.RdfFormat.N_QUADS, to_graph=None)
        assert any(True for _ in store.quads_for_pattern(None, None, None, graph))
    graphs = {quad.graph_name.value for quad in found}
    assert graphs == {f"{BASE}article/river-forum", f"{BASE}entities", f"{BASE}ontology"}


def test_turtle_is_made_to_be_read(client: FlaskClient) -> None:
    text = client.get("/data/ada-lind.ttl").text
    lines = text.split("\n")
    head = [line for line in lines if line.startswith("@prefix")]
    assert head == sorted(head)
    for name in (line.split()[1] for line in head):
        assert re.search(rf"(?<![\w:]){name}\w", "\n".join(lines[len(head) :])), f"{name} is not used"
    subjects = [line.split()[0] for line in lines[len(head) :] if line and line[0] not in " @"]
    assert subjects[0] == "id:ada-lind"
    assert len(subjects) == len(set(subjects)), "each subject stands once"
    assert client.get("/data/ada-lind.ttl").text == text


def test_json_ld_is_compacted_with_the_published_context(client: FlaskClient) -> None:
    published = client.get("/ontology/context.jsonld")
    assert published.mimetype == "application/ld+json"
    content = client.get("/data/ada-lind.jsonld").get_json(force=True)
    assert content["@context"] == published.get_json(force=True)["@context"]
    node = content["@graph"][0]
    assert (node["iri"], node["type"], node["name"]["en"]) == ("id:ada-lind", "schema:Person", "Ada Lind")


def test_documents_say_what_they_describe_and_where_else_they_are(client: FlaskClient) -> None:
    redirect = client.get("/id/ada-lind")
    links = redirect.headers.getlist("Link")
    assert '</data/ada-lind.trig>; rel="describedby"; type="application/trig"' in links
    for path in ("/page/ada-lind", "/data/ada-lind.ttl", "/article/river-forum", "/ontology"):
        links = client.get(path).headers.getlist("Link")
        relations = {part for link in links for part in re.findall(r'rel="([a-z]+)"', link)}
        assert relations >= {"alternate", "describes", "license"}, path
        again = client.get(path, headers={"If-None-Match": client.get(path).headers["ETag"]})
        assert again.headers.getlist("Link") == links, path
    assert "license" not in str(client.get("/article/river-forum?format=txt").headers.getlist("Link"))


def test_an_extension_beats_accept(client: FlaskClient) -> None:
    answer = client.get("/data/ada-lind.nt", headers={"Accept": "text/turtle, text/html;q=0.2"})
    assert answer.mimetype == "application/n-triples"
    assert client.head("/data/ada-lind.nt").headers["Content-Length"] == str(len(answer.data))


def test_many_incoming_links_are_bounded_and_the_rest_is_linked_to(
    mini_var: Path, mini_release: Release
) -> None:
    app = create_app(Settings(var=str(mini_var), query_workers=1, incoming_links=1))
    app.test_client_class = BufferingClient
    client = app.test_client()
    try:
        answer = client.get("/data/city.ttl")
        rest = re.search(r"<([^>]*)>; rel=\"related\"", str(answer.headers.getlist("Link")))
        assert rest
        more = client.get(rest[1], headers={"Accept": "application/n-triples"}).data
    finally:
        app.extensions["kg_contexts"].close()
    shown = rdflib.Graph().parse(data=answer.data, format="turtle")
    assert len(rdflib.Graph().parse(data=more, format="nt")) > 1
    assert len(shown) > 1


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("text/plain", "text/plain"),
        ("text/html", "text/html"),
        ("*/*", "text/html"),
        ("text/turtle", "text/turtle"),
        ("text/plain;q=0.2, application/rdf+xml", "application/rdf+xml"),
    ],
)
def test_an_article_is_a_page_data_or_its_text(client: FlaskClient, accept: str, media_type: str) -> None:
    answer = client.get("/article/river-forum", headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (200, media_type)


def test_a_description_brings_its_evidence(client: FlaskClient) -> None:
    graph = rdflib.Graph().parse(data=client.get("/data/ada-lind.ttl").data, format="turtle")
    quotes = set(graph.objects(None, rdflib.URIRef("http://www.w3.org/ns/oa#exact")))
    assert {str(quote) for quote in quotes} >= {"former mayor", "will plant 1,000 trees", "Ada Lind"}


def test_the_sentence_stands_behind_each_fact(client: FlaskClient) -> None:
    page = client.get("/page/ada-lind").get_data(as_text=True)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page))
    assert (
        "Ada Lind, secretary of the River Council’s Water Office and former mayor, opened the Forum." in text
    )
    assert "<mark>former mayor</mark>" in page
    assert "How it was read:" in page
    assert "Plans and claims" in page


def test_unchanged_documents_are_not_sent_again(client: FlaskClient) -> None:
    for path in ("/", "/page/ada-lind", "/data/ada-lind.ttl", "/article/river-forum", "/ontology", "/dumps/"):
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (first.status_code, again.status_code, again.data) == (200, 304, b""), path


def test_links_stay_on_the_site_wherever_it_is_mounted(client: FlaskClient) -> None:
    page = client.get("/page/ada-lind", environ_overrides={"SCRIPT_NAME": "/kg"}).get_data(as_text=True)
    local = re.findall(r'(?:href|src)="(/[^"]*)"', page)
    assert local
    assert all(link.startswith("/kg/") for link in local), local
    assert f"<code data-copy>{BASE}id/ada-lind</code>" in page


def test_text_that_may_not_be_served_stays_away(
    client: FlaskClient, mini_release: Release, sources_copy: Path, tmp_path: Path
) -> None:
    captured = mini_release.text_path("river-forum").read_bytes()
    assert client.get("/article/river-forum/text").data == captured
    assert client.get("/article/river-forum", headers={"Accept": "text/plain"}).data == captured
    about = sources_copy / "data/articles/river-forum/article.ttl"
    about.write_text(about.read_text().replace("kg:fullText true", "kg:fullText false"))
    with serve(sources_copy, tmp_path / "var") as kept:
        assert kept.get("/article/river-forum/text").status_code == 403
        plain = kept.get("/article/river-forum", headers={"Accept": "text/plain"})
        assert plain.mimetype == "application/n-triples"  # whose other name text/plain is
        cited = kept.get("/article/river-forum/text", headers={"Accept": "text/turtle"})
        assert (cited.status_code, b"TextQuoteSelector" in kept.get("/data/ada-lind.ttl").data) == (200, True)
        assert captured.split(b". ")[-1] not in kept.get("/article/river-forum").data


@pytest.mark.parametrize(
    ("path", "name"),
    [("/", "start"), ("/page/ada-lind", "entity"), ("/article/river-forum", "article")],
)
def test_pages_match_their_golden_files(
    client: FlaskClient, mini_release: Release, path: str, name: str
) -> None:
    client.application.extensions["kg_assets"] = Assets(Path("nowhere"))  # the same built or not
    page = client.get(path, headers={"Accept": "text/html"}).get_data(as_text=True)
    # Digests of the style sheet and of the data, and the day of the build, change where the page does not.
    page = re.sub(r"(?<=\?v=)[0-9a-f]+", "0", page).replace(mini_release.id, "0" * 16)
    page = page.replace(open_interface("en").date(mini_release.manifest.created), "1 January 2000")
    page = re.sub(r'(?<=<script type="application/ld\+json">).*?(?=</script>)', "{}", page)
    golden = GOLDEN / f"{name}.html"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(page, encoding="utf-8")
    assert page == golden.read_text(encoding="utf-8"), (
        "UPDATE_GOLDEN=1 writes it anew, if the change is meant"
    )


@contextmanager
def serve(sources_folder: Path, var: Path) -> Iterator[FlaskClient]:
    """Build the sources in a folder and serve them."""
    sources = read_sources(sources_folder, BASE)
    build_release(sources, check_sources(sources), var)
    app = create_app(Settings(var=str(var), query_workers=1))
    app.test_client_class = BufferingClient
    try:
        yield app.test_client()
    finally:
        app.extensions["kg_contexts"].close()


def test_markup_in_data_is_shown_and_not_run(sources_copy: Path, tmp_path: Path) -> None:
    facts = sources_copy / "data/articles/river-forum/facts.ttl"
    attack = "<script>alert(1)</script>"
    grounds = '{| kg:quote "the City" |} .\n'
    label = f'id:city skos:altLabel "{attack}"@en {grounds}'
    facts.write_text(facts.read_text() + label + f"id:city skos:exactMatch <javascript:alert(1)> {grounds}")
    with serve(sources_copy, tmp_path / "var") as client:
        page = client.get("/page/city").get_data(as_text=True)
    assert attack not in page
    assert "&lt;script&gt;" in page
    assert 'href="javascript:' not in page

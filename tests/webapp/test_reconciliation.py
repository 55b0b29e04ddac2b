"""The Reconciliation Service API 0.2, asked as OpenRefine asks it; shapes as the specification has them."""

from __future__ import annotations

import json
import re
from typing import Any

import pyoxigraph as ox
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.kg.search.conftest import DATA, read_quads
from tests.webapp.conftest import MakeRelease

MORE = """
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
GRAPH <entities> {
    id:wang-yi org:memberOf id:cjic ; skos:exactMatch <http://www.wikidata.org/entity/Q701801> ;
        schema:age 60 ; schema:height 1.7 ; schema:born "1953-10-19T00:00:00"^^xsd:dateTime .
    id:namesake-1 a schema:Person ; skos:prefLabel "Li Na"@en .
    id:namesake-2 a schema:Person ; skos:prefLabel "Na Li"@en ; org:memberOf id:cjic .
}
"""


@pytest.fixture
def client(empty_app: Flask, publish: MakeRelease) -> FlaskClient:
    data = ox.serialize(read_quads(DATA + MORE), format=ox.RdfFormat.N_QUADS)
    assert data
    publish("r1", data.decode())
    return empty_app.test_client()


def post(client: FlaskClient, **form: Any) -> Any:
    answer = client.post("/reconcile", data={name: json.dumps(value) for name, value in form.items()})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.content_type == "application/json"
    return answer.get_json()


def ask(client: FlaskClient, **query: Any) -> list[dict[str, Any]]:
    """Ask one query, check the shape of the answer, and return the candidates."""
    batch = post(client, queries={"q0": query})
    assert batch.keys() == {"q0"}
    candidates: list[dict[str, Any]] = batch["q0"]["result"]
    for candidate in candidates:
        assert candidate.keys() == {"id", "name", "description", "type", "score", "match", "features"}
        assert candidate["id"] and candidate["name"]
        assert all(kind.keys() == {"id", "name"} for kind in candidate["type"])
        assert 0 <= candidate["score"] <= 100
        assert isinstance(candidate["match"], bool)
        assert len({feature["id"] for feature in candidate["features"]}) == len(candidate["features"])
    assert [c["score"] for c in candidates] == sorted((c["score"] for c in candidates), reverse=True)
    return candidates


def test_the_manifest_announces_what_answers(client: FlaskClient) -> None:
    answer = client.get("/reconcile", base_url="https://kg.example/")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    manifest = answer.get_json()
    assert "0.2" in manifest["versions"]
    assert manifest["name"] == "Article KG"
    assert manifest["identifierSpace"] == "http://h/id/"
    assert re.match("https?://", manifest["schemaSpace"])
    assert {"id": "schema:Person", "name": "person"} in manifest["defaultTypes"]
    assert manifest["batchSize"] >= 10
    for template in (manifest["view"]["url"], manifest["preview"]["url"]):
        assert template.startswith("https://kg.example/")
        assert client.get(template.replace("{{id}}", "wang-yi")).status_code in (200, 303)
    assert isinstance(manifest["preview"]["width"], int)
    services = [*manifest["suggest"].values(), manifest["extend"]["propose_properties"]]
    assert manifest["suggest"].keys() == {"entity", "property", "type"}
    for service in services:
        url = service["service_url"] + service["service_path"]
        assert client.get(f"{url}?prefix=a&type=schema:Person").status_code == 200
    for setting in manifest["extend"]["property_settings"]:
        assert {"name", "label", "type"} <= setting.keys()
        assert setting["type"] in ("number", "text", "checkbox", "select")
    assert client.get("/reconcile", headers={"If-None-Match": answer.headers["ETag"]}).status_code in (
        200,
        304,
    )


def test_a_batch_as_openrefine_sends_it(client: FlaskClient) -> None:
    batch = {
        "q0": {"query": "Wang Yi", "type": "schema:Person", "type_strict": "should"},
        "q1": {"query": "茂木敏充", "limit": 3, "properties": []},
        "q2": {"query": "nobody at all"},
    }
    result = post(client, queries=batch)
    assert list(result) == ["q0", "q1", "q2"]
    assert [result[q]["result"][0]["id"] for q in ("q0", "q1")] == ["wang-yi", "motegi"]
    assert result["q2"] == {"result": []}
    query = {"queries": json.dumps(batch), "callback": "jQuery_123"}
    answer = client.get("/reconcile", query_string=query)
    assert answer.get_json() == result  # a callback is not called: no JSONP


@pytest.mark.parametrize(
    "name", ["Wang Yi", "王毅", "wáng yì", "WANG YI", "Yi Wang", "wang-yi", "http://h/id/wang-yi"]
)
def test_a_name_or_identifier_matches(client: FlaskClient, name: str) -> None:
    first = ask(client, query=name, type="schema:Person")[0]
    assert (first["id"], first["match"]) == ("wang-yi", True)


def test_no_match_among_namesakes_until_a_property_decides(client: FlaskClient) -> None:
    assert [c["match"] for c in ask(client, query="Li Na")] == [False, False]
    by_name = ask(client, query="Li Na", properties=[{"pid": "org:memberOf", "v": "CJIC"}])
    by_id = ask(
        client, query="Li Na", properties=[{"pid": "org:memberOf", "v": [{"id": "cjic", "name": "CJIC"}]}]
    )
    for candidates in (by_name, by_id):
        assert [(c["id"], c["match"]) for c in candidates] == [("namesake-2", True), ("namesake-1", False)]


def test_a_name_that_is_only_alike_is_no_match(client: FlaskClient) -> None:
    assert not any(c["match"] for c in ask(client, query="Wang Y"))
    assert not any(c["match"] for c in ask(client, query="Mr Motegi"))
    assert ask(client, query="Mr Motegi")[0]["id"] == "motegi"


def test_types_are_wanted_or_required(client: FlaskClient) -> None:
    should = ask(client, query="Wang Yi", type="org:Organization")
    assert should[0]["id"] == "wang-yi" and not should[0]["match"]
    assert ask(client, query="Wang Yi", type="org:Organization", type_strict="any") == []
    both = ["org:Organization", "schema:Place"]
    assert ask(client, query="CJIC", type=both, type_strict="all")[0]["id"] == "cjic"
    assert [c["id"] for c in ask(client, query="CJIC of Mars", type=both, type_strict="all")] == ["cjic"]
    assert (
        ask(client, query="Wang", type="https://schema.org/Person", type_strict="any", limit=1)[0]["id"]
        == "wang-yi"
    )


def test_properties_alone_find(client: FlaskClient) -> None:
    for value in ("http://www.wikidata.org/entity/Q701801", "wd:Q701801"):
        (candidate,) = ask(client, properties=[{"pid": "skos:exactMatch", "v": value}])
        assert (candidate["id"], candidate["match"]) == ("wang-yi", True)
    found = ask(client, properties=[{"pid": "body", "v": {"id": "cjic"}}])
    assert {c["id"] for c in found} == {"wang-yi", "wang-as-minister"}
    assert not any(c["match"] for c in found)
    assert (
        ask(client, properties=[{"pid": "no such", "v": 'x"> } ; DROP'}, {"pid": "schema:age", "v": 60}])
        == []
    )


@pytest.mark.parametrize(
    ("queries", "status", "named"),
    [
        ("{", 400, "JSON"),
        ("[]", 400, "queries"),
        ("[" * 20_000, 400, "JSON"),
        ('{"a": 1}', 400, "queries.a"),
        ('{"a": {}}', 400, "queries.a"),
        ('{"a": {"query": 5}}', 400, "queries.a.query"),
        ('{"a": {"query": "x", "limit": 0}}', 400, "queries.a.limit"),
        ('{"a": {"query": "x", "limit": true}}', 400, "queries.a.limit"),
        ('{"a": {"query": "x", "type_strict": "maybe"}}', 400, "type_strict"),
        ('{"a": {"query": "x", "properties": [{"v": 1}]}}', 400, "properties[0]"),
        ('{"a": {"query": "x", "properties": [{"pid": "p"}]}}', 400, "properties[0]"),
        ('{"a": {"query": "x", "properties": [{"pid": "p", "v": null}]}}', 400, "properties[0].v"),
        (json.dumps({str(n): {"query": "x"} for n in range(51)}), 413, "51"),
    ],
)
def test_a_malformed_batch_is_told(client: FlaskClient, queries: str, status: int, named: str) -> None:
    answer = client.post("/reconcile", data={"queries": queries})
    assert answer.status_code == status
    assert named in answer.get_json(force=True)["detail"]


def test_other_requests_are_told(client: FlaskClient) -> None:
    assert client.post("/reconcile", data={"x": "y"}).status_code == 400
    assert client.post("/reconcile", data={"queries": "x" * 200_000}).status_code == 413
    assert client.get("/reconcile?query=x").status_code == 400
    assert client.get("/reconcile/suggest/type?cursor=-1").status_code == 400
    assert client.get("/reconcile/preview?id=nobody").status_code == 404
    for extend in (
        "{}",
        '{"ids": ["a"]}',
        '{"ids": "a", "properties": []}',
        '{"ids": [], "properties": [{"id": ""}]}',
    ):
        assert client.post("/reconcile", data={"extend": extend}).status_code == 400


def test_values_are_fetched(client: FlaskClient) -> None:
    ids = [
        "body",
        "skos:prefLabel",
        "skos:exactMatch",
        "schema:age",
        "schema:height",
        "schema:born",
        "tenure",
    ]
    answer = post(client, extend={"ids": ["wang-yi", "nobody"], "properties": [{"id": name} for name in ids]})
    assert [prop["id"] for prop in answer["meta"]] == ids
    assert all(prop["name"] for prop in answer["meta"])
    assert answer["rows"].keys() == {"wang-yi", "nobody"}
    assert answer["rows"]["nobody"] == {name: [] for name in ids}
    assert answer["rows"]["wang-yi"] == {
        "body": [{"id": "cjic", "name": "北京中日创新合作示范区"}],
        "skos:prefLabel": [{"str": "Wang Yi"}, {"str": "王毅"}, {"str": "王毅"}],
        "skos:exactMatch": [{"str": "http://www.wikidata.org/entity/Q701801"}],
        "schema:age": [{"int": 60}],
        "schema:height": [{"float": 1.7}],
        "schema:born": [{"date": "1953-10-19T00:00:00"}],
        "tenure": [],
    }


def test_values_are_narrowed_down_by_settings(client: FlaskClient) -> None:
    wanted = [{"id": "skos:prefLabel", "settings": settings} for settings in ({"lang": "zh"}, {"limit": "1"})]
    for prop, expected in zip(wanted, ("王毅", "Wang Yi"), strict=True):
        answer = post(client, extend={"ids": ["wang-yi"], "properties": [prop]})
        assert answer["rows"]["wang-yi"]["skos:prefLabel"] == [{"str": expected}]


def test_suggestions(client: FlaskClient) -> None:
    def suggest(kind: str, prefix: str, cursor: int = 0) -> list[dict[str, Any]]:
        query = {"prefix": prefix, "cursor": cursor}
        items: list[dict[str, Any]] = client.get(f"/reconcile/suggest/{kind}", query_string=query).get_json()[
            "result"
        ]
        assert all(item["id"] and item["name"] for item in items)
        return items

    assert suggest("entity", "mote")[0]["id"] == "motegi"
    assert suggest("entity", "motegi-speaks")[0]["id"] == "motegi-speaks"
    assert suggest("entity", "王")[0]["notable"] == [{"id": "schema:Person", "name": "person"}]
    assert suggest("entity", "wang", cursor=1) == suggest("entity", "wang")[1:]
    assert [item["id"] for item in suggest("type", "pers")] == ["schema:Person"]
    assert [item["id"] for item in suggest("type", "schema:Person")] == ["schema:Person"]
    assert [item["id"] for item in suggest("property", "org:memb")] == ["org:memberOf", "org:member"]
    assert suggest("property", "bod")[0]["id"] == "body"


def test_properties_are_proposed_for_a_type(client: FlaskClient) -> None:
    answer = client.get("/reconcile/properties?type=schema:Person&limit=12").get_json()
    assert (answer["type"], answer["limit"]) == ("schema:Person", 12)
    assert len(answer["properties"]) == 12
    ids = [
        prop["id"] for prop in client.get("/reconcile/properties?type=schema:Person").get_json()["properties"]
    ]
    assert "org:memberOf" in ids and "org:member" not in ids


def test_a_preview_may_be_framed_and_nothing_else(client: FlaskClient) -> None:
    answer = client.get("/reconcile/preview?id=wang-yi")
    assert "Wang Yi" in answer.text
    assert "frame-ancestors *" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in client.get("/search").headers["Content-Security-Policy"]


def test_a_page_of_another_site_may_ask(client: FlaskClient) -> None:
    asked = {"Origin": "https://other.example", "Access-Control-Request-Method": "POST"}
    for path in ("/reconcile", "/reconcile/suggest/entity", "/reconcile/preview", "/search/suggest"):
        answer = client.options(path, headers=asked)
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert ("POST" in answer.headers["Access-Control-Allow-Methods"]) == (path == "/reconcile")
        assert "Content-Type" in answer.headers["Access-Control-Allow-Headers"]

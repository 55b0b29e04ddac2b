"""The Reconciliation Service API 0.2, with which OpenRefine and others match tables against the graph.

Source: https://www.w3.org/community/reports/reconciliation/CG-FINAL-specs-0.2-20230410/. JSONP, which it
leaves open, is not offered: a page of another site asks through CORS, and nobody's script is run.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from werkzeug.exceptions import BadRequest, NotFound

import kg
from kg.reconciliation.candidates import Candidate, Reconciler
from kg.reconciliation.extension import Extender
from kg.reconciliation.requests import MAX_QUERIES, parse_batch, parse_extension
from kg.reconciliation.values import ValueReader
from kg.search.index import Name, Thing
from kg.store.base import Limits
from kg.vocab import OWL, shorten
from webapp import current
from webapp.negotiation import HTML
from webapp.pages.results import ResultMaker
from webapp.responses import CONTENT_SECURITY_POLICY, add_cache_headers, make_etag, match_etag
from webapp.templating import render
from webapp.views.documents import names
from webapp.views.search import JSON, read_number, result_maker, send_json, tag_answer

blueprint = Blueprint("reconciliation", __name__, url_prefix="/reconcile")

VERSIONS = ("0.2",)
DEFAULT_TYPES = 8
SUGGESTIONS = 20
OTHER_NAMES = 3
MAX_PROPOSED = 200
PREVIEW_WIDTH, PREVIEW_HEIGHT = 400, 200
_SETTINGS = [
    {
        "name": "limit",
        "label": "Values",
        "type": "number",
        "default": 0,
        "help_text": "Most values of each thing; 0 means all.",
    },
    {
        "name": "lang",
        "label": "Language of texts",
        "type": "select",
        "default": "",
        "choices": [
            {"value": "", "name": "all"},
            {"value": "en", "name": "English"},
            {"value": "zh", "name": "中文"},
            {"value": "ja", "name": "日本語"},
        ],
    },
]


@blueprint.route("", methods=["GET", "POST"])
def reconcile() -> Response:
    """Answer the service manifest, a batch of queries, or a data extension query, by what is asked."""
    given = request.values
    if "queries" in given:
        return send_json(_reconcile_batch(given["queries"]))
    if "extend" in given:
        return send_json(Extender(_reconciler()).extend(parse_extension(given["extend"])))
    if request.method == "POST" or "query" in given:
        raise BadRequest("Send a form with queries= (a JSON object of queries) or extend=.")
    etag = make_etag(request.url_root, tag_answer(JSON))
    return match_etag(etag) or add_cache_headers(send_json(_make_manifest()), etag)


def _reconciler() -> Reconciler:
    context, settings = current.context(), current.settings()
    limits = Limits(settings.query_timeout_s, settings.max_result_bytes)
    languages = current.interface().language.fallback
    return Reconciler(context.search, context.names, ValueReader(context.store, limits), languages)


def _make_manifest() -> dict[str, Any]:
    root = request.url_root.rstrip("/")
    path = request.path.rstrip("/")

    def service(name: str) -> dict[str, str]:
        return {"service_url": root, "service_path": f"{path}/{name}"}

    return {
        "versions": VERSIONS,
        "name": current.settings().title,
        "identifierSpace": names().thing("").value,
        "schemaSpace": OWL("Thing").value,
        "documentation": url_for("ontology.show_ontology", _external=True),
        "serviceVersion": kg.__version__,
        "batchSize": MAX_QUERIES,
        "defaultTypes": _list_types()[:DEFAULT_TYPES],
        "view": {"url": f"{root}/id/{{{{id}}}}"},
        "preview": {
            "url": f"{root}{path}/preview?id={{{{id}}}}",
            "width": PREVIEW_WIDTH,
            "height": PREVIEW_HEIGHT,
        },
        "suggest": {kind: service(f"suggest/{kind}") for kind in ("entity", "property", "type")},
        "extend": {"propose_properties": service("properties"), "property_settings": _SETTINGS},
    }


def _list_types() -> list[dict[str, str]]:
    """Return the classes that things have, by name, the most common first."""
    index = current.context().search
    types = [iri for iri, _ in index.list_types()]
    terms = index.find_things(types)
    return [_describe_type(iri, terms.get(iri)) for iri in types]


def _describe_type(iri: str, term: Thing | None) -> dict[str, str]:
    name = shorten(iri, names())
    return {"id": name, "name": result_maker().show(term).label if term else name}


# --- queries


def _reconcile_batch(text: str) -> dict[str, Any]:
    reconciler, maker = _reconciler(), result_maker()
    found = {key: reconciler.reconcile(query) for key, query in parse_batch(text).items()}
    return {
        key: {"result": [_describe_candidate(candidate, reconciler, maker) for candidate in candidates]}
        for key, candidates in found.items()
    }


def _describe_candidate(candidate: Candidate, reconciler: Reconciler, maker: ResultMaker) -> dict[str, Any]:
    thing = candidate.thing
    return {
        **_describe_thing(thing, reconciler, maker),
        "type": _describe_types(thing, maker),
        "score": candidate.score,
        "match": candidate.match,
        "features": [
            {"id": "name_similarity", "value": round(candidate.similarity, 3)},
            {"id": "type_match", "value": candidate.has_type},
            {"id": "property_match", "value": round(candidate.properties, 3)},
            {"id": "links", "value": thing.links},
        ],
    }


def _describe_thing(thing: Thing, reconciler: Reconciler, maker: ResultMaker) -> dict[str, str]:
    """Return identifier, name and, to tell namesakes apart, types and further names of a thing."""
    name = reconciler.name(thing)
    types = [kind["name"] for kind in _describe_types(thing, maker)]
    others = [other.text for other in _list_names(thing) if other.text != name]
    described = "; ".join([", ".join(types), *others[:OTHER_NAMES]]).removeprefix("; ")
    return {"id": reconciler.identify(thing.iri), "name": name, "description": described}


def _list_names(thing: Thing) -> list[Name]:
    """Return the names of a thing, each spelling once."""
    return list({name.text: name for name in reversed(thing.names)}.values())[::-1]


def _describe_types(thing: Thing, maker: ResultMaker) -> list[dict[str, str]]:
    shown = maker.show_types(thing)
    return [{"id": shorten(iri, names()), "name": s.label} for iri, s in zip(thing.types, shown, strict=True)]


# --- suggestions


@blueprint.get("/suggest/entity")
def suggest_entity() -> Response:
    """Suggest things whose names begin so, or the one with this identifier."""
    reconciler, (prefix, skip) = _reconciler(), _read_prefix()
    wanted = [prefix, reconciler.locate(prefix)]
    things = [*reconciler.index.find_things(wanted).values()] if prefix else []
    things += [hit.thing for hit in reconciler.index.find_names(prefix, limit=skip + 2 * SUGGESTIONS).hits]
    ours = {thing.id: thing for thing in things if thing.iri.startswith(reconciler.space)}
    shown = list(ours.values())[skip : skip + SUGGESTIONS]
    maker = result_maker()
    return _send_suggestions(
        [
            {**_describe_thing(thing, reconciler, maker), "notable": _describe_types(thing, maker)}
            for thing in shown
        ]
    )


@blueprint.get("/suggest/type")
def suggest_type() -> Response:
    """Suggest classes by the beginning of a word of their name, or by identifier."""
    return _send_suggestions(_filter(_list_types()))


@blueprint.get("/suggest/property")
def suggest_property() -> Response:
    """Suggest properties by the beginning of a word of their name, or by identifier."""
    properties = Extender(_reconciler()).list_properties()
    return _send_suggestions(_filter([{"id": prop.id, "name": prop.name} for prop in properties]))


def _read_prefix() -> tuple[str, int]:
    cursor = request.args.get("cursor", "0")
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 4:
        raise BadRequest("cursor is the number of suggestions to skip.")
    return request.args.get("prefix", "").strip(), int(cursor)


def _filter(items: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the items that a prefix fits, whole names first."""
    prefix, skip = _read_prefix()
    fold = current.context().search.folding.fold
    wanted = fold(prefix)

    def fits(item: dict[str, str]) -> bool:
        return item["id"].startswith(prefix) or f" {wanted}" in f" {fold(item['name'])}"

    found = sorted(filter(fits, items), key=lambda i: prefix != i["id"] and wanted != fold(i["name"]))
    return found[skip : skip + SUGGESTIONS]


def _send_suggestions(items: list[dict[str, Any]]) -> Response:
    etag = tag_answer(JSON)
    return match_etag(etag) or add_cache_headers(send_json({"result": items}), etag)


# --- values and previews


@blueprint.get("/properties")
def propose_properties() -> Response:
    """Propose properties whose values can be fetched of the things of a class."""
    kind = request.args.get("type", "")
    limit = read_number("limit", 0, MAX_PROPOSED) if "limit" in request.args else 0
    properties = Extender(_reconciler()).list_properties(kind)[: limit or MAX_PROPOSED]
    answer: dict[str, Any] = {"type": kind, "properties": [{"id": p.id, "name": p.name} for p in properties]}
    return send_json({**answer, "limit": limit} if limit else answer)


@blueprint.get("/preview")
def show_preview() -> Response:
    """Show a thing in a few lines, to be framed by a client."""
    reconciler, identifier = _reconciler(), request.args.get("id", "")
    thing = next(iter(reconciler.index.find_things([reconciler.locate(identifier)]).values()), None)
    if thing is None:
        raise NotFound(f"There is no thing {identifier!r} in release {current.context().release.id}.")
    maker = result_maker()
    page = render(
        "preview.html",
        iri=thing.iri,
        title=maker.show(thing),
        types=maker.show_types(thing),
        names=[name for name in _list_names(thing) if name.text != maker.show(thing).label],
    )
    response = Response(page, content_type=HTML.content_type)
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.replace(
        "frame-ancestors 'none'", "frame-ancestors *"
    )
    return add_cache_headers(response, tag_answer(HTML))

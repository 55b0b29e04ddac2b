"""The JSON-LD context: read from ``ontology/context.jsonld``, published, and applied to what is sent.

Source: JSON-LD 1.1 API, section 5.5 (compaction). No context is ever fetched: one that names another by
its address is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from kg.compaction import Compactor, is_simple
from kg.model import Finding, Place
from kg.vocab import Names

Context = dict[str, Any]
"""The value of ``@context``."""


def read_context(text: str, place: Place, names: Names) -> tuple[Context, tuple[Finding, ...]]:
    """Read a context file; ``{base}`` in it stands for the base IRI.

    A faulty one gives a finding, and the prefixes of what is published in its stead.

    >>> context, findings = read_context('{"@context": {"id": "{base}id/"}}', Place("f"), Names("http://h/"))
    >>> context, findings
    ({'id': 'http://h/id/'}, ())
    """
    from pyld.jsonld import JsonLdError

    try:
        context = json.loads(text.replace("{base}", names.base))["@context"]
        if not isinstance(context, dict):
            raise ValueError("@context is no object")
        _compact_wholly(context, [])
    except (ValueError, KeyError, TypeError, JsonLdError) as error:
        reason = " ".join(str(error).split("\n")[:1]) or type(error).__name__
        finding = Finding(
            "bad-context", place, f"is not a JSON-LD context: {reason}.", "Mend it; it may name no other one."
        )
        return dict(names.prefixes), (finding,)
    return context, ()


def compact(nodes: list[dict[str, Any]], context: Context) -> list[dict[str, Any]]:
    """Return expanded node objects with the short names of a context.

    >>> compact([{"@id": "http://h/id/a", "http://h/p": [{"@value": 3}]}], {"id": "http://h/id/"})
    [{'@id': 'id:a', 'http://h/p': 3}]
    """
    return _open_compactor(json.dumps(context))(nodes)


@lru_cache(maxsize=4)
def _open_compactor(context_json: str) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    context: Context = json.loads(context_json)
    wholly = partial(_compact_wholly, context)
    return Compactor(context, wholly).compact if is_simple(context) else wholly


def _compact_wholly(context: Context, nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    from pyld import jsonld  # 10 MB and 60 ms, for those who ask for JSON-LD

    options = {"graph": True, "documentLoader": _refuse, "skipExpansion": True}
    compacted: list[dict[str, Any]] = jsonld.compact(nodes, {"@context": context}, options).get("@graph", [])
    return compacted


def _refuse(iri: str, _: object) -> Any:
    raise ValueError(f"{iri} would have to be fetched")

"""Runs the SHACL shapes over the published form, by pySHACL.

Source: Shapes Constraint Language (SHACL), section 3.6 (validation report).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping

import pyshacl
import rdflib
from pyoxigraph import Quad, RdfFormat, Triple, serialize
from rdflib.namespace import SH

from kg.model import Finding, Place
from kg.sources import Sources


def find_violations(
    sources: Sources, quads: Iterable[Quad], places: Mapping[str, Place]
) -> Iterator[Finding]:
    """Yield a finding for each result of the validation.

    Parameters
    ----------
    quads: the published dataset.
    places: where each IRI of it comes from; a focus node that is not there is reported at the shapes file.
    """
    try:
        shapes = rdflib.Graph().parse(sources.shapes, format="turtle", publicID=sources.names.base)
    except OSError as error:
        yield Finding(
            "unreadable", Place(sources.shapes), f"cannot be read: {error.strerror}.", "Restore it."
        )
        return
    # rdflib raises its own BadSyntax, a SyntaxError, and for some faults plain ValueError.
    except (SyntaxError, ValueError) as error:
        place = Place(sources.shapes, getattr(error, "lines", 0) + 1)
        yield Finding("malformed", place, f"is not Turtle: {_first_line(error)}.", "Mend the syntax there.")
        return
    data = rdflib.Graph()
    data.parse(data=_to_ntriples(quads), format="nt")
    try:
        _, report, _ = pyshacl.validate(data, shacl_graph=shapes, advanced=False, inference="none")
    except pyshacl.errors.ReportableRuntimeError as error:
        yield Finding("malformed", Place(sources.shapes), f"{_first_line(error)}.", "Mend the shape.")
        return
    if isinstance(report, rdflib.Graph):
        yield from sorted(_read_report(report, sources, places), key=lambda f: (f.place, f.message))


def _first_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(getattr(error, "message", "") or error)).strip()[:200]


def _to_ntriples(quads: Iterable[Quad]) -> bytes:
    out = io.BytesIO()
    triples = (Triple(q.subject, q.predicate, q.object) for q in quads)
    serialize(triples, out, format=RdfFormat.N_TRIPLES)
    return out.getvalue()


def _read_report(report: rdflib.Graph, sources: Sources, places: Mapping[str, Place]) -> Iterator[Finding]:
    for result in report.subjects(rdflib.RDF.type, SH.ValidationResult):
        focus = str(report.value(result, SH.focusNode))
        messages = sorted(str(message) for message in report.objects(result, SH.resultMessage))
        value = report.value(result, SH.value)
        shown = f" (value: {value})" if value is not None and not isinstance(value, rdflib.BNode) else ""
        path = report.value(result, SH.resultPath)
        about = f" {path}:" if isinstance(path, rdflib.URIRef) else ""
        yield Finding(
            "shape",
            places.get(focus, places.get(focus.partition("#")[0], Place(sources.shapes))),
            f"{focus}:{about} {' '.join(messages)}{shown}",
            "Mend the data, or the shape in ontology/shapes.ttl if it asks too much.",
        )

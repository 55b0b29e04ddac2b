"""What an endpoint of an engine holds and does, looked up every few seconds."""

from __future__ import annotations

import contextlib
import json
import time

from kg import errors
from kg.formats import CSV, JSON, Format
from kg.store.base import Limits
from kg.store.remote.connection import CONNECT_S, Line
from kg.store.remote.conversion import WHOLE_BYTES, Body, ChunkWriter, convert, read_format
from kg.store.remote.endpoints import Endpoint, Endpoints, Survey
from kg.store.remote.faults import Retry, explain_body
from kg.store.remote.target import Target, send_operation

IDENTIFIER = "http://purl.org/dc/terms/identifier"
"""The property by which the marker names the release that an engine holds."""

_SIDE = 400
_PROBE = f"SELECT * {{ VALUES ?a {{ {' '.join(map(str, range(_SIDE)))} }} VALUES ?b {{ %s }} }}" % " ".join(
    map(str, range(_SIDE))
)
_PROBED_ROWS = _SIDE * _SIDE
_PROBE_S = 20.0


class Inspector:
    """Finds out what an endpoint holds: of all threads that ask, one looks."""

    def __init__(self, target: Target, endpoints: Endpoints) -> None:
        self._target = target
        self._endpoints = endpoints

    def inspect(self, endpoint: Endpoint) -> Survey:
        """Return what is known of an endpoint, looked up anew when it is old.

        While one query looks, the others go on with what was known.
        """
        known = endpoint.survey
        if known is None or known.is_old:
            if endpoint.survey_lock.acquire(blocking=known is None, timeout=-1 if known else 2 * CONNECT_S):
                try:
                    if endpoint.survey is known:
                        endpoint.survey = known = self._look(endpoint)
                except Retry:
                    self._endpoints.suspect(endpoint)
                    raise
                finally:
                    endpoint.survey_lock.release()
            known = endpoint.survey
        if known is None:
            raise Retry(errors.StoreUnavailable("The engine is slow to answer.", "Try again."))
        if known.refusal:
            raise Retry(errors.StoreUnavailable(known.refusal, "Try again."), counts=False)
        return known

    def _look(self, endpoint: Endpoint) -> Survey:
        target = self._target
        union = self._ask_release(endpoint, in_default_graph=True)
        held = union or self._ask_release(endpoint, in_default_graph=False)
        refusal = ""
        if target.release_id and held != [target.release_id]:
            said = f"release {held[0]}" if held else "no release of this service"
            refusal = f"The engine holds {said}, not {target.release_id}."
        if target.profile.may_cap_rows and not endpoint.is_probed:
            endpoint.row_cap, endpoint.is_probed = self._probe_cap(endpoint), True
        has_union = bool(union) and not target.profile.is_shared
        return Survey(time.monotonic(), has_union, endpoint.row_cap, refusal)

    def _ask_release(self, endpoint: Endpoint, *, in_default_graph: bool) -> list[str]:
        """Return the ids that the engine names in its default graph, or in the marker's own."""
        if not self._target.release_id:
            self._ask(endpoint, "ASK", "ASK {}", CONNECT_S)
            return []
        pattern = f"<{self._target.marker}> <{IDENTIFIER}> ?id"
        if not in_default_graph:
            pattern = f"GRAPH <{self._target.marker}> {{ {pattern} }}"
        body = self._ask(endpoint, "SELECT", f"SELECT ?id WHERE {{ {pattern} }}", CONNECT_S)
        return [row["id"]["value"] for row in json.loads(body)["results"]["bindings"]]

    def _probe_cap(self, endpoint: Endpoint) -> int | None:
        rows = len(self._ask(endpoint, "SELECT", _PROBE, _PROBE_S, CSV).splitlines()) - 1
        return rows if rows < _PROBED_ROWS else None

    def _ask(self, endpoint: Endpoint, form: str, text: str, deadline_s: float, fmt: Format = JSON) -> bytes:
        """Ask something of our own; whatever goes wrong says that the endpoint is not well."""
        line = Line(time.monotonic() + deadline_s)
        try:
            operation = self._target.make_operation(endpoint.url, form, text, line)
            response = send_operation(operation, line, text)
            sent = read_format(response.headers.get("Content-Type", ""), form)
            chunks: list[bytes] = []
            body = Body(response, line, _PROBED_ROWS * 1000)
            if sent is None:
                body.read_ahead(WHOLE_BYTES)
                raise explain_body(response, body.beginning)
            convert(body, sent, fmt, form, ChunkWriter(chunks.append, Limits()))
            return b"".join(chunks)
        except errors.StoreError as error:
            message = (
                "The engine is slow to answer." if isinstance(error, errors.QueryTimeout) else str(error)
            )
            raise Retry(errors.StoreUnavailable(message)) from None
        finally:
            with contextlib.suppress(OSError):
                line.cut()

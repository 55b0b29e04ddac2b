"""What an engine's failures mean for whoever asked, and which of them say nothing about the query."""

from __future__ import annotations

import http.client
import re
import urllib.error

from kg import errors
from kg.store.remote.conversion import is_page, quote_message

_PLACE = re.compile(r"\bline:? (\d+)(?:,? col(?:umn)?:? (\d+))?|error at (\d+):(\d+)", re.IGNORECASE)
_TIME = re.compile(r"timed?[ -]?out|cancell?ed|execution time", re.IGNORECASE)
_TRANSIENT = (502, 503, 504)


class Retry(Exception):
    """A failure that says nothing about the query, so another endpoint may be asked.

    ``counts`` is false where it does not say either that the endpoint is down.
    """

    def __init__(self, error: errors.StoreError, *, counts: bool = True) -> None:
        super().__init__(error)
        self.error = error
        self.counts = counts


def check_response(response: http.client.HTTPResponse) -> http.client.HTTPResponse:
    """Return a response unless its headers say that it is a part."""
    state = response.headers.get("X-SQL-State", "")
    if state and not state.startswith("00"):
        raise errors.StoreUnavailable(
            "The engine stopped at a time limit of its own.", "Ask for less at once."
        )
    return response


def explain_body(response: http.client.HTTPResponse, beginning: bytes) -> errors.StoreError:
    """Return what a body in no format of an answer means."""
    content_type = response.headers.get("Content-Type", "") or "no media type"
    said = "" if is_page(content_type) else quote_message(beginning)
    return errors.StoreUnavailable(f"The engine answered with {content_type}. {said}".strip())


def explain_status(error: urllib.error.HTTPError, text: str) -> Exception:
    """Return what a status means for whoever asked."""
    with error:
        try:
            body = error.read(64 * 1024)
        except (OSError, http.client.HTTPException):
            body = b""
    said = "" if is_page(error.headers.get("Content-Type", "")) else quote_message(body, text)
    if "nested too deep" in said:
        return errors.QueryTooLarge("The query is nested too deeply.", "Write it with fewer levels.")
    if error.code == 400:
        return _to_syntax_error(said)
    if error.code in (413, 414):
        return errors.QueryTooLarge("The query is longer than the engine takes.")
    if _TIME.search(said) and error.code in (408, 500, 503, 504):
        return errors.QueryTimeout("The engine stopped the query at its time limit.")
    if error.code in _TRANSIENT or error.code == 429:
        return Retry(errors.StoreUnavailable(f"The engine is not available ({error.code}).", "Try again."))
    if error.code in (401, 403):
        return Retry(errors.StoreUnavailable(f"The engine refuses this service ({error.code})."))
    if 300 <= error.code < 400:
        place = error.headers.get("Location", "")
        return Retry(errors.StoreUnavailable(f"The engine is at another address: {place}."))
    return errors.StoreUnavailable(f"The engine failed ({error.code}). {said}".strip())


def _to_syntax_error(said: str) -> errors.QuerySyntaxError:
    match = _PLACE.search(said)
    line = next((int(group) for group in (match[1], match[3]) if group), None) if match else None
    column = next((int(group) for group in (match[2], match[4]) if group), None) if match else None
    return errors.QuerySyntaxError(said or "The engine does not accept the query.", line=line, column=column)

"""The engine behind the service: where it is, what it holds, and how it is asked."""

from __future__ import annotations

import http.client
import urllib.error
from dataclasses import dataclass, field

from kg import errors
from kg.store.remote.connection import Credentials, Line, Operation
from kg.store.remote.faults import Retry, explain_status
from kg.store.remote.profiles import EngineProfile


@dataclass(frozen=True, slots=True)
class Target:
    """The engine behind the service.

    Parameters
    ----------
    urls: addresses for queries, at least one; each holds the same data.
    graphs: names of all graphs of the release, for engines that have to be told them.
    release_id, marker: the release, and the IRI (of a graph and of the thing in it) under which the engine
        names the one it holds; an empty id takes whatever is there.
    """

    urls: tuple[str, ...]
    profile: EngineProfile
    credentials: Credentials = field(default_factory=Credentials)
    graphs: tuple[str, ...] = ()
    release_id: str = ""
    marker: str = ""

    def make_operation(self, url: str, form: str, text: str, line: Line) -> Operation:
        """Return a query to one of its addresses, in the format and with the time limit that it knows."""
        is_graph = form in ("CONSTRUCT", "DESCRIBE")
        operation = Operation(url, form, text, line, self.credentials)
        sent = self.profile.graph_format if is_graph else self.profile.result_format
        operation.accept(sent.media_type)
        if self.profile.timeout_parameter:
            limit = max(1, int(line.remaining_s * self.profile.timeout_factor + 0.999))
            operation.add_parameters([(self.profile.timeout_parameter, str(limit))])
        return operation


def send_operation(operation: Operation, line: Line, text: str) -> http.client.HTTPResponse:
    """Return the response to a query, its body unread.

    Raises
    ------
    StoreError: what the engine, or the deadline, made of the query.
    Retry: another engine may be asked.
    """
    try:
        return operation.send()
    except urllib.error.HTTPError as error:
        raise explain_status(error, text) from None
    except (OSError, http.client.HTTPException) as error:
        if line.is_overdue:
            raise errors.QueryTimeout("The query ran past its deadline.") from None
        reason = getattr(error, "reason", error)
        raise Retry(errors.StoreUnavailable(f"The engine does not answer: {reason}.", "Try again.")) from None

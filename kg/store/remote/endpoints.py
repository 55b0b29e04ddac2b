"""Which of several endpoints is asked next, and which is left alone because it does not answer."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace

from kg import errors

MAX_FAILURES = 3
"""Failures in a row after which an endpoint is left alone."""

SURVEY_S = 5.0
"""How old the knowledge of an endpoint may be: which release it holds, whether it answers."""

_REST_S = (1.0, 2.0, 4.0, 8.0, 15.0)
"""How long it is left alone, longer each time."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found out about an endpoint: seconds of the monotonic clock, and what it does.

    ``has_union`` says that its default graph is the union of all graphs; ``row_cap`` is how many rows it
    gives at most, None where it gave all that were asked for; ``refusal`` why it cannot be asked now.
    """

    made_at: float
    has_union: bool
    row_cap: int | None
    refusal: str = ""

    @property
    def is_old(self) -> bool:
        """Whether it is time to look again."""
        return time.monotonic() - self.made_at >= SURVEY_S


@dataclass(slots=True, eq=False)
class Endpoint:
    """One address, how it fares, and what is known of it."""

    url: str
    in_flight: int = 0
    failures: int = 0
    rests: int = 0
    rests_until: float = 0.0
    survey: Survey | None = None
    row_cap: int | None = None
    is_probed: bool = False
    survey_lock: threading.Lock = field(default_factory=threading.Lock)

    def outdate(self) -> None:
        """Have what is known looked up again before the next query."""
        if self.survey is not None:
            self.survey = replace(self.survey, made_at=float("-inf"))


class Endpoints:
    """A circuit breaker for each of several endpoints, and the choice among those that answer.

    One that failed ``MAX_FAILURES`` times in a row is left alone for a while; then one query may try it,
    and only if that succeeds do the others follow. So a dead engine costs one query a few seconds and
    all others nothing.
    """

    def __init__(self, urls: tuple[str, ...]) -> None:
        self._lock = threading.Lock()
        self._all = [Endpoint(url) for url in urls]
        self._turn = 0

    def choose(self, tried: set[Endpoint]) -> Endpoint:
        """Return the least busy endpoint that is not resting; each call needs one ``leave``.

        Raises
        ------
        StoreUnavailable: all rest, or have been tried.
        """
        with self._lock:
            now = time.monotonic()
            fit = [e for e in self._all if e not in tried and self._may_try(e, now)]
            if not fit:
                raise errors.StoreUnavailable("The engine behind this service does not answer.", "Try again.")
            self._turn += 1
            chosen = min(fit, key=lambda e: (e.in_flight, (self._all.index(e) + self._turn) % len(self._all)))
            if chosen.failures >= MAX_FAILURES:
                chosen.rests_until = now + _REST_S[-1]  # nobody else, until this one has tried
            chosen.in_flight += 1
            return chosen

    def leave(self, endpoint: Endpoint, *, answered: bool | None) -> None:
        """Say how it went; None where it says nothing about the endpoint."""
        with self._lock:
            endpoint.in_flight -= 1
            if answered:
                endpoint.failures = endpoint.rests = 0
                endpoint.rests_until = 0.0
            elif answered is None:
                endpoint.rests_until = 0.0
            else:
                endpoint.failures += 1
                if endpoint.failures >= MAX_FAILURES:
                    rest_s = _REST_S[min(endpoint.rests, len(_REST_S) - 1)]
                    endpoint.rests += 1
                    endpoint.rests_until = time.monotonic() + rest_s

    def suspect(self, endpoint: Endpoint) -> None:
        """Let the failure that is about to be told be the last one waited for: a survey has failed."""
        with self._lock:
            endpoint.survey = None
            endpoint.failures = max(endpoint.failures, MAX_FAILURES - 1)

    @staticmethod
    def _may_try(endpoint: Endpoint, now: float) -> bool:
        return endpoint.failures < MAX_FAILURES or now >= endpoint.rests_until

"""Proactive content negotiation (RFC 9110, section 12.5.1), as pure functions over formats."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from kg.formats import Format

HTML = Format("html", "text/html", "html", ("application/xhtml+xml",))
PROBLEM = Format("problem", "application/problem+json", "json", ("application/json",))

_Range = tuple[str, float]

LONGEST_KEPT = 512
"""Characters of a header whose outcome is remembered."""


def negotiate(accept: str | None, offers: Sequence[Format]) -> tuple[Format, ...]:
    """Return the acceptable offers, the best first; equals keep the order of the offers.

    A missing or empty header accepts all; a part of it that is malformed is passed over.

    >>> from kg.formats import CSV, JSON
    >>> [f.name for f in negotiate("text/csv;q=0.5, */*;q=0.1", (JSON, CSV))]
    ['csv', 'json']
    """
    if len(accept or "") > LONGEST_KEPT:
        return _negotiate(accept, tuple(offers))
    return _negotiate_again(accept, tuple(offers))


def _negotiate(accept: str | None, offers: tuple[Format, ...]) -> tuple[Format, ...]:
    ranges = parse_accept(accept or "")
    if not ranges:
        return tuple(offers)
    rated = [(find_quality(offer, ranges), offer) for offer in offers]
    return tuple(offer for quality, offer in sorted(rated, key=lambda r: -r[0]) if quality > 0)


_negotiate_again = lru_cache(maxsize=256)(_negotiate)
"""Clients send few different headers, and each costs as much as a small query."""


def parse_accept(header: str) -> list[_Range]:
    """Return media ranges, in lower case, with their weights.

    >>> parse_accept("text/*;level=1;q=0.3, bad, a/b;q=x")
    [('text/*', 0.3), ('a/b', 1.0)]
    """
    ranges = (("*/*" if name == "*" else name, weight) for name, weight in parse_weighted(header))
    return [(name, weight) for name, weight in ranges if name.count("/") == 1]


def parse_weighted(header: str) -> list[tuple[str, float]]:
    """Return the members of a list with weights (RFC 9110, section 12.4.2), in lower case.

    >>> parse_weighted("gzip;q=0.5, BR, , *;q=0")
    [('gzip', 0.5), ('br', 1.0), ('*', 0.0)]
    """
    members = []
    for part in header.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if name:
            members.append((name, _find_weight(parameters)))
    return members


def find_quality(offer: Format, ranges: list[_Range]) -> float:
    """Return the weight of the most specific range that matches; an alias counts where named in full."""
    names = (offer.media_type, *(alias for alias in offer.aliases if "/" in alias))
    family = offer.media_type.partition("/")[0] + "/*"
    for candidates in ((offer.media_type,), names[1:], (family,), ("*/*",)):
        weights = [weight for name, weight in ranges if name in candidates]
        if weights:
            return max(weights)
    return 0.0


def _find_weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 1.0
    return 1.0

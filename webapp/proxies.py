"""Proxies in front of the site: which are believed, who the client is, and under which path the site stands.

``X-Forwarded-For``, ``-Proto``, ``-Host`` and ``-Prefix`` are what anybody may send, so they count only where
the other end of the connection is a proxy that the settings name. Names of things never depend on them:
they are minted under the base IRI, wherever the site is served.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

from kg.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_HOPS = 16
"""Proxies in a row that are followed; more is no chain that anybody set up."""

Network = IPv4Network | IPv6Network


class Frontage:
    """A WSGI middleware that makes the environment what it was at the outermost trusted proxy.

    Parameters
    ----------
    trusted: addresses and networks of proxies.
    prefix: a path that stands in front of all addresses and that no proxy takes away; may be empty.
    """

    def __init__(self, application: WSGIApplication, trusted: Iterable[Network], prefix: str = "") -> None:
        self._application = application
        self._trusted = tuple(trusted)
        self._prefix = normalize_prefix(prefix)
        self._fixes = {
            hops: ProxyFix(self._mount, x_for=hops, x_proto=1, x_host=1, x_prefix=1)
            for hops in range(1, MAX_HOPS + 1)
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if not self._trusts(environ.get("REMOTE_ADDR", "")):
            return self._mount(environ, start_response)
        hops = self._count_hops(environ.get("HTTP_X_FORWARDED_FOR", ""))
        if prefix := environ.get("HTTP_X_FORWARDED_PREFIX"):
            environ["HTTP_X_FORWARDED_PREFIX"] = normalize_prefix(prefix.rpartition(",")[2])
        return self._fixes[hops](environ, start_response)

    def _trusts(self, address: str) -> bool:
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)

    def _count_hops(self, forwarded: str) -> int:
        """Return how far back in ``X-Forwarded-For`` the client stands: behind all trusted proxies."""
        addresses = [part.strip() for part in forwarded.split(",")]
        hops = 1
        while hops < min(len(addresses), MAX_HOPS) and self._trusts(addresses[-hops]):
            hops += 1
        return hops

    def _mount(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if self._prefix and (path == self._prefix or path.startswith(f"{self._prefix}/")):
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + self._prefix
            environ["PATH_INFO"] = path.removeprefix(self._prefix) or "/"
        return self._application(environ, start_response)


def normalize_prefix(prefix: str) -> str:
    """Return a prefix with one slash before it and none behind it; empty where nothing is left.

    >>> normalize_prefix("kg/"), normalize_prefix("//evil.example"), normalize_prefix("/")
    ('/kg', '/evil.example', '')
    """
    path = prefix.strip().strip("/")
    return f"/{path}" if path else ""


def set_frontage(application: WSGIApplication, settings: Settings) -> Frontage:
    """Return the application behind what the settings trust."""
    networks = (ip_network(part, strict=False) for part in settings.trusted_proxies.replace(",", " ").split())
    return Frontage(application, networks, settings.path_prefix)

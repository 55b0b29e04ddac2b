"""One request to an engine, through SPARQLWrapper: form POST, a deadline for all of it, credentials.

SPARQLWrapper makes the request; what it leaves to the process (one opener for all threads, environment
proxies, redirects that turn a POST into a GET, a time-out for each read only) is done here for each request.
"""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from SPARQLWrapper import POST, URLENCODED, SPARQLWrapper

from kg.errors import SettingsError

MAX_HEADERS = 100_000
"""Headers of an answer: Virtuoso names each graph of the dataset in one of its own. Python takes 100."""

# The module has no public way to say so; a test with more headers holds that this one works.
vars(http.client)["_MAXHEADERS"] = MAX_HEADERS

CONNECT_S = 2.0
"""How long a connection may take to be made; a replica cut off from the network is left after it."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an engine is told of us: scheme ``basic``, ``digest`` or ``bearer``; "" sends nothing."""

    scheme: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.scheme not in ("", "basic", "digest", "bearer"):
            raise SettingsError(
                f"there is no authentication {self.scheme!r}.", "There are basic, digest, bearer."
            )


class Line:
    """The connection of one request, which any thread may cut.

    Parameters
    ----------
    deadline: seconds of the monotonic clock.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_cut = False

    @property
    def remaining_s(self) -> float:
        """Seconds that are left, at least a moment."""
        return max(0.001, self.deadline - time.monotonic())

    @property
    def is_overdue(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self.deadline

    def take(self, opened: socket.socket) -> None:
        """Take the socket of a new connection."""
        with self._lock:
            self._socket = opened
            if self._is_cut:
                raise OSError("the request was given up")
        opened.settimeout(self.remaining_s)

    def renew_timeout(self) -> None:
        """Let the next read wait until the deadline and no longer."""
        with self._lock:
            if self._socket is not None and self._socket.fileno() >= 0:
                self._socket.settimeout(self.remaining_s)

    def cut(self) -> None:
        """End the connection; whoever reads from it sees that at once."""
        with self._lock:
            self._is_cut = True
            if self._socket is not None:
                try:
                    self._socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    return  # closed already


class _Connection(http.client.HTTPConnection):
    def __init__(self, *args: Any, line: Line, **more: Any) -> None:
        super().__init__(*args, **more)
        self._line = line

    def connect(self) -> None:
        self.timeout = min(CONNECT_S, self._line.remaining_s)
        super().connect()
        self._line.take(self.sock)


class _EncryptedConnection(_Connection, http.client.HTTPSConnection):
    """The same, where ``super().connect()`` also encrypts."""


class _Handler(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Connection, line=self._line), request)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(
            partial(_EncryptedConnection, line=self._line, context=_read_authorities()), request
        )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would come back as a GET; the address in the settings is to be the right one."""

    def redirect_request(self, *args: Any, **more: Any) -> None:
        return None


@cache
def _read_authorities() -> ssl.SSLContext:
    return ssl.create_default_context()  # some 10 ms, so once and not for each request


def open_request(
    request: urllib.request.Request, line: Line, credentials: Credentials
) -> http.client.HTTPResponse:
    """Send a request and return the response when its headers are there.

    Raises
    ------
    urllib.error.HTTPError: any status but 2xx.
    OSError, http.client.HTTPException: no answer.
    """
    handlers: list[urllib.request.BaseHandler] = [
        _Handler(line),
        _NoRedirect(),
        urllib.request.ProxyHandler({}),
    ]
    if credentials.scheme == "digest":
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, request.full_url, credentials.user, credentials.password)
        digest = urllib.request.HTTPDigestAuthHandler(passwords)
        if request.data:
            _meet_challenge(request, line, urllib.request.build_opener(*handlers), digest)
        handlers.append(digest)
    elif credentials.scheme == "basic":
        pair = base64.b64encode(f"{credentials.user}:{credentials.password}".encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {pair}")
    elif credentials.scheme == "bearer":
        request.add_unredirected_header("Authorization", f"Bearer {credentials.token}")
    opener = urllib.request.build_opener(*handlers)
    response: http.client.HTTPResponse = opener.open(request, timeout=line.remaining_s)
    return response


def _meet_challenge(
    request: urllib.request.Request,
    line: Line,
    opener: urllib.request.OpenerDirector,
    digest: urllib.request.HTTPDigestAuthHandler,
) -> None:
    """Have the challenge come before the body: some servers hang up on a body that they did not ask for."""
    empty = urllib.request.Request(  # noqa: S310 - an address of the settings
        request.full_url, b"", dict(request.headers), method=request.get_method()
    )
    try:
        opener.open(empty, timeout=line.remaining_s).close()
    except urllib.error.HTTPError as error:
        scheme, _, challenge = error.headers.get("WWW-Authenticate", "").partition(" ")
        if error.code == 401 and scheme.lower() == "digest":
            pairs = urllib.request.parse_keqv_list(urllib.request.parse_http_list(challenge))
            request.add_unredirected_header(
                "Authorization", f"Digest {digest.get_authorization(request, pairs)}"
            )


class Operation(SPARQLWrapper):
    """A query or an update as SPARQLWrapper sends it.

    Parameters
    ----------
    form: SELECT, ASK, CONSTRUCT, DESCRIBE, or INSERT for any update. SPARQLWrapper would find it by
        regular expressions whose time a stranger's text can drive up.
    """

    def __init__(self, url: str, form: str, text: str, line: Line, credentials: Credentials) -> None:
        self._form = form
        self._line = line
        self._credentials = credentials
        super().__init__(url)
        self.setMethod(POST)
        self.setRequestMethod(URLENCODED)  # one widely used server hangs when a query is posted directly
        self.setOnlyConneg(True)
        self.setQuery(text)

    def add_parameters(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Add request parameters; the same name may come more than once."""
        for name, value in pairs:
            self.addParameter(name, value)

    def accept(self, media_type: str) -> None:
        """Ask for a media type."""
        self.addCustomHttpHeader("Accept", media_type)

    def send(self) -> http.client.HTTPResponse:
        """Send it; raises as ``open_request`` does."""
        response: http.client.HTTPResponse = self.query().response
        return response

    def _parseQueryType(self, query: str) -> str:
        return self._form

    def _query(self) -> tuple[http.client.HTTPResponse, str]:
        return open_request(self._createRequest(), self._line, self._credentials), self.returnFormat

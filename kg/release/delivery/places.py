"""Where releases lie: a directory, a web server, a bucket. Each is a tree of files under one address.

A place is laid out as the folder of releases is (``kg.release.layout``): ``releases/<id>/…``, and
``current/files.json`` says which release is the current one. All faults are ``OSError``; a file that is
not there is ``FileNotFoundError``. The requests made here are those of an operator who named the address.
"""

from __future__ import annotations

import http.client
import io
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit

from kg.errors import SettingsError

PATIENCE_S = 30.0
"""How long a place may take to answer, or to send the next bytes."""

_CHUNK_BYTES = 256 * 1024


class Place(Protocol):
    """A tree of files that can be read.

    ``open`` gives the bytes of a file from an offset on; a server may give fewer than there are, and then
    the rest is asked for again.
    """

    def open(self, path: str, start: int = 0) -> Any:
        """Return a context manager over a binary file."""


@dataclass(frozen=True, slots=True)
class Directory:
    """A folder of this machine, or one that is mounted here."""

    root: Path

    @contextmanager
    def open(self, path: str, start: int = 0) -> Iterator[IO[bytes]]:
        """See ``Place``."""
        with (self.root / path).open("rb") as file:
            file.seek(start)
            yield file

    def __str__(self) -> str:
        return str(self.root)


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to anything that can be read on the way."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urlsplit(newurl).scheme not in ("https", urlsplit(req.full_url).scheme):
            raise URLError(f"it leads from {req.type} to {newurl}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_SameScheme)


@dataclass(frozen=True, slots=True)
class WebServer:
    """A web server: another Article KG, or one over the files.

    Parameters
    ----------
    url: the address of the tree, with a slash at its end.
    token: is sent as bearer token, to this server and to none that it leads to.
    """

    url: str
    token: str = field(default="", repr=False)

    @contextmanager
    def open(self, path: str, start: int = 0) -> Iterator[IO[bytes]]:
        """See ``Place``."""
        request = urllib.request.Request(self.url + quote(path))  # noqa: S310 - http and https only
        request.add_header("Accept-Encoding", "identity")
        if start:
            request.add_header("Range", f"bytes={start}-")
        if self.token:
            request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        try:
            with _OPENER.open(request, timeout=PATIENCE_S) as response:
                if start and response.status != 206:
                    _skip(response, start)
                yield cast(IO[bytes], response)
        except HTTPError as error:
            error.close()
            raise _to_os_error(error) from None
        except URLError as error:
            raise OSError(str(error.reason)) from None
        except (http.client.HTTPException, ValueError) as error:
            raise OSError(f"the server answers with something that is not HTTP ({error!r})") from None

    def __str__(self) -> str:
        return self.url


def _to_os_error(error: HTTPError) -> OSError:
    if error.code in (404, 410):
        return FileNotFoundError(f"{error.code} {error.reason}")
    hint = (
        "; KG_REPLICATION_TOKEN has to be the replication_token of that server"
        if error.code in (401, 403)
        else ""
    )
    return OSError(f"the server says {error.code} {error.reason}{hint}")


def _skip(file: Any, count: int) -> None:
    while count and (data := file.read(min(count, _CHUNK_BYTES))):
        count -= len(data)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of S3 or of what speaks its protocol; its client takes keys and address from the environment.

    Parameters
    ----------
    files: a file system of fsspec.
    root: bucket and folder, without a slash at the end.
    """

    address: str
    files: Any
    root: str

    @contextmanager
    def open(self, path: str, start: int = 0) -> Iterator[IO[bytes]]:
        """See ``Place``. Not buffered ahead: files are read once, from one end to the other."""
        with _telling_faults(), self.files.open(f"{self.root}/{path}", "rb", cache_type="readahead") as file:
            file.seek(start)
            yield file

    def put(self, source: Path, path: str) -> None:
        """Write a file of this machine there; it appears whole."""
        with _telling_faults():
            self.files.put_file(str(source), f"{self.root}/{path}")

    def write(self, content: bytes, path: str) -> None:
        """Write a small file there; it appears whole."""
        with _telling_faults():
            self.files.pipe_file(f"{self.root}/{path}", content)

    def measure(self, folder: str) -> dict[str, int]:
        """Return path → size of all that is in a folder, with paths from that folder on."""
        top = f"{self.root}/{folder}"
        with _telling_faults():
            found = self.files.find(top, detail=True)
        return {name.removeprefix(f"{top}/"): int(about["size"]) for name, about in found.items()}

    def __str__(self) -> str:
        return self.address


@contextmanager
def _telling_faults() -> Iterator[None]:
    """Make ``OSError`` of what the client of a bucket raises: its own errors are of no common class."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


def find_place(address: str, token: str = "") -> Directory | WebServer | Bucket:
    """Return the place at an address: a path, ``http(s)://host/path`` or ``s3://bucket/folder``.

    Raises
    ------
    SettingsError: it holds a password, has no host, or what it needs is not installed.

    >>> print(find_place("https://kg.example.org/replication"))
    https://kg.example.org/replication/
    """
    if "://" not in address:
        return Directory(Path(address))
    try:
        parts = urlsplit(address)
        secret = parts.username is not None or parts.password is not None
    except ValueError as error:
        raise SettingsError(f"the address of the release is none: {error}.") from None
    if secret:
        raise SettingsError(
            "the address holds a user or a password.",
            "Set KG_REPLICATION_TOKEN, or for a bucket the variables of its client (AWS_ACCESS_KEY_ID, …).",
        )
    if not parts.netloc or parts.query or parts.fragment:
        raise SettingsError(f"{address!r} is no place for releases.", "Write it like https://host/path/.")
    if parts.scheme in ("http", "https"):
        return WebServer(address.rstrip("/") + "/", token)
    if parts.scheme != "s3":
        raise SettingsError(
            f"{address!r} is no place for releases.",
            "Name a folder, http(s)://host/path/ or s3://bucket/folder.",
        )
    return _open_bucket(address)


def _open_bucket(address: str) -> Bucket:
    try:
        from s3fs import S3FileSystem
    except ImportError:
        raise SettingsError(
            "s3:// needs packages that are not here.", "Run pip install 'article-kg[s3]'."
        ) from None
    files = S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    return Bucket(address.rstrip("/"), files, address.removeprefix("s3://").rstrip("/"))


def read_small(place: Place, path: str, most: int) -> bytes:
    """Return a file of at most so many bytes; raises ``OSError``."""
    with place.open(path) as file:
        content = io.BytesIO()
        while data := file.read(_CHUNK_BYTES):
            content.write(data)
            if content.tell() > most:
                raise OSError(f"it has more than {most} bytes")
    return content.getvalue()


def append(place: Place, path: str, target: Path, size_bytes: int) -> None:
    """Bring the bytes that a file on this machine does not have yet, and no more than it should have."""
    start = target.stat().st_size if target.exists() else 0
    with place.open(path, start) as file, target.open("ab") as copy:
        while start < size_bytes and (data := file.read(min(_CHUNK_BYTES, size_bytes - start))):
            copy.write(data)
            start += len(data)

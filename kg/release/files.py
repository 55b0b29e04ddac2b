"""The list of all files of a release, with sizes and checksums: what a copy of it is checked against.

It is written when a release is built, as ``files.json`` in the release's folder::

    {"release": "0123456789abcdef", "layout": 4, "files": [{"path": "iris.txt", "bytes": 12, "sha256": "…"}]}

Signatures are not in it, since a release may be signed later; there is one over the list itself, which
so covers every file, and one over the checksums of the dumps, for those who download these alone.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kg.errors import ReleaseError
from kg.release.digests import check_file, hash_file
from kg.release.layout import LAYOUT_VERSION, SIGNATURE, Release, is_release_id
from kg.release.signatures import PublicKey, check_signature, sign

LIST = "files.json"
LIST_SIGNATURE = "files.json.minisig"
DUMPS_SIGNATURE = f"dumps/{SIGNATURE}"

MAX_LIST_BYTES = 64 * 1024**2
MAX_SIGNATURE_BYTES = 4096
_MAX_FILES = 200_000
_MAX_PATH = 400
_UNLISTED = frozenset({LIST, LIST_SIGNATURE, DUMPS_SIGNATURE})


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of a release: its path in the release's folder, with slashes, its size and its SHA-256."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FileList:
    """All files of a release but the signatures and the list itself."""

    release: str
    layout: int
    files: tuple[FileEntry, ...]

    @property
    def size_bytes(self) -> int:
        """What all files take together."""
        return sum(entry.size_bytes for entry in self.files)


def write_list(folder: Path, release_id: str) -> None:
    """Write the list of a release whose files are all there; it appears whole."""
    files = [
        {"path": path, "bytes": (folder / path).stat().st_size, "sha256": hash_file(folder / path)}
        for path in sorted(_find_files(folder))
    ]
    content = {"release": release_id, "layout": LAYOUT_VERSION, "files": files}
    part = folder / f"{LIST}.part"
    part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(folder / LIST)


def _find_files(folder: Path) -> Iterator[str]:
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name).relative_to(folder).as_posix()
            if path not in _UNLISTED and not path.endswith(".part"):
                yield path


def read_list(release: Release) -> FileList:
    """Return the list of a release on this machine; one that was built without is given its list now."""
    if not (release.path / LIST).exists():
        write_list(release.path, release.id)
    return parse_list((release.path / LIST).read_bytes(), f"{release.path / LIST}")


def find_whole(release: Path, name: str) -> Path:
    """Return a file of a release's folder that is to the byte what the list there says.

    Raises
    ------
    ValueError: it is not.
    OSError: it, or the list, cannot be read.
    ReleaseError: the list is none.
    """
    hashes = {entry.path: entry.sha256 for entry in parse_list((release / LIST).read_bytes(), LIST).files}
    check_file(release / name, hashes.get(name))
    return release / name


def sign_list(release: Release, secret: Ed25519PrivateKey) -> None:
    """Sign the list of a release; the signature appears whole, and is the same each time."""
    read_list(release)
    comment = f"release:{release.id} files"
    text = sign((release.path / LIST).read_bytes(), "files of an Article KG release", comment, secret)
    part = release.path / f"{LIST_SIGNATURE}.part"
    part.write_text(text, encoding="utf-8")
    part.replace(release.path / LIST_SIGNATURE)


def check_list(content: bytes, signature: bytes, release_id: str, public: PublicKey) -> None:
    """Raise ``ReleaseError`` unless a list is signed with a key, and as that of this very release."""
    try:
        comment = check_signature(content, signature.decode(), public)
    except ValueError as error:  # of which UnicodeDecodeError is one
        reason = "is not text" if isinstance(error, UnicodeDecodeError) else str(error)
        raise ReleaseError(f"the signature of release {release_id} {reason}.", "Nothing was taken.") from None
    if comment != f"release:{release_id} files":
        raise ReleaseError(f"the signature is not of release {release_id}: {comment}.", "Nothing was taken.")


def parse_list(content: bytes, place: str) -> FileList:
    """Read a list that may come from anywhere.

    Parameters
    ----------
    place: where it is from, for the message.

    Raises
    ------
    ReleaseError: it is no such list, or names what is no path within a release.

    >>> parse_list(b'{"release": "0a", "layout": 4, "files": [{"path": "../x", "bytes": 1}]}', "here")
    Traceback (most recent call last):
    kg.errors.ReleaseError: here: is no list of the files of a release: '../x' is no path within a release.
    """
    try:
        found = json.loads(content)
        if not isinstance(found["files"], list) or len(found["files"]) > _MAX_FILES:
            raise ValueError(f"it has no files, or more than {_MAX_FILES:,}")
        files = tuple(_parse_entry(entry) for entry in found["files"])
        if not is_release_id(found["release"]) or not isinstance(found["layout"], int):
            raise ValueError("it names no release")
        if len({entry.path for entry in files}) < len(files):
            raise ValueError("it names a file twice")
        return FileList(found["release"], found["layout"], files)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise ReleaseError(f"{place}: is no list of the files of a release: {reason}.") from None


def _parse_entry(entry: Any) -> FileEntry:
    path = entry["path"]
    if not is_safe_path(path):
        raise ValueError(f"{path!r} is no path within a release")
    size, digest = entry["bytes"], entry["sha256"]
    if type(size) is not int or size < 0 or not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ValueError(f"{path!r} has no size or no checksum")
    return FileEntry(path, size, digest)


def is_safe_path(path: object) -> bool:
    """Return whether a text names a file in a release's folder, wherever that is, and none beside it.

    >>> [is_safe_path(path) for path in ("store/000012.sst", "/etc/passwd", "a/../../b", "files.json")]
    [True, False, False, False]
    """
    if not isinstance(path, str) or not 0 < len(path) <= _MAX_PATH or path in _UNLISTED:
        return False
    if not path.isprintable() or "\\" in path or ":" in path:
        return False
    return all(part not in ("", ".", "..") and not part.endswith(".part") for part in path.split("/"))

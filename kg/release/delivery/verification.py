"""Checks dumps that were downloaded: checksums, canonical hash, signature."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import zstandard

from kg.errors import ReleaseError
from kg.formats import N_QUADS
from kg.release.digests import hash_file
from kg.release.layout import CHECKSUMS, IDENTITY, SIGNATURE, WHOLE
from kg.release.signatures import PublicKey, check_signature

_LINE = re.compile(r"([0-9a-f]{64}) [ *]([^/\0]+)")


@dataclass(frozen=True, slots=True)
class Check:
    """What was found about one file; ``fault`` is empty where it is as it should be.

    ``present`` is False for a file of the release that was not downloaded, which is no fault.
    """

    name: str
    fault: str = ""
    present: bool = True


def verify(folder: Path, public: PublicKey | None = None) -> tuple[Check, ...]:
    """Check a folder of downloaded dumps.

    Parameters
    ----------
    public: the key that the release has to be signed with; None leaves the signature out.

    Raises
    ------
    ReleaseError: the folder has no checksums, or they cannot be read.
    """
    sums = _read_sums(folder / CHECKSUMS)
    try:
        checks = [_check_file(folder, name, digest) for name, digest in sums.items()]
        checks += _check_canonical(folder, sums)
        if public is not None:
            checks.append(Check(SIGNATURE, _check_signed(folder, public)))
    except OSError as error:
        raise ReleaseError(f"{error.filename or folder}: cannot be read: {error.strerror}.") from error
    return tuple(checks)


def _read_sums(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ReleaseError(
            f"{path}: cannot be read: {error}.", f"Download {CHECKSUMS} into the same folder."
        ) from error
    found = [_LINE.fullmatch(line) for line in lines]
    if not found or None in found:
        raise ReleaseError(f"{path}: is no list of SHA-256 checksums.", "Download it again.")
    return {match[2]: match[1] for match in found if match is not None}


def _check_file(folder: Path, name: str, digest: str) -> Check:
    if not (folder / name).is_file():
        return Check(name, present=False)
    wrong = hash_file(folder / name) != digest
    return Check(name, f"its SHA-256 is not that of {CHECKSUMS}" if wrong else "")


def _check_canonical(folder: Path, sums: dict[str, str]) -> Iterator[Check]:
    identity = folder / IDENTITY
    if IDENTITY not in sums or not identity.is_file():
        return
    try:
        wanted = str(json.loads(identity.read_text(encoding="utf-8"))["canonical_hash"]["value"])
    except (ValueError, KeyError, TypeError):
        yield Check(IDENTITY, "is not the description of a release")
        return
    for extension in ("gz", "zst"):
        name = f"{WHOLE}.{N_QUADS.extension}.{extension}"
        if (folder / name).is_file():
            yield Check(f"{name} (canonical hash)", _compare_canonical(folder / name, wanted))


def _compare_canonical(path: Path, wanted: str) -> str:
    """Return what is wrong with canonical N-Quads: their lines have to be sorted, each there once."""
    digest, last = hashlib.sha256(), b""
    try:
        with path.open("rb") as packed:
            for line in _unpack(path, packed):
                if line <= last:
                    return "its lines are not in canonical order"
                digest.update(line)
                last = line
    except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        return f"cannot be unpacked: {error}"
    return "" if digest.hexdigest() == wanted else f"its canonical hash is not that of {IDENTITY}"


def _unpack(path: Path, packed: IO[bytes]) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.GzipFile(fileobj=packed))
    return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True))


def _check_signed(folder: Path, public: PublicKey) -> str:
    if not (folder / SIGNATURE).is_file():
        return "is missing"
    try:
        text = (folder / SIGNATURE).read_text(encoding="utf-8")
        comment = check_signature((folder / CHECKSUMS).read_bytes(), text, public)
    except (ValueError, UnicodeDecodeError) as error:
        return str(error)
    if (folder / IDENTITY).is_file():
        identity = json.loads((folder / IDENTITY).read_text(encoding="utf-8"))
        if not comment.startswith(f"release:{identity.get('release')} "):
            return f"is of another release: {comment}"
    return ""

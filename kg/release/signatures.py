"""Signs the checksums of a release, and checks them, in the format of minisign.

So whoever downloads dumps can check them with minisign as well as with `kg verify`. The trusted comment,
which is signed too, names the release and its canonical hash. Source: minisign, "Signature format" and
"Public key format"; Ed25519 over the BLAKE2b-512 of the file (algorithm ``ED``).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from kg.errors import ReleaseError
from kg.release.layout import CHECKSUMS, IDENTITY, SIGNATURE

_UNTRUSTED, _TRUSTED = "untrusted comment: ", "trusted comment: "


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key of minisign with its id, 8 bytes."""

    id: bytes
    key: Ed25519PublicKey


def make_keys(path: Path) -> Path:
    """Write a secret key (PEM, for its owner's eyes only) and beside it the public one; returns that.

    Raises
    ------
    ReleaseError: a file is there already, or cannot be written.
    """
    public = path.with_name(path.name + ".pub")
    secret = Ed25519PrivateKey.generate()
    pem = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        _write_new(path, pem, 0o600)
        _write_new(public, render_public_key(secret).encode(), 0o644)
    except FileExistsError as error:
        raise ReleaseError(f"{error.filename}: is there already.", "Name another file.") from None
    except OSError as error:
        raise ReleaseError(f"{path}: cannot be written: {error.strerror}.") from error
    return public


def _write_new(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)


def render_public_key(secret: Ed25519PrivateKey) -> str:
    """Return the public key as the file that minisign reads."""
    raw = _raw_public(secret)
    packed = base64.b64encode(b"Ed" + _key_id(raw) + raw).decode()
    return f"{_UNTRUSTED}minisign public key {_key_id(raw)[::-1].hex().upper()}\n{packed}\n"


def read_secret_key(path: Path) -> Ed25519PrivateKey:
    """Read a secret key that ``make_keys`` wrote; raises ``ReleaseError``, which tells nothing of it."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise ReleaseError(f"{path}: cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ReleaseError(f"{path}: is no secret key of Ed25519.", "`kg keygen` makes one.")
    return key


def read_public_key(path: Path) -> PublicKey:
    """Read a public key of minisign; raises ``ReleaseError``."""
    try:
        packed = base64.b64decode(path.read_text(encoding="utf-8").splitlines()[1], validate=True)
        if len(packed) != 42 or packed[:2] != b"Ed":
            raise ValueError
        return PublicKey(packed[2:10], Ed25519PublicKey.from_public_bytes(packed[10:]))
    except OSError as error:
        raise ReleaseError(f"{path}: cannot be read: {error.strerror}.") from error
    except (ValueError, IndexError, binascii.Error):
        raise ReleaseError(
            f"{path}: is no public key of minisign.", "Name the file that ends in .pub."
        ) from None


def sign_release(folder: Path, secret: Ed25519PrivateKey) -> None:
    """Sign the checksums in a folder of dumps; the signature appears whole, and is the same each time."""
    identity = json.loads((folder / IDENTITY).read_text(encoding="utf-8"))
    comment = f"release:{identity['release']} rdfc10-sha256:{identity['canonical_hash']['value']}"
    content = (folder / CHECKSUMS).read_bytes()
    text = sign(content, "signature of the checksums of an Article KG release", comment, secret)
    part = folder.parent / f"{SIGNATURE}.part"
    part.write_text(text, encoding="utf-8")
    part.replace(folder / SIGNATURE)


def sign(content: bytes, what: str, comment: str, secret: Ed25519PrivateKey) -> str:
    """Return the signature of some bytes as the file that minisign reads.

    Parameters
    ----------
    what: the untrusted comment: what the file is.
    comment: the trusted comment, which is signed too.
    """
    signature = secret.sign(hashlib.blake2b(content).digest())
    whole = secret.sign(signature + comment.encode())
    packed = base64.b64encode(b"ED" + _key_id(_raw_public(secret)) + signature).decode()
    return f"{_UNTRUSTED}{what}\n{packed}\n{_TRUSTED}{comment}\n{base64.b64encode(whole).decode()}\n"


def check_signature(content: bytes, signature: str, public: PublicKey) -> str:
    """Check a signature and return its trusted comment.

    Raises
    ------
    ValueError: what is wrong with it.
    """
    try:
        _, packed, trusted, whole = signature.splitlines()
        raw, raw_whole = (base64.b64decode(text, validate=True) for text in (packed, whole))
    except (ValueError, binascii.Error):
        raise ValueError("is no signature of minisign") from None
    if len(raw) != 74 or raw[:2] != b"ED" or not trusted.startswith(_TRUSTED):
        raise ValueError("is no prehashed signature of minisign")
    if raw[2:10] != public.id:
        raise ValueError("was made with another key")
    comment = trusted.removeprefix(_TRUSTED)
    try:
        public.key.verify(raw[10:], hashlib.blake2b(content).digest())
        public.key.verify(raw_whole, raw[10:] + comment.encode())
    except InvalidSignature:
        raise ValueError("does not fit") from None
    return comment


def _raw_public(secret: Ed25519PrivateKey) -> bytes:
    return secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _key_id(raw: bytes) -> bytes:
    # minisign draws it at random; taken from the key it need not be kept beside it.
    return hashlib.blake2b(raw, digest_size=8).digest()

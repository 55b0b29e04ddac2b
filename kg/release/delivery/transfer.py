"""Brings a release from one place to another: checked file by file, and seen by nobody until it is whole.

What comes in lies under ``fetching/`` until every file has the size and the checksum that the list of the
release says, and is then renamed to its place at once. What goes to a bucket is seen as soon as its list is
there, and that is written last. The list is trusted as far as its signature; without a public key, as far
as the way it came.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kg.errors import OtherLayout, ReleaseError
from kg.release.catalogue import switch_current, sync
from kg.release.delivery.places import Bucket, Directory, Place, append, read_small
from kg.release.digests import hash_file
from kg.release.files import (
    DUMPS_SIGNATURE,
    LIST,
    LIST_SIGNATURE,
    MAX_LIST_BYTES,
    MAX_SIGNATURE_BYTES,
    FileEntry,
    FileList,
    check_list,
    parse_list,
    read_list,
)
from kg.release.layout import (
    LAYOUT_VERSION,
    Release,
    fetching_path,
    is_release_id,
    read_current_id,
    read_manifest,
    releases_path,
)
from kg.release.locks import lock_fetches
from kg.release.signatures import PublicKey

AT_ONCE = 8
"""Files that are under way at a time."""

TRIES = 4
"""How often a file is asked for; each time from where it broke off."""

PAUSE_S = 0.1
"""How long is waited before the second try; before each further one twice as long."""

_WAYS = ("", "replication/")
"""Where the tree may stand under an address: there, or where an Article KG serves it."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """What became of a release: ``moved`` is false where it was there already."""

    release: str
    files: int
    size_bytes: int
    moved: bool


@dataclass(frozen=True, slots=True)
class Demand:
    """What a release has to be like to be taken: its id ("" is the current one), its key, its size.

    ``older`` allows the current one there to be made before the current one here.
    """

    release: str = ""
    public: PublicKey | None = None
    max_bytes: int = 2**63
    older: bool = False


def fetch_release(
    place: Place,
    var: Path,
    demand: Demand | None = None,
    *,
    switch: bool = True,
    on_step: Callable[[str], None] = lambda step: None,
) -> Transfer:
    """Bring a release into a folder of releases, and make it the current one.

    A fetch that broke off goes on where it was. A release that is there already is only switched to.

    Raises
    ------
    ReleaseError: it is not there, is damaged, is not signed with the key, or is too large; nothing changed.
        Or it was made before the current one, and was not named: it is here then, and not switched to.
    OtherLayout: another version of Article KG made it.
    BuildInProgress: another fetch runs into the same folder.
    """
    wanted = demand or Demand()
    try:
        with lock_fetches(var):
            top, content = _find_list(place, wanted.release)
            listed = parse_list(content, f"{place}")
            if wanted.release not in ("", listed.release):
                raise ReleaseError(f"{place}: its release {wanted.release} calls itself {listed.release}.")
            moved = not (releases_path(var) / listed.release / "manifest.json").exists()
            if moved:
                on_step(f"{len(listed.files)} files of release {listed.release}")
                _bring(place, top, content, listed, var, wanted)
            if switch:
                if not (wanted.older or wanted.release):
                    _require_newer(place, listed.release, var)
                on_step("current link")
                switch_current(var, listed.release)
    except OSError as error:
        raise ReleaseError(f"{error.filename or place}: {error.strerror or error}.") from error
    return Transfer(listed.release, len(listed.files), listed.size_bytes, moved)


def _find_list(place: Place, release_id: str) -> tuple[str, bytes]:
    """Return the folder of a release in a place, with a slash at its end, and the list of its files."""
    if release_id and not is_release_id(release_id):
        raise ReleaseError(f"{release_id!r} is no id of a release.")
    folder = f"releases/{release_id}/" if release_id else "current/"
    for top in (*(way + folder for way in _WAYS), ""):
        try:
            content = read_small(place, top + LIST, MAX_LIST_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if top.endswith("current/"):  # may change at any moment; the release that it names does not
            top = f"{top.removesuffix('current/')}releases/{parse_list(content, f'{place}').release}/"
            content = read_small(place, top + LIST, MAX_LIST_BYTES)
        return top, content
    raise ReleaseError(
        f"{place}: there is no release {release_id or 'with a list of its files'}.",
        "Name a folder of releases, a bucket that `kg publish` wrote, or a server that gives out releases.",
    )


def _bring(place: Place, top: str, content: bytes, listed: FileList, var: Path, wanted: Demand) -> None:
    if listed.layout != LAYOUT_VERSION:
        raise OtherLayout(listed.release, listed.layout, LAYOUT_VERSION)
    signatures = _bring_signatures(place, top)
    if wanted.public is not None:
        check_list(content, signatures.get(LIST_SIGNATURE, b""), listed.release, wanted.public)
    folder = fetching_path(var) / listed.release
    _sweep(fetching_path(var), listed)
    _require_room(listed, var, wanted.max_bytes)
    for parent in {(folder / entry.path).parent for entry in listed.files}:
        parent.mkdir(parents=True, exist_ok=True)
    _do_at_once(lambda entry: _bring_file(place, top, entry, folder), listed.files)
    for name, text in {LIST: content, **signatures}.items():
        (folder / name).write_bytes(text)
    _publish(folder, listed.release, var)


def _require_newer(place: Place, release_id: str, var: Path) -> None:
    """Raise ``ReleaseError`` for a release from before the current one, though its signature is good.

    Who can write where releases lie cannot sign, but can put back what was signed once.
    """
    new = read_manifest(releases_path(var) / release_id / "manifest.json")
    try:
        current = read_manifest(releases_path(var) / read_current_id(var) / "manifest.json")
    except ReleaseError:  # there is none yet, or one of another layout
        return
    if datetime.fromisoformat(new.created) < datetime.fromisoformat(current.created):
        raise ReleaseError(
            f"{place}: its current release {new.id} was made at {new.created}, before the one here,"
            f" {current.id} of {current.created}.",
            "If it was put back on purpose, fetch with --older, or name it by --release.",
        )


def _bring_signatures(place: Place, top: str) -> dict[str, bytes]:
    found = {}
    for name in (LIST_SIGNATURE, DUMPS_SIGNATURE):
        try:
            found[name] = read_small(place, top + name, MAX_SIGNATURE_BYTES)
        except FileNotFoundError:
            continue
    return found


def _sweep(fetching: Path, listed: FileList) -> None:
    """Remove what earlier fetches left, but for the files that this one can use."""
    names = {entry.path for entry in listed.files}
    for folder in fetching.iterdir() if fetching.is_dir() else ():
        if folder.name != listed.release:
            shutil.rmtree(folder)
            continue
        for path in folder.rglob("*"):
            if path.is_file() and path.relative_to(folder).as_posix() not in names:
                path.unlink()


def _require_room(listed: FileList, var: Path, most: int) -> None:
    if listed.size_bytes > most:
        raise ReleaseError(
            f"release {listed.release} has {listed.size_bytes} bytes, and at most {most} are taken.",
            "Set max_fetch_bytes if it is really that large.",
        )
    here = sum(path.stat().st_size for path in fetching_path(var).rglob("*") if path.is_file())
    free = shutil.disk_usage(var).free
    if listed.size_bytes - here > free:
        raise ReleaseError(
            f"release {listed.release} needs {listed.size_bytes - here} bytes more, and {var} has {free}.",
            "Remove old releases with `kg gc`, or name another folder with --var.",
        )


def _bring_file(place: Place, top: str, entry: FileEntry, folder: Path) -> None:
    target = folder / entry.path
    fault: OSError | None = None
    for number in range(TRIES):
        try:
            target.touch()
            if target.stat().st_size < entry.size_bytes:
                append(place, top + entry.path, target, entry.size_bytes)
            fault = None
        except FileNotFoundError:
            raise ReleaseError(f"{place}: {top}{entry.path} is listed, and is not there.") from None
        except OSError as error:
            fault = error
            time.sleep(PAUSE_S * 2**number)
            continue
        size = target.stat().st_size
        if size == entry.size_bytes and hash_file(target) == entry.sha256:
            return
        if size >= entry.size_bytes:  # what is wrong in it cannot be told, so all of it is asked for again
            target.unlink()
    reason = fault or "its SHA-256 is not the one in the list, or it ends too early"
    raise ReleaseError(f"{place}: {top}{entry.path}: {reason}.", "Run it again; what is here already stays.")


def _do_at_once(act: Callable[[FileEntry], None], entries: Iterable[FileEntry]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for done in [pool.submit(act, entry) for entry in entries]:
                done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _publish(folder: Path, release_id: str, var: Path) -> None:
    """Give a release that is whole its name."""
    if read_manifest(folder / "manifest.json").id != release_id:
        raise ReleaseError(f"release {release_id}: its manifest is that of another one.")
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)
    releases_path(var).mkdir(exist_ok=True)
    folder.rename(releases_path(var) / release_id)
    sync(releases_path(var))


def publish_to_directory(
    release: Release, var: Path, target: Path, *, switch: bool, on_step: Callable[[str], None]
) -> Transfer:
    """Copy a release into another folder of releases, as ``fetch_release`` brings it from there."""
    read_list(release)
    return fetch_release(Directory(var), target, Demand(release.id), switch=switch, on_step=on_step)


def publish_to_bucket(
    release: Release, bucket: Bucket, *, switch: bool, on_step: Callable[[str], None]
) -> Transfer:
    """Write a release into a bucket: its files, then its list, then which release is the current one.

    Raises
    ------
    ReleaseError: the bucket cannot be written. What was written is not seen without its list.
    """
    listed, top = read_list(release), f"releases/{release.id}/"
    content = (release.path / LIST).read_bytes()
    try:
        there = _read_if_there(bucket, top + LIST)
        if there is None:
            on_step(f"{len(listed.files)} files of release {release.id}")
            _write_files(release, listed, bucket, top)
        if there in (None, content):
            _write_signatures(release, bucket, top)
        elif (release.path / LIST_SIGNATURE).exists() and not _read_if_there(bucket, top + LIST_SIGNATURE):
            raise ReleaseError(
                f"{bucket}: release {release.id} is there from another build, and is not signed.",
                f"Remove {top} there, and publish again.",
            )
        if there is None:
            bucket.put(release.path / LIST, top + LIST)
        if switch:
            on_step("current release")
            bucket.write(there or content, f"current/{LIST}")
    except OSError as error:
        raise ReleaseError(f"{bucket}: {error.strerror or error}.") from error
    return Transfer(release.id, len(listed.files), listed.size_bytes, there is None)


def _read_if_there(bucket: Bucket, path: str) -> bytes | None:
    try:
        return read_small(bucket, path, MAX_LIST_BYTES)
    except FileNotFoundError:
        return None


def _write_files(release: Release, listed: FileList, bucket: Bucket, top: str) -> None:
    _do_at_once(lambda entry: bucket.put(release.path / entry.path, top + entry.path), listed.files)
    there = bucket.measure(top.rstrip("/"))
    for entry in listed.files:
        if there.get(entry.path) != entry.size_bytes:
            raise ReleaseError(f"{bucket}: {top}{entry.path} did not arrive whole.", "Publish again.")


def _write_signatures(release: Release, bucket: Bucket, top: str) -> None:
    for name in (LIST_SIGNATURE, DUMPS_SIGNATURE):
        if (release.path / name).exists():
            bucket.put(release.path / name, top + name)

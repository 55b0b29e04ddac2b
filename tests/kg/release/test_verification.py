"""Signed releases, and `kg verify` as those use it who download dumps."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from kg.errors import ReleaseError
from kg.release.delivery.verification import verify
from kg.release.layout import CHECKSUMS, IDENTITY, SIGNATURE, Release
from kg.release.signatures import make_keys, read_public_key, read_secret_key, sign_release
from tests.kg.release.test_catalogue import kg


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    secret = tmp_path / "release.key"
    return secret, make_keys(secret)


@pytest.fixture
def download(tmp_path: Path, mini_release: Release, keys: tuple[Path, Path]) -> Path:
    """The dumps of the tiny release, signed."""
    folder = Path(shutil.copytree(mini_release.dumps_path, tmp_path / "download" / "dumps"))
    sign_release(folder, read_secret_key(keys[0]))
    return folder


def find_faults(folder: Path, public: Path | None = None) -> dict[str, str]:
    checks = verify(folder, read_public_key(public) if public else None)
    return {check.name: check.fault for check in checks if check.fault}


def test_what_is_whole_is_found_so(download: Path, keys: tuple[Path, Path]) -> None:
    assert find_faults(download, keys[1]) == {}
    names = {check.name for check in verify(download)}
    assert {"article-kg.nq.gz (canonical hash)", "article-kg.nq.zst (canonical hash)"} <= names


def test_the_file_that_is_wrong_is_named(download: Path, keys: tuple[Path, Path]) -> None:
    with (download / "ontology.ttl.gz").open("ab") as file:
        file.write(b"x")
    assert list(find_faults(download, keys[1])) == ["ontology.ttl.gz"]


def test_other_data_under_true_checksums_is_found(download: Path, keys: tuple[Path, Path]) -> None:
    path = download / "article-kg.nq.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(lines[1:])))
    packed = sorted(path.name for path in download.glob("*.*z*"))
    done = subprocess.run(["sha256sum", *packed], cwd=download, capture_output=True)
    (download / CHECKSUMS).write_bytes(done.stdout)
    digest = subprocess.run(["sha256sum", IDENTITY], cwd=download, capture_output=True).stdout
    with (download / CHECKSUMS).open("ab") as file:
        file.write(digest)
    faults = find_faults(download, keys[1])
    assert set(faults) == {"article-kg.nq.gz (canonical hash)", SIGNATURE}


def test_a_part_of_a_download_can_be_checked(download: Path) -> None:
    for path in download.iterdir():
        if path.name not in (CHECKSUMS, "ontology.ttl.zst"):
            path.unlink()
    checks = verify(download)
    assert [check.name for check in checks if check.present] == ["ontology.ttl.zst"]
    assert not any(check.fault for check in checks)


def test_another_key_and_a_changed_comment_are_refused(
    download: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    assert find_faults(download, make_keys(tmp_path / "other")) == {SIGNATURE: "was made with another key"}
    text = (download / SIGNATURE).read_text()
    (download / SIGNATURE).write_text(text.replace("release:", "release:0"))
    assert find_faults(download, keys[1]) == {SIGNATURE: "does not fit"}
    (download / SIGNATURE).unlink()
    assert find_faults(download, keys[1]) == {SIGNATURE: "is missing"}


def test_minisign_agrees(download: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    minisign = shutil.which("minisign")
    if minisign is None:
        pytest.skip("minisign is not installed")
    command = [minisign, "-V", "-p", str(keys[1]), "-m", CHECKSUMS]
    done = subprocess.run(command, cwd=download, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "release:" in done.stdout
    theirs = tmp_path / "theirs"
    make = [minisign, "-G", "-W", "-p", f"{theirs}.pub", "-s", str(theirs)]
    subprocess.run(make, check=True, capture_output=True)
    sign = [minisign, "-S", "-s", str(theirs), "-m", CHECKSUMS, "-t"]
    identity = json.loads((download / IDENTITY).read_text())
    subprocess.run([*sign, f"release:{identity['release']} x"], cwd=download, check=True, capture_output=True)
    assert find_faults(download, Path(f"{theirs}.pub")) == {}


def test_the_secret_key_is_its_owners_and_is_never_overwritten(keys: tuple[Path, Path]) -> None:
    assert keys[0].stat().st_mode & 0o777 == 0o600
    with pytest.raises(ReleaseError, match="already"):
        make_keys(keys[0])
    with pytest.raises(ReleaseError, match="no secret key"):
        read_secret_key(keys[1])
    with pytest.raises(ReleaseError, match="no public key"):
        read_public_key(keys[0])


def test_the_command_tells_and_fails(download: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    good = kg(tmp_path, "verify", str(download), "--key", str(keys[1]))
    assert (good.returncode, "ok     SHA256SUMS.minisig" in good.stdout) == (0, True)
    (download / "entities.nt.zst").write_bytes(b"")
    bad = kg(tmp_path, "verify", str(download))
    assert bad.returncode == 1
    assert "WRONG  entities.nt.zst: " in bad.stdout
    assert bad.stdout.count("WRONG") == 1

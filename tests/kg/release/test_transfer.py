"""`kg fetch` and `kg publish`: a release from place to place, whole or not at all."""

from __future__ import annotations

import gc
import json
import shutil
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kg.errors import BuildInProgress, KgError, OtherLayout, ReleaseError, SettingsError
from kg.release import files
from kg.release.delivery import places, transfer
from kg.release.delivery.places import Directory, WebServer, find_place
from kg.release.delivery.transfer import Demand, fetch_release
from kg.release.files import LIST, LIST_SIGNATURE, parse_list, read_list, sign_list
from kg.release.layout import Release, open_release, read_current_id
from kg.release.locks import lock_fetches
from kg.release.signatures import PublicKey, make_keys, read_public_key, read_secret_key
from tests.conftest import build_variant
from tests.kg.release.test_catalogue import kg


@pytest.fixture
def source(tmp_path: Path, mini_var: Path, mini_release: Release) -> Path:
    """A folder of releases that a test may damage."""
    return Path(shutil.copytree(mini_var, tmp_path / "source", symlinks=True))


@pytest.fixture
def var(tmp_path: Path) -> Path:
    return tmp_path / "replica"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PAUSE_S", 0.0)


def read_tree(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def is_untouched(var: Path) -> bool:
    return not (var / "current").exists() and not list(var.glob("releases/*"))


@contextmanager
def serving(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    """A web server over the files, without ranges."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def rewrite(source: Path, release_id: str, change: Callable[[dict[str, Any]], object]) -> None:
    path = source / "releases" / release_id / LIST
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_the_list_names_every_file_of_a_release(mini_release: Release) -> None:
    listed = read_list(mini_release)
    assert {entry.path for entry in listed.files} | {LIST} == read_tree(mini_release.path).keys()
    assert listed.release == mini_release.id
    assert listed.size_bytes == sum(map(len, read_tree(mini_release.path).values())) - len(
        (mini_release.path / LIST).read_bytes()
    )


def test_a_release_comes_whole_from_a_folder_and_is_switched_to(
    source: Path, var: Path, mini_release: Release
) -> None:
    done = fetch_release(Directory(source), var)
    assert (done.release, done.moved) == (mini_release.id, True)
    assert read_current_id(var) == mini_release.id
    assert read_tree(open_release(var, done.release).path) == read_tree(mini_release.path)
    assert not fetch_release(Directory(source), var).moved
    assert not list((var / "fetching").iterdir())


def test_a_fetch_without_a_switch_leaves_the_current_release(source: Path, var: Path) -> None:
    done = fetch_release(Directory(source), var, switch=False)
    assert not (var / "current").exists()
    assert open_release(var, done.release)


@pytest.mark.parametrize("way", ["", "releases/{id}"])
def test_a_release_comes_from_any_web_server(
    source: Path, var: Path, mini_release: Release, way: str
) -> None:
    with serving(partial(Quiet, directory=str(source))) as url:
        done = fetch_release(find_place(url + way.format(id=mini_release.id)), var)
    assert read_tree(var / "releases" / done.release) == read_tree(mini_release.path)


def test_what_broke_off_goes_on_where_it_was(
    source: Path, var: Path, mini_release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that cuts each answer after 20 kB, and gives ranges."""
    asked: list[tuple[str, int]] = []

    class Cutting(Quiet):
        def do_GET(self) -> None:
            start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
            try:
                content = Path(self.translate_path(self.path)).read_bytes()
            except OSError:
                self.send_error(404)
                return
            asked.append((self.path, start))
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start : start + 20_000])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

    monkeypatch.setattr(transfer, "TRIES", 2)
    with serving(partial(Cutting, directory=str(source))) as url:
        with pytest.raises(ReleaseError, match=r"ends too early.*what is here already stays"):
            fetch_release(find_place(url), var)
        assert is_untouched(var)
        monkeypatch.setattr(transfer, "TRIES", 100)
        fetch_release(find_place(url), var)
    index = [start for path, start in asked if path.endswith("search.sqlite")]
    assert index == sorted(set(index))  # no byte twice
    assert len(index) > 3
    assert read_tree(var / "releases" / mini_release.id) == read_tree(mini_release.path)


def test_a_damaged_file_is_named_and_nothing_is_seen(source: Path, var: Path, mini_release: Release) -> None:
    path = source / "releases" / mini_release.id / "iris.txt"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ReleaseError, match=r"iris\.txt: its SHA-256 is not the one in the list"):
        fetch_release(Directory(source), var)
    assert is_untouched(var)
    path.unlink()
    with pytest.raises(ReleaseError, match=r"iris\.txt is listed, and is not there"):
        fetch_release(Directory(source), var)
    shutil.copy(mini_release.path / "iris.txt", path)
    assert fetch_release(Directory(source), var).moved


@pytest.mark.parametrize(
    "path",
    ["../../../evil", "/etc/evil", "a/../../evil", "a//b", ".", "a\\b", "c:evil", "a\nb", "x.part", 7, ""],
)
def test_a_path_that_leads_out_of_the_release_is_refused(
    source: Path, var: Path, mini_release: Release, path: object
) -> None:
    rewrite(source, mini_release.id, lambda content: content["files"][0].update(path=path))
    with pytest.raises(ReleaseError, match="is no path within a release"):
        fetch_release(Directory(source), var)
    assert is_untouched(var)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda content: content["files"][0].update(bytes=-1), "no size or no checksum"),
        (lambda content: content["files"][0].update(bytes=True), "no size or no checksum"),
        (lambda content: content["files"][0].update(sha256="0"), "no size or no checksum"),
        (lambda content: content["files"][0].update(bytes=2**60), "and at most"),
        (lambda content: content["files"].append(content["files"][0]), "names a file twice"),
        (lambda content: content.update(release="../x"), "names no release"),
        (lambda content: content.pop("files"), "'files' is missing"),
        (lambda content: content.update(files={}), "it has no files"),
    ],
)
def test_a_list_that_is_none_is_refused(
    source: Path, var: Path, mini_release: Release, change: Callable[[dict[str, Any]], object], told: str
) -> None:
    rewrite(source, mini_release.id, change)
    with pytest.raises(ReleaseError, match=told):
        fetch_release(Directory(source), var, Demand(max_bytes=2**50))
    assert is_untouched(var)


def test_a_release_larger_than_the_disk_or_the_setting_is_refused_before_it_comes(
    source: Path, var: Path, mini_release: Release
) -> None:
    with pytest.raises(ReleaseError, match="max_fetch_bytes"):
        fetch_release(Directory(source), var, Demand(max_bytes=1000))
    rewrite(source, mini_release.id, lambda content: content["files"][0].update(bytes=2**60))
    with pytest.raises(ReleaseError, match="kg gc"):
        fetch_release(Directory(source), var)
    assert not list(var.glob("fetching/*"))


def test_a_list_without_end_is_left(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "MAX_LIST_BYTES", 1_000_000)

    class Endless(Quiet):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b" " * 65536)
            except OSError:
                self.close_connection = True

    with serving(Endless) as url, pytest.raises(ReleaseError, match="more than 1000000 bytes"):
        fetch_release(find_place(url), var)


def test_a_release_of_another_layout_or_another_name_is_refused(
    source: Path, var: Path, mini_release: Release
) -> None:
    rewrite(source, mini_release.id, lambda content: content.update(layout=99))
    with pytest.raises(OtherLayout):
        fetch_release(Directory(source), var)
    rewrite(source, mini_release.id, lambda content: content.update(release="0" * 16))
    with pytest.raises(ReleaseError, match="calls itself"):
        fetch_release(Directory(source), var, Demand(mini_release.id))
    with pytest.raises(ReleaseError, match="is no id"):
        fetch_release(Directory(source), var, Demand("../x"))
    assert is_untouched(var)


@pytest.fixture
def signed(source: Path, tmp_path: Path, mini_release: Release) -> tuple[Path, PublicKey]:
    """The folder that is fetched from, its release signed, and the public key."""
    public = make_keys(tmp_path / "release.key")
    sign_list(open_release(source, mini_release.id), read_secret_key(tmp_path / "release.key"))
    return source, read_public_key(public)


def test_a_signed_release_is_taken_with_its_signature(signed: tuple[Path, PublicKey], var: Path) -> None:
    source, public = signed
    done = fetch_release(Directory(source), var, Demand(public=public))
    assert (var / "releases" / done.release / LIST_SIGNATURE).is_file()


def test_what_the_key_has_not_signed_is_not_taken(
    signed: tuple[Path, PublicKey], var: Path, tmp_path: Path, mini_release: Release
) -> None:
    source, public = signed
    other = read_public_key(make_keys(tmp_path / "other.key"))
    signature = source / "releases" / mini_release.id / LIST_SIGNATURE
    demand = Demand(public=other)
    with pytest.raises(ReleaseError, match="was made with another key"):
        fetch_release(Directory(source), var, demand)
    rewrite(source, mini_release.id, lambda content: content["files"][0].update(sha256="0" * 64))
    with pytest.raises(ReleaseError, match="does not fit"):
        fetch_release(Directory(source), var, Demand(public=public))
    text = signature.read_text(encoding="utf-8")
    signature.write_text(text.replace(mini_release.id, "f" * 16), encoding="utf-8")
    with pytest.raises(ReleaseError, match="does not fit"):
        fetch_release(Directory(source), var, Demand(public=public))
    signature.unlink()
    with pytest.raises(ReleaseError, match="is no signature"):
        fetch_release(Directory(source), var, Demand(public=public))
    assert is_untouched(var)


def test_the_signature_of_another_release_is_not_taken(
    signed: tuple[Path, PublicKey], mini_release: Release
) -> None:
    folder = signed[0] / "releases" / mini_release.id
    with pytest.raises(ReleaseError, match="is not of release 00"):
        files.check_list(
            (folder / LIST).read_bytes(), (folder / LIST_SIGNATURE).read_bytes(), "00", signed[1]
        )


@pytest.mark.parametrize(
    ("made", "demand", "is_taken"),
    [
        ("2999-01-01T00:00:00+00:00", Demand(), False),
        ("2999-01-01T00:00:00+00:00", Demand(older=True), True),
        ("2001-01-01T00:00:00+00:00", Demand(), True),
    ],
)
def test_a_release_from_before_the_current_one_is_taken_on_demand_only(
    source: Path,
    var: Path,
    sources_copy: Path,
    mini_release: Release,
    made: str,
    demand: Demand,
    is_taken: bool,
) -> None:
    here = build_variant(sources_copy, var, 1)
    manifest = var / "releases" / here / "manifest.json"
    content = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps(content | {"created": made}), encoding="utf-8")
    if is_taken:
        fetch_release(Directory(source), var, demand)
        assert read_current_id(var) == mini_release.id
        return
    with pytest.raises(ReleaseError, match=f"{mini_release.id} was made at .* before the one here, {here}"):
        fetch_release(Directory(source), var, demand)
    assert read_current_id(var) == here
    fetch_release(Directory(source), var, Demand(mini_release.id))
    assert read_current_id(var) == mini_release.id


def test_two_fetches_at_a_time_do_not_mix(source: Path, var: Path) -> None:
    with lock_fetches(var), pytest.raises(BuildInProgress):
        fetch_release(Directory(source), var)


def test_what_another_fetch_left_is_swept(source: Path, var: Path, mini_release: Release) -> None:
    (var / "fetching" / "0123").mkdir(parents=True)
    ours = var / "fetching" / mini_release.id / "store"
    ours.mkdir(parents=True)
    (ours / "stray").write_text("x")
    (ours.parent / "iris.txt").write_bytes(b"longer than it should be" * 10_000)
    fetch_release(Directory(source), var)
    assert read_tree(var / "releases" / mini_release.id) == read_tree(mini_release.path)
    assert not list((var / "fetching").iterdir())


def test_the_token_goes_to_the_named_server_alone(source: Path, var: Path) -> None:
    seen: list[tuple[str, str | None]] = []

    class Other(Quiet):
        def do_GET(self) -> None:
            seen.append(("other", self.headers.get("Authorization")))
            super().do_GET()

    with serving(partial(Other, directory=str(source))) as target:

        class Leading(Quiet):
            def do_GET(self) -> None:
                seen.append(("first", self.headers.get("Authorization")))
                self.send_response(302)
                self.send_header("Location", target.rstrip("/") + self.path)
                self.end_headers()

        with serving(Leading) as url:
            fetch_release(find_place(url, "secret"), var)
    assert set(seen) == {("first", "Bearer secret"), ("other", None)}


def test_a_redirect_to_files_of_this_machine_is_not_followed(source: Path, var: Path) -> None:
    class Leading(Quiet):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"file://{source}{self.path}")
            self.end_headers()

    with serving(Leading) as url, pytest.raises(ReleaseError):
        fetch_release(find_place(url), var)
    assert is_untouched(var)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://user:hidden@host/", "holds a user or a password"),
        ("s3://key:hidden@bucket/", "holds a user or a password"),
        ("https:///x", "is no place"),
        ("https://host/?token=1", "is no place"),
        ("ftp://host/x", "is no place"),
        ("file:///etc", "is no place"),
        ("http://[::1", "is none"),
    ],
)
def test_an_address_that_is_none_is_told_without_its_secrets(address: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told) as raised:
        find_place(address)
    assert "hidden" not in str(raised.value)
    assert "secret" not in repr(WebServer("https://host/", "secret"))


def test_a_server_that_does_not_answer_is_told(var: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    done = kg(var, "fetch", f"http://127.0.0.1:{port}/")
    assert done.returncode == 1
    assert "Connection refused" in done.stderr
    assert "Traceback" not in done.stderr
    done = kg(var, "fetch", str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "there is no release with a list of its files" in done.stderr


def test_the_command_line_fetches_and_publishes(source: Path, var: Path, mini_release: Release) -> None:
    done = kg(var, "fetch", str(source), "--json")
    assert json.loads(done.stdout)["release"] == mini_release.id
    elsewhere = var.parent / "elsewhere"
    done = kg(var, "publish", str(elsewhere))
    assert done.returncode == 0, done.stderr
    assert f"release {mini_release.id}: " in done.stdout
    assert read_tree(elsewhere / "current") == read_tree(mini_release.path)
    assert "is there already" in kg(var, "publish", str(elsewhere)).stdout
    assert "cannot be written to" in kg(var, "publish", "http://127.0.0.1:9/").stderr
    assert "Name one of them" in kg(var, "publish", str(elsewhere), "--store", "http://h/q").stderr


def test_a_required_key_is_required(source: Path, var: Path, tmp_path: Path) -> None:
    public = make_keys(tmp_path / "release.key")
    done = kg(var, "fetch", str(source), "--key", str(public))
    assert (done.returncode, done.stdout) == (1, "")
    assert "the signature of release" in done.stderr
    assert is_untouched(var)


def test_a_list_is_read_as_it_was_written(mini_release: Release) -> None:
    content = (mini_release.path / LIST).read_bytes()
    assert parse_list(content, "here") == read_list(mini_release)
    for broken in (b"", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"files": 1}'):
        with pytest.raises(ReleaseError):
            parse_list(broken, "here")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An S3 server with one bucket, as the environment tells its clients."""
    moto = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    boto3.client("s3").create_bucket(Bucket="releases")
    yield "s3://releases/kg"
    # What it holds is kept by the process, beyond the server.
    urllib.request.urlopen(f"http://{host}:{port}/moto-api/reset", data=b"", timeout=10).close()
    server.stop()
    gc.collect()


def publish(release: Release, bucket: str, *, switch: bool = True) -> transfer.Transfer:
    place = find_place(bucket)
    assert isinstance(place, places.Bucket)
    return transfer.publish_to_bucket(release, place, switch=switch, on_step=lambda step: None)


def test_a_release_goes_through_a_bucket(
    bucket: str, signed: tuple[Path, PublicKey], var: Path, mini_release: Release
) -> None:
    release = open_release(signed[0], mini_release.id)
    assert publish(release, bucket, switch=False).moved
    with pytest.raises(ReleaseError, match="there is no release"):
        fetch_release(find_place(bucket), var)
    assert not publish(release, bucket).moved
    fetch_release(find_place(bucket), var, Demand(public=signed[1]))
    assert read_current_id(var) == mini_release.id
    assert read_tree(var / "current") == read_tree(release.path)


def test_a_bucket_shows_no_half_release(
    bucket: str, var: Path, mini_release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, count = places.Bucket.put, 0

    def fail_late(self: places.Bucket, source: Path, path: str) -> None:
        nonlocal count
        count += 1
        if count > 20:
            raise OSError("the cable was cut")
        put(self, source, path)

    monkeypatch.setattr(places.Bucket, "put", fail_late)
    with pytest.raises(ReleaseError, match="the cable was cut"):
        publish(mini_release, bucket)
    for demand in (Demand(), Demand(mini_release.id)):
        with pytest.raises(ReleaseError, match="there is no release"):
            fetch_release(find_place(bucket), var, demand)
    monkeypatch.setattr(places.Bucket, "put", put)
    assert publish(mini_release, bucket).moved
    assert fetch_release(find_place(bucket), var).moved


def test_what_a_bucket_says_is_told(
    bucket: str, var: Path, mini_release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ReleaseError, match=r"s3://nobody/kg: .*bucket does not exist"):
        publish(mini_release, "s3://nobody/kg")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ReleaseError, match="Unable to locate credentials") as raised:
        publish(mini_release, bucket)
    assert isinstance(raised.value, KgError)


def test_another_build_of_a_release_is_left_there_unless_ours_is_signed(
    bucket: str, signed: tuple[Path, PublicKey], mini_release: Release
) -> None:
    release = open_release(signed[0], mini_release.id)
    publish(mini_release, bucket)
    assert not publish(release, bucket).moved  # the same files: only the signature is added
    place = find_place(bucket)
    assert isinstance(place, places.Bucket)
    place.write(b"{}", f"releases/{mini_release.id}/{LIST}")
    assert not publish(release, bucket).moved
    place.files.rm_file(f"{place.root}/releases/{mini_release.id}/{LIST_SIGNATURE}")
    with pytest.raises(ReleaseError, match="is there from another build, and is not signed"):
        publish(release, bucket)

"""Dumps of the whole dataset in parts: they read as one, and those that did not change are copied."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import zlib
from pathlib import Path

import pyoxigraph as ox
import pytest
import zstandard

from kg.check.findings import Report, check_sources
from kg.dataset import Dataset, decode_triple, encode_triple, read_lines, write_dataset, write_lines
from kg.formats import JSON_LD, N_QUADS, QUAD_FORMATS, RDF_XML, TRIG, TURTLE, Format, to_rdf_format
from kg.release.digests import hash_file
from kg.release.dumps import parts, writer
from kg.release.dumps.fragments import XML_DECLARATION, split, word
from kg.release.dumps.orders import sort_dataset
from kg.release.dumps.reification import reify
from kg.release.dumps.writer import WholeDump, write_whole
from kg.release.layout import Release, dumps_path
from kg.release.making.build import build_release
from kg.sources import read_sources
from kg.vocab import Names
from tests.conftest import BASE, MINI

PREFIXES = Names(BASE).prefixes
FEW = 3
"""Subjects of a part here, so that the tiny dataset has many."""


@pytest.fixture(scope="module")
def dataset(mini_report: Report, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return write_dataset(mini_report.quads, tmp_path_factory.mktemp("dataset"))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SUBJECTS", "SUBJECTS_OF_GRAPHS"):
        monkeypatch.setattr(writer, name, FEW)


def list_files(dataset: Dataset, fmt: Format) -> list[Path]:
    """Return the files of lines that a dump in a format is made from."""
    if fmt == TRIG:
        return [graph.path for graph in dataset.graphs]
    lines = sort_dataset(dataset)
    return [lines.canonical if fmt == N_QUADS else lines.union]


def serialise(paths: list[Path], fmt: Format) -> bytes:
    content = b"".join(path.read_bytes() for path in paths)
    quads = ox.parse(content, format=ox.RdfFormat.N_QUADS)
    statements = quads if fmt in QUAD_FORMATS else (quad.triple for quad in quads)
    prefixes = PREFIXES if fmt in (TURTLE, TRIG, RDF_XML) else None
    text = ox.serialize(statements, format=to_rdf_format(fmt), prefixes=prefixes)
    assert text is not None
    return text


@pytest.mark.parametrize("fmt", [TURTLE, TRIG, RDF_XML, JSON_LD, N_QUADS], ids=lambda fmt: fmt.name)
@pytest.mark.parametrize("subjects", [1, FEW, 10_000])
def test_fragments_are_what_one_serialisation_gives(dataset: Dataset, fmt: Format, subjects: int) -> None:
    paths = list_files(dataset, fmt)
    fragments = list(split(paths, subjects))
    assert (len(fragments) > 20) == (subjects <= FEW)
    wording = word(fmt, PREFIXES)
    declaration = XML_DECLARATION if fmt == RDF_XML else b""
    written = b"".join(text for text, _ in map(wording.write, fragments))
    assert declaration + wording.head + written + wording.tail == serialise(paths, fmt)


@pytest.mark.parametrize("fmt", [TURTLE, TRIG, N_QUADS], ids=lambda fmt: fmt.name)
def test_so_are_those_with_triple_terms(dataset: Dataset, tmp_path: Path, fmt: Format) -> None:
    """As if all lines were reified graph by graph, and sorted after that."""
    path = tmp_path / "reified"
    lines = [
        line for graph in dataset.graphs for line in reify(graph.path.read_bytes()).splitlines(keepends=True)
    ]
    if fmt == TURTLE:
        lines = [decode_triple(key) for key in sorted({encode_triple(line) for line in lines})]
    write_lines(path, sorted(lines) if fmt == N_QUADS else lines)
    wording = word(fmt, PREFIXES, "1.2")
    fragments = split(list_files(dataset, fmt), FEW)
    written = b"".join(text for text, _ in map(wording.write, fragments))
    assert wording.head + written + wording.tail == serialise([path], fmt)


def test_fragments_do_not_depend_on_how_a_file_is_read(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = list(split([graph.path for graph in dataset.graphs], FEW))
    monkeypatch.setattr("kg.release.dumps.fragments._READ_BYTES", 100)
    assert list(split([graph.path for graph in dataset.graphs], FEW)) == whole


def test_a_change_leaves_other_fragments_alone(dataset: Dataset, tmp_path: Path) -> None:
    (path,) = list_files(dataset, N_QUADS)
    lines = list(read_lines(path))
    before = {fragment.content for fragment in split([path], FEW)}
    write_lines(tmp_path / "less.nq", (line for line in lines if line != lines[len(lines) // 2]))
    after = {fragment.content for fragment in split([tmp_path / "less.nq"], FEW)}
    assert len(after - before) == 1


@pytest.fixture(scope="module")
def written(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """The stem of a dump in Turtle that has parts, and what it should hold."""
    folder = tmp_path_factory.mktemp("written")
    dump = WholeDump("whole", TURTLE, ("of all",))
    paths = list_files(dataset, TURTLE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "SUBJECTS", FEW)
        (done,) = write_whole(folder, tuple(paths), (dump,), PREFIXES)
    assert done.parts is not None
    assert len(done.parts.parts) > 20
    return folder / "whole.ttl", b"# of all\n" + serialise(paths, TURTLE)


def test_a_gzipped_dump_is_one_member(written: tuple[Path, bytes]) -> None:
    stem, text = written
    packed = stem.with_suffix(".ttl.gz").read_bytes()
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert unpacker.decompress(packed) == text
    assert unpacker.eof
    assert unpacker.unused_data == b""
    assert gzip.decompress(packed) == text


def test_frames_are_read_one_after_the_other(written: tuple[Path, bytes]) -> None:
    stem, text = written
    packed = io.BytesIO(stem.with_suffix(".ttl.zst").read_bytes())
    assert zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True).read() == text


@pytest.mark.parametrize(("tool", "extension"), [("gzip", "gz"), ("zstd", "zst")])
def test_tools_read_a_dump_whole(written: tuple[Path, bytes], tool: str, extension: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    stem, text = written
    command = [tool, "-dc", stem.with_suffix(f".ttl.{extension}")]
    assert subprocess.run(command, capture_output=True, check=True).stdout == text


def test_a_dump_of_nothing_is_a_file_of_its_kind(tmp_path: Path) -> None:
    (tmp_path / "none.nq").touch()
    write_whole(tmp_path, (tmp_path / "none.nq",), (WholeDump("whole", N_QUADS),), PREFIXES)
    assert gzip.decompress((tmp_path / "whole.nq.gz").read_bytes()) == b""
    assert zstandard.ZstdDecompressor().decompress((tmp_path / "whole.nq.zst").read_bytes()) == b""


# --- over releases -----------------------------------------------------------------------------------


def build(var: Path, root: Path) -> Release:
    sources = read_sources(root, BASE)
    return build_release(sources, check_sources(sources), var)


def change(root: Path) -> None:
    path = root / "data/entities.ttl"
    path.write_text(path.read_text() + 'id:city skos:altLabel "Town"@en {| kg:source <urn:register> |} .\n')


def read_whole(release: Release) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in release.dumps_path.glob("article-kg*")}


@pytest.fixture(scope="module")
def built_anew(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("anew")
    shutil.copytree(MINI, folder / "sources")
    change(folder / "sources")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SUBJECTS", "SUBJECTS_OF_GRAPHS"):
            patch.setattr(writer, name, FEW)
        return read_whole(build(folder / "var", folder / "sources"))


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that grows by the keys of all parts that are packed and not copied."""
    keys: list[str] = []
    pack = parts._pack

    def note(key: str, text: bytes, statements: int) -> object:
        keys.extend(filter(None, [key]))
        return pack(key, text, statements)

    monkeypatch.setattr(parts, "_pack", note)
    return keys


def test_what_did_not_change_is_copied(
    tmp_path: Path, sources_copy: Path, built_anew: dict[str, bytes], packed: list[str]
) -> None:
    first = build(tmp_path / "var", sources_copy)
    before, count = read_whole(first), len(packed)
    packed.clear()
    change(sources_copy)
    assert read_whole(build(tmp_path / "var", sources_copy)) == built_anew
    assert 0 < len(packed) < count / 4
    assert read_whole(first) == before


HARMS = ["damaged", "cut", "removed", "forgotten", "wrong number", "other code"]


@pytest.mark.parametrize("harm", HARMS)
def test_of_what_is_not_whole_nothing_is_copied(
    tmp_path: Path,
    sources_copy: Path,
    built_anew: dict[str, bytes],
    packed: list[str],
    monkeypatch: pytest.MonkeyPatch,
    harm: str,
) -> None:
    var = tmp_path / "var"
    first = build(var, sources_copy)
    count, files = len(packed), sorted(first.dumps_path.glob("article-kg*.zst"))
    assert len(files) == 9
    for path in files:
        if harm == "damaged":
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
        elif harm == "cut":
            path.write_bytes(b"")
        elif harm == "removed":
            path.unlink()
    if harm == "forgotten":
        dumps_path(var).unlink()
    elif harm == "wrong number":
        text = dumps_path(var).read_text()
        place = text.index('"parts": [[') + 50
        dumps_path(var).write_text(text[:place] + "1" + text[place:])
    elif harm == "other code":
        monkeypatch.setattr(parts, "describe_writing", lambda: ("of another version",))
    packed.clear()
    change(sources_copy)
    assert read_whole(build(var, sources_copy)) == built_anew
    assert len(packed) >= count


def test_files_are_told_with_their_size_and_checksum(dataset: Dataset, tmp_path: Path) -> None:
    paths = tuple(list_files(dataset, N_QUADS))
    (done,) = write_whole(tmp_path, paths, (WholeDump("whole", N_QUADS),), PREFIXES)
    assert [file.name for file in done.files] == ["whole.nq.gz", "whole.nq.zst"]
    for file in done.files:
        path = tmp_path / file.name
        assert (file.size_bytes, file.sha256) == (path.stat().st_size, hash_file(path))
        assert file.triples == len(dataset)
        assert file.unpacked_bytes == sum(map(len, dataset.read_lines()))

"""The dumps: every file says the same, is the same wherever it is built, and says where it is from."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyoxigraph as ox
import pytest
import rdflib
import zstandard

from kg.check.findings import Report, check_sources
from kg.dataset import write_dataset
from kg.formats import GRAPH_FORMATS, N_QUADS, TRIG, find_format, to_rdf_format
from kg.release.dumps.parts import PackedParts
from kg.release.dumps.reification import restore
from kg.release.dumps.reuse import Origins, remember_dumps
from kg.release.layout import CHECKSUMS, IDENTITY, DumpFile, Release, dumps_path
from kg.release.making import build
from kg.release.making.build import build_release
from kg.sources import read_sources
from tests.conftest import BASE, MINI

ROOT = Path(__file__).parents[3]
FORMATS = {"nquads", "trig", "turtle", "ntriples", "jsonld", "rdfxml"}


def unpack(release: Release, dump: DumpFile) -> bytes:
    packed = (release.dumps_path / dump.name).read_bytes()
    if dump.coding == "gzip":
        return gzip.decompress(packed)
    return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed), read_across_frames=True).read()


def find(release: Release, name: str) -> DumpFile:
    return next(dump for dump in release.manifest.dumps if dump.name == name)


def parse(content: bytes, dump: DumpFile) -> set[ox.Quad]:
    fmt = find_format(dump.format, (N_QUADS, TRIG, *GRAPH_FORMATS))
    assert fmt
    return set(ox.parse(content, format=to_rdf_format(fmt)))


def test_every_format_is_there_for_the_dataset_and_for_each_graph(
    mini_release: Release, mini_report: Report
) -> None:
    graphs = {quad.graph_name.value for quad in mini_report.quads}
    made = {
        (dump.graph, dump.format, dump.coding) for dump in mini_release.manifest.dumps if dump.rdf == "1.1"
    }
    wanted = {("", fmt, coding) for fmt in FORMATS for coding in ("gzip", "zstd")}
    for graph in graphs:
        wanted |= {(graph, fmt, c) for fmt in FORMATS - {"nquads", "trig"} for c in ("gzip", "zstd")}
    assert made == wanted


def test_every_file_says_what_the_store_holds(mini_release: Release, mini_report: Report) -> None:
    for dump in mini_release.manifest.dumps:
        if dump.rdf != "1.1":
            continue
        content = unpack(mini_release, dump)
        assert len(content) == dump.unpacked_bytes
        expected = {q for q in mini_report.quads if dump.graph in ("", q.graph_name.value)}
        if dump.format not in ("nquads", "trig"):
            expected = {ox.Quad(*quad.triple) for quad in expected}
        assert parse(content, dump) == expected, dump.name
        assert dump.triples == len(expected)


@pytest.mark.parametrize("extension", ["nq", "trig", "nt", "ttl", "rdf", "jsonld"])
def test_rdflib_reads_them_alike(mini_release: Release, extension: str) -> None:
    dump = find(mini_release, f"article-kg.{extension}.gz")
    names = {"nq": "nquads", "nt": "nt", "ttl": "turtle", "rdf": "xml", "jsonld": "json-ld"}
    data = rdflib.Dataset() if extension in ("nq", "trig") else rdflib.Graph()
    data.parse(data=unpack(mini_release, dump), format=names.get(extension, extension))
    assert len(data) == dump.triples


def test_checksums_hold(mini_release: Release) -> None:
    done = subprocess.run(
        ["sha256sum", "-c", "--strict", CHECKSUMS],
        cwd=mini_release.dumps_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    files = {path.name for path in mini_release.dumps_path.iterdir()} - {CHECKSUMS}
    assert {line.partition(":")[0] for line in done.stdout.splitlines()} == files
    assert {dump.name for dump in mini_release.manifest.dumps} == files - {IDENTITY}


def test_the_quads_are_canonical(mini_release: Release) -> None:
    dump = find(mini_release, "article-kg.nq.gz")
    content = unpack(mini_release, dump)
    dataset = ox.Dataset(ox.parse(content, format=ox.RdfFormat.N_QUADS))
    dataset.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
    lines = sorted(ox.serialize([quad], format=ox.RdfFormat.N_QUADS).decode() for quad in dataset)
    assert content.decode() == "".join(lines)
    digest = hashlib.sha256(content).hexdigest()
    assert mini_release.manifest.canonical_sha256 == digest
    identity = json.loads((mini_release.dumps_path / IDENTITY).read_text())
    assert identity["canonical_hash"]["value"] == digest
    assert identity["release"] == mini_release.id


def test_the_file_beside_the_dumps_states_licence_and_sources(
    mini_release: Release, mini_report: Report
) -> None:
    identity = json.loads((mini_release.dumps_path / IDENTITY).read_text())
    assert identity["licence"] == mini_release.manifest.licence != ""
    stated = {q.object.value for q in mini_report.quads if q.predicate.value == "https://schema.org/url"}
    assert {source["url"] for source in identity["sources"]} == stated != set()
    assert identity["description"] == BASE + ".well-known/void"
    assert f"  {IDENTITY}\n" in (mini_release.dumps_path / CHECKSUMS).read_text()


def test_a_blank_node_has_no_canonical_place(tmp_path: Path) -> None:
    node = ox.NamedNode("http://h/a")
    for quad in (ox.Quad(ox.BlankNode(), node, node, node), ox.Quad(node, node, ox.BlankNode(), node)):
        with pytest.raises(TypeError):
            write_dataset([quad], tmp_path)


@pytest.mark.parametrize("extension", ["nq", "trig"])
def test_rdf_1_2_says_the_same_with_triple_terms(
    mini_release: Release, mini_report: Report, extension: str
) -> None:
    dump = find(mini_release, f"article-kg-rdf12.{extension}.gz")
    parsed = parse(unpack(mini_release, dump), dump)
    assert set(restore(parsed)) == mini_report.quads
    terms = [quad for quad in parsed if isinstance(quad.object, ox.Triple)]
    assert terms
    for quad in terms:
        assert quad.predicate.value.endswith("#reifies")
        assert ox.Quad(*quad.object, quad.graph_name) in parsed, "what an axiom is about is asserted too"


def test_rdf_1_2_turtle_announces_itself(mini_release: Release, mini_report: Report) -> None:
    dump = find(mini_release, "article-kg-rdf12.ttl.zst")
    content = unpack(mini_release, dump)
    assert b'\nVERSION "1.2"\n' in content[:1000]
    parsed = parse(content, dump)
    assert set(restore(parsed)) == {ox.Quad(*quad.triple) for quad in mini_report.quads}
    assert any(isinstance(quad.object, ox.Triple) for quad in parsed)
    assert dump.triples == len(parsed)


def test_dumps_say_where_they_are_from(mini_release: Release) -> None:
    for extension in ("ttl", "trig", "nt", "rdf"):
        top = unpack(mini_release, find(mini_release, f"article-kg.{extension}.gz"))[:1000].decode()
        assert f"Release: {mini_release.id}" in top
        assert "Source: River Forum opens; The Example, 2020-05-06; https://example.org/river-forum" in top


def test_the_dump_of_a_graph_names_its_own_article(mini_release: Release) -> None:
    for stem, sources in (("article-river-forum", 1), ("entities", 0), ("ontology", 0), ("article-kg", 1)):
        top = unpack(mini_release, find(mini_release, f"{stem}.ttl.gz"))[:1000].decode()
        assert top.count("# Source: ") == sources, stem


def build_into(var: Path, root: Path) -> Release:
    sources = read_sources(root, BASE)
    return build_release(sources, check_sources(sources), var)


def read_dumps(release: Release) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in release.dumps_path.iterdir()}


def add_name(root: Path) -> None:
    path = root / "data/entities.ttl"
    path.write_text(path.read_text() + 'id:city skos:altLabel "Town"@en {| kg:source <urn:register> |} .\n')


@pytest.fixture(scope="module")
def built_anew(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The dumps after a change, where nothing was built before."""
    folder = tmp_path_factory.mktemp("anew")
    shutil.copytree(MINI, folder / "sources")
    add_name(folder / "sources")
    return read_dumps(build_into(folder / "var", folder / "sources"))


def list_shared(first: Release, second: Release) -> set[str]:
    """Return the dumps of the second release that are files of the first."""
    paths = (path for path in second.dumps_path.iterdir() if (first.dumps_path / path.name).exists())
    return {path.name for path in paths if path.samefile(first.dumps_path / path.name)}


def test_dumps_of_graphs_that_did_not_change_are_taken_over(
    tmp_path: Path, sources_copy: Path, built_anew: dict[str, bytes]
) -> None:
    first = build_into(tmp_path / "var", sources_copy)
    before = read_dumps(first)
    add_name(sources_copy)
    second = build_into(tmp_path / "var", sources_copy)
    shared = list_shared(first, second)
    of_graphs = {dump.name for dump in second.manifest.dumps if dump.graph}
    changed = {dump.name for dump in second.manifest.dumps if dump.graph == f"{BASE}entities"}
    assert len(changed) == 8
    assert shared == of_graphs - changed != set()
    assert read_dumps(second) == built_anew
    assert read_dumps(first) == before, "nothing was written into files that both have"


@pytest.mark.parametrize("harm", ["damaged", "removed", "forgotten", "unreadable", "other keys"])
def test_dumps_that_cannot_be_taken_over_are_written(
    tmp_path: Path, sources_copy: Path, built_anew: dict[str, bytes], harm: str
) -> None:
    var = tmp_path / "var"
    first = build_into(var, sources_copy)
    if harm == "damaged":
        for path in first.dumps_path.glob("article-river-forum.*"):
            path.write_bytes(path.read_bytes()[:-1])
    elif harm == "removed":
        shutil.rmtree(first.path)
    elif harm == "forgotten":
        dumps_path(var).unlink()
    elif harm == "unreadable":
        dumps_path(var).write_text('{"release": "x", "keys": []}')
    else:
        content = json.loads(dumps_path(var).read_text().partition("\n")[2])
        parts = {name: PackedParts.parse(packed) for name, packed in content["parts"].items()}
        keys = dict.fromkeys(content["keys"], "0" * 64)
        remember_dumps(var, first.id, Origins(keys, parts, content["graphs"]))
    add_name(sources_copy)
    second = build_into(var, sources_copy)
    assert not any(name.startswith("article-river-forum") for name in list_shared(first, second))
    assert read_dumps(second) == built_anew


def test_other_processes_write_the_same(
    tmp_path: Path, sources_copy: Path, mini_release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "PARALLEL_QUADS", 0)
    monkeypatch.setattr(build, "count_processes", lambda: 2)
    assert read_dumps(build_into(tmp_path, sources_copy)) == read_dumps(mini_release)


BUILD = """
import os, sys
os.umask(int(sys.argv[2], 8))
from pathlib import Path
from kg.check.findings import check_sources
from kg.release.making.build import build_release
from kg.sources import read_sources
sources = read_sources(Path(sys.argv[3]), sys.argv[4])
print(build_release(sources, check_sources(sources), Path(sys.argv[1])).path)
"""


def test_the_same_bytes_come_out_wherever_it_is_built(tmp_path: Path) -> None:
    built = []
    for number, (seed, zone, locale, umask) in enumerate(
        [("0", "UTC", "C", "022"), ("4242", "Asia/Tokyo", "C.UTF-8", "077")]
    ):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale}
        arguments = [str(tmp_path.joinpath(*["deeper"] * number, "var")), umask, str(MINI), BASE]
        done = subprocess.run(
            [sys.executable, "-c", BUILD, *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        built.append(Path(done.stdout.strip()) / "dumps")
    first, second = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in built)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []

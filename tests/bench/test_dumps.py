"""The benchmark of dumps packs the same text in each of the ways that it compares."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from bench.dumps import measure


def test_each_way_packs_all_dumps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measure(tmp_path, 3_000, rounds=1)
    texts = {path.name: path.read_bytes() for path in (tmp_path / "texts").iterdir()}
    assert {"article-kg.nq", "article-kg.trig", "article-kg.ttl", "article-kg-rdf12.ttl"} <= texts.keys()
    again = {path.name: gzip.decompress(path.read_bytes()) for path in (tmp_path / "packed").glob("*.gz")}
    assert again == {f"{name}.ttl.gz": text for name, text in texts.items()}
    gzipped = gzip.decompress((tmp_path / "packed/gzipped").read_bytes())
    assert len(gzipped) == sum(map(len, texts.values()))
    first, *lines = capsys.readouterr().out.splitlines()
    assert f"{len(texts):,} dumps" in first
    assert [line[:18].strip() for line in lines] == ["dumps", "compressors alone", "gzip command"]

"""The tiny dataset, read, checked and built once for all tests that only look at it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kg.check.findings import Report, check_sources
from kg.release.build import build_release
from kg.release.layout import Release
from kg.sources import Sources, read_sources

MINI = Path(__file__).parent / "mini"
BASE = "https://kg.example/"


@pytest.fixture
def sources_copy(tmp_path: Path) -> Path:
    """The tiny dataset in a folder that a test may change."""
    return Path(shutil.copytree(MINI, tmp_path / "sources"))


@pytest.fixture(scope="session")
def mini_sources() -> Sources:
    return read_sources(MINI, BASE)


@pytest.fixture(scope="session")
def mini_report(mini_sources: Sources) -> Report:
    return check_sources(mini_sources)


@pytest.fixture(scope="session")
def mini_var(tmp_path_factory: pytest.TempPathFactory, mini_sources: Sources, mini_report: Report) -> Path:
    """A folder of releases whose current one is the tiny dataset's."""
    var = tmp_path_factory.mktemp("var")
    build_release(mini_sources, mini_report, var)
    return var


@pytest.fixture(scope="session")
def mini_release(mini_var: Path, mini_sources: Sources, mini_report: Report) -> Release:
    return build_release(mini_sources, mini_report, mini_var)

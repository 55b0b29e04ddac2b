"""The tiny dataset, read, checked and built once for all tests that only look at it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kg.check.findings import Report, check_sources
from kg.release.layout import Release
from kg.release.making.build import build_release
from kg.sources import Sources, read_sources
from tests.engines import ENGINES, Engine, Missing, running

MINI = Path(__file__).parent / "mini"
BASE = "https://kg.example/"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engines", action="store_true", help="run what needs other people's engines, only")
    parser.addoption("--clusters", action="store_true", help="run what needs a cluster of engines, only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the usual run light: tests on engines run alone, with ``--engines`` (`make test-engines`).

    So do those on clusters, with ``--clusters`` (`make test-clusters`).
    """
    kinds = ("engines", "clusters")
    wanted = {kind for kind in kinds if config.getoption(f"--{kind}", default=False)}

    def is_wanted(item: pytest.Item) -> bool:
        needed = {kind for kind in kinds if item.get_closest_marker(kind)}
        return bool(needed & wanted) if wanted else not needed

    dropped = [item for item in items if not is_wanted(item)]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if is_wanted(item)]


@pytest.fixture(scope="session", params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def engine(engine_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Each engine in turn, running and empty; skipped by name where it is not installed."""
    try:
        with running(engine_name, tmp_path_factory.mktemp("engines") / engine_name) as started:
            yield started
    except Missing as error:
        pytest.skip(str(error))


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


def build_variant(sources: Path, var: Path, number: int) -> str:
    """Build a release of the tiny dataset with one more name in it; returns its id."""
    entities = sources / "data" / "entities.ttl"
    text = (MINI / "data" / "entities.ttl").read_text(encoding="utf-8")
    grounds = "{| <ontology#source> <https://example.org/> |}"
    fact = f'\nid:river-council skos:altLabel "Name {number}"@en {grounds} .\n'
    entities.write_text(text + fact, encoding="utf-8")
    read = read_sources(sources, BASE)
    return build_release(read, check_sources(read), var).id


@pytest.fixture
def three(tmp_path: Path, sources_copy: Path) -> tuple[Path, list[str]]:
    """A folder with three releases, the last of them current."""
    var = tmp_path / "var"
    return var, [build_variant(sources_copy, var, number) for number in range(3)]

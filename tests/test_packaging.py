"""The wheel is whole: installed elsewhere, without the checkout, `kg` builds and answers."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*command: str | Path, cwd: Path) -> str:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("KG_", "PYTHON"))
    }
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, and the wheel made from it and not from the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    return next(dist.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the programs of an environment that has the wheel, and this one's dependencies."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=home
    )
    # Dependencies are lent by a .pth line. Lent folders follow the environment's own, and .pth files in
    # them are not read: the editable install of the checkout stays out.
    own = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip())
    (own / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python.parent


def files_below(folder: str) -> set[str]:
    return {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*") if path.is_file()}


def test_the_wheel_holds_code_sources_and_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {f"kg/bundled/{name}" for name in files_below("ontology") | files_below("data")}
    unwanted = ("__pycache__", "webapp/frontend")
    code = {
        name
        for name in files_below("kg") | files_below("webapp")
        if not any(part in name for part in unwanted)
    }
    assert (sources | code) - names == set()
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert not [
        name for name in names if name.split("/")[0] not in ("kg", "webapp") and ".dist-info/" not in name
    ]


def test_the_source_archive_holds_what_a_build_needs(dist: Path) -> None:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"pyproject.toml", "LICENSE", "Makefile", "requirements.lock", "tests/test_packaging.py"}
    wanted |= {"package-lock.json", ".npmrc", "requirements-node.lock"} | files_below("webapp/frontend")
    assert (wanted | files_below("ontology") | files_below("data")) - names == set()


def test_the_installed_wheel_builds_and_answers(installed: Path, tmp_path: Path) -> None:
    where = run(installed / "python", "-c", "import kg; print(kg.__file__)", cwd=tmp_path)
    assert not Path(where.strip()).is_relative_to(ROOT)
    run(installed / "kg", "build", cwd=tmp_path)
    assert (tmp_path / "var" / "current" / "manifest.json").is_file()
    answer = run(
        installed / "kg",
        "query",
        "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }",
        "--format",
        "csv",
        cwd=tmp_path,
    )
    assert int(answer.split()[1]) > 100

"""The vocabulary and all that is published stay within OWL 2 DL, RL, EL and QL, as the OWL API checks.

Needs Java, and Maven with a repository that has what `pom.xml` names; skipped where these cannot be had.
"""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kg.check.findings import check_sources
from kg.release.making.build import build_release
from kg.sources import read_sources

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BASE = "https://kg.example/"
PROFILES = ["DL", "RL", "EL", "QL"]

# In full: of a short name that it cannot look up, Maven does not say that it is the network's fault.
BUILD_CLASSPATH = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath"

# What Maven says when it could not ask a repository; that one answered "no such version" is a failure.
UNREACHABLE = re.compile(
    r"Unknown host|Could not transfer|failed to transfer|Connection (refused|timed out|reset)"
    r"|Network is unreachable|Cannot access .* in offline mode|Name or service not known"
    r"|Temporary failure in name resolution"
)


@pytest.fixture(scope="session")
def classpath(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The jars of the OWL API."""
    # A runtime has java without the compiler, and cannot start a source file.
    for program, package in (
        ("java", "default-jdk-headless"),
        ("javac", "default-jdk-headless"),
        ("mvn", "maven"),
    ):
        if not shutil.which(program):
            pytest.skip(f"{program} is missing (Debian's package {package})")
    target = tmp_path_factory.mktemp("owlapi") / "classpath"
    command = ["mvn", "-q", "-B", "-f", HERE / "pom.xml", BUILD_CLASSPATH, f"-Dmdep.outputFile={target}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        pytest.skip("Maven got no answer from its repository in five minutes")
    said = done.stdout + done.stderr
    if done.returncode and UNREACHABLE.search(said):
        pytest.skip("Maven reaches no repository that has the OWL API")
    assert done.returncode == 0, said
    return target.read_text().strip()


def check_profiles(classpath: str, ontology: Path) -> tuple[int, list[str]]:
    """Return the exit code and the lines, the first of which is the number of axioms."""
    done = subprocess.run(
        ["java", "-cp", classpath, HERE / "Profiles.java", ontology],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout, done.stderr
    return done.returncode, done.stdout.splitlines()


def write_vocabulary(folder: Path, more: str = "") -> Path:
    """Write the vocabulary with its IRIs resolved against a base, as a build does."""
    ontology = folder / "kg.ttl"
    text = (ROOT / "ontology" / "kg.ttl").read_text(encoding="utf-8")
    ontology.write_text(f"@base <{BASE}> .\n{text}\n{more}", encoding="utf-8")
    return ontology


def assert_within_all(classpath: str, ontology: Path) -> None:
    code, (axioms, *lines) = check_profiles(classpath, ontology)
    assert lines == [f"ok {name}" for name in PROFILES]
    assert code == 0
    assert int(axioms.split()[0]) > 500, "the file was not understood"


def test_the_vocabulary_is_within_every_profile(classpath: str, tmp_path: Path) -> None:
    assert_within_all(classpath, write_vocabulary(tmp_path))


def test_what_is_published_is_within_every_profile(classpath: str, tmp_path: Path) -> None:
    sources = read_sources(ROOT, BASE)
    release = build_release(sources, check_sources(sources), tmp_path / "var")
    published = tmp_path / "published.ttl"
    with gzip.open(release.dumps_path / "article-kg.ttl.gz") as dump, published.open("wb") as file:
        shutil.copyfileobj(dump, file)
    assert_within_all(classpath, published)


def test_a_breach_of_each_profile_is_found(classpath: str, tmp_path: Path) -> None:
    """A functional property that is transitive too is in none of them."""
    breach = "kg:x a owl:ObjectProperty , owl:TransitiveProperty , owl:FunctionalProperty ."
    code, (_, *lines) = check_profiles(classpath, write_vocabulary(tmp_path, breach))
    assert code == 1
    assert {line.partition(":")[0] for line in lines} == set(PROFILES)
    assert all("ontology#x" in line for line in lines)

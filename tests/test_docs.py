"""Documentation that cannot go stale: what users meet is named in docs/, and its generated parts are current.

`make docs` (UPDATE_DOCS=1) writes the generated files anew.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest
from flask import Flask

from kg import errors
from kg.cli import cli
from kg.settings import ENVIRONMENT_PREFIX, Settings, read_settings
from webapp.app import create_app

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application, without a release."""
    return create_app(Settings(var=str(tmp_path_factory.mktemp("var"))))


def hold(path: Path, expected: str) -> None:
    """Assert that a generated file is current, or write it."""
    if os.environ.get("UPDATE_DOCS"):
        path.write_text(expected, encoding="utf-8")
    actual = path.read_text(encoding="utf-8") if path.is_file() else ""
    assert actual == expected, f"{path.relative_to(ROOT)} is not current: run `make docs`"


def render_settings() -> str:
    rows = []
    for setting in fields(Settings):
        default = f"`{setting.default}`" if setting.default != "" else "(empty)"
        minimum = setting.metadata["minimum"]
        least = "" if minimum is None else f" (at least {minimum})"
        variable = ENVIRONMENT_PREFIX + setting.name.upper()
        rows.append(f"| `{setting.name}` | {default} | `{variable}` | {setting.metadata['help']}{least} |")
    return (
        "# Settings\n\n"
        "Generated from `kg/settings.py` by `make docs`.\n\n"
        "A setting is read from its default, then `kg.toml` in the current folder (or the file named with\n"
        "`--settings`), then the environment, then the command line; the later one wins.\n"
        "An unknown name in the file is an error.\n\n"
        "| setting | default | environment variable | what it is |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def walk_commands(
    command: click.Command, name: str, parent: click.Context | None = None
) -> Iterator[tuple[str, str]]:
    """Yield (name, help text) of a command and of all below it."""
    context = command.make_context(name, [], parent, resilient_parsing=True, terminal_width=100)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for child in sorted(command.commands):
            yield from walk_commands(command.commands[child], child, context)


def render_cli(command: click.Command) -> str:
    parts = ["# The command line\n\nGenerated from `kg --help` by `make docs`.\n"]
    parts += [
        f"\n## {name}\n\n```text\n{text.rstrip()}\n```\n" for name, text in walk_commands(command, "kg")
    ]
    return "".join(parts)


def walk_errors(base: type[errors.KgError]) -> Iterator[type[errors.KgError]]:
    yield base
    for child in base.__subclasses__():
        yield from walk_errors(child)


def test_settings_are_documented() -> None:
    hold(DOCS / "settings.md", render_settings())


def test_the_settings_file_names_no_unknown_setting() -> None:
    read_settings(ROOT / "kg.toml", environment={})
    commented = re.findall(r"^# (\w+) = ", (ROOT / "kg.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(commented) <= {setting.name for setting in fields(Settings)}


def test_commands_are_documented() -> None:
    hold(DOCS / "cli.md", render_cli(cli))


@pytest.mark.parametrize("error", sorted({*walk_errors(errors.KgError)}, key=lambda error: error.__name__))
def test_errors_are_documented_with_their_status(app: Flask, error: type[errors.KgError]) -> None:
    page = (DOCS / "errors.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| `{error.__name__}` \|.*\| (\d+)[^|]*\|$", page, re.MULTILINE)
    assert row, f"docs/errors.md has no row for {error.__name__}"
    raised = error("x", path=Path("x")) if issubclass(error, errors.SourceError) else error("x")
    with app.test_request_context("/"):
        assert app.make_response(app.handle_user_exception(raised)).status_code == int(row[1])


def test_routes_are_documented(app: Flask) -> None:
    page = (DOCS / "http.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(/[^`]*)` \|", page, re.MULTILINE))
    rules = app.url_map.iter_rules()
    served = {re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"<\1>", rule.rule) for rule in rules}
    assert served - named == set(), "docs/http.md does not name these"
    assert named - served == set(), "docs/http.md names these, and nothing answers there"


def test_the_error_tree_is_drawn() -> None:
    assert errors.__doc__
    drawn = set(re.findall(r"\b[A-Z][A-Za-z]*[a-z]\b(?=  )", errors.__doc__))
    defined = {name for name, _ in inspect.getmembers(errors, inspect.isclass) if name != "Path"}
    assert drawn == defined


def test_relative_links_lead_somewhere() -> None:
    broken = []
    for page in [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken


def test_the_readme_names_every_verb_that_it_promises() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    verbs = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert named <= verbs


def test_the_lock_file_names_no_registry() -> None:
    files = (
        "requirements.lock",
        "requirements-node.lock",
        "pyproject.toml",
        "package.json",
        "package-lock.json",
    )
    for name in (*files, ".npmrc"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"https?://|file:|--(?:extra-)?index-url|--find-links|^registry", text), name


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    reasons = (DOCS / "design.md").read_text(encoding="utf-8").lower()
    names = [re.split(r"[<>=~!\[]", item)[0].lower() for item in project["dependencies"]]
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    names += [*package.get("dependencies", {}), *package["devDependencies"]]
    explained = {
        name for cell in re.findall(r"^\| ([^|]*) \|", reasons, re.MULTILINE) for name in cell.split(", ")
    }
    assert set(names) - explained == set()

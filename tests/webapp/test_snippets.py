"""Programs that ask a query say exactly this query, whatever is in it."""

from __future__ import annotations

import ast
import shlex
import shutil
import subprocess

import pytest

from webapp.snippets import write_snippets

ENDPOINT = "http://127.0.0.1:1/sparql"
QUERIES = [
    "SELECT * WHERE { ?s ?p ?o } LIMIT 1",
    'SELECT * WHERE { ?s ?p \'it\'\'s\', "a \\" b", """c""" , `d` , ${e} , "\\\\u00e9" }',
    'SELECT * { ?s ?p """',
    'SELECT * { ?s ?p "茂木" } # )-" )--" \\',
]


def find_text(name: str, query: str, graph: bool = False) -> str:
    return next(snippet.text for snippet in write_snippets(ENDPOINT, query, graph) if snippet.name == name)


@pytest.mark.parametrize("query", QUERIES)
def test_python_sets_this_query(query: str) -> None:
    calls = [node for node in ast.walk(ast.parse(find_text("Python", query))) if isinstance(node, ast.Call)]
    [call] = [call for call in calls if ast.unparse(call.func) == "sparql.setQuery"]
    assert ast.literal_eval(call.args[0]).rstrip("\n") == query


@pytest.mark.parametrize("query", QUERIES)
def test_a_shell_passes_this_query(query: str) -> None:
    assert f"query={query}" in shlex.split(find_text("curl", query))


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
@pytest.mark.parametrize("query", QUERIES)
def test_javascript_holds_this_query(query: str) -> None:
    head = find_text("JavaScript", query).partition("\nconst answer")[0]
    done = subprocess.run(
        ["node", "-e", f"{head}\nprocess.stdout.write(query)"], capture_output=True, text=True, check=True
    )
    assert done.stdout == query


@pytest.mark.parametrize("query", QUERIES)
def test_a_raw_string_of_r_ends_after_this_query(query: str) -> None:
    opened = find_text("R", query).partition('query <- r"')[2]
    dashes = opened[: opened.index("(")]
    assert opened[len(dashes) + 1 :].partition(f'){dashes}"')[0] == query


def test_a_graph_is_asked_for_as_turtle() -> None:
    query = "CONSTRUCT WHERE { ?s ?p ?o }"
    assert "text/turtle" in find_text("curl", query, graph=True)
    assert "of rdflib" in find_text("Python", query, graph=True)

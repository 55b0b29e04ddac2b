"""A query as a program in the languages that people query endpoints with; each can be pasted and run."""

from __future__ import annotations

import shlex
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Snippet:
    """A program: the name of its language, and its text."""

    name: str
    text: str


def write_snippets(endpoint: str, query: str, graph: bool) -> tuple[Snippet, ...]:
    """Return the programs.

    Parameters
    ----------
    endpoint: address of the SPARQL endpoint.
    query: its text may hold quotes, backslashes and line ends of any kind.
    graph: whether it answers with a graph (CONSTRUCT, DESCRIBE) and not with rows.
    """
    query = query.replace("\r\n", "\n").strip()
    return (
        Snippet("curl", _write_curl(endpoint, query, graph)),
        Snippet("Python", _write_python(endpoint, query, graph)),
        Snippet("JavaScript", _write_javascript(endpoint, query, graph)),
        Snippet("R", _write_r(endpoint, query, graph)),
    )


def _write_curl(endpoint: str, query: str, graph: bool) -> str:
    accept = "text/turtle" if graph else "text/csv"
    return (
        f"curl --fail-with-body --header 'Accept: {accept}' \\\n"
        f"  --data-urlencode query={shlex.quote(query)} \\\n  {shlex.quote(endpoint)}"
    )


def _write_python(endpoint: str, query: str, graph: bool) -> str:
    text = query.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if text.endswith('"'):
        text += "\n"  # or the quotation mark would end the string
    head = (
        "from SPARQLWrapper import SPARQLWrapper"
        if graph
        else "from SPARQLWrapper import JSON, SPARQLWrapper"
    )
    lines = [head, "", f'sparql = SPARQLWrapper("{endpoint}")', f'sparql.setQuery("""{text}""")']
    if graph:
        lines += ["graph = sparql.queryAndConvert()  # of rdflib", 'print(graph.serialize(format="turtle"))']
    else:
        lines += [
            "sparql.setReturnFormat(JSON)",
            "answer = sparql.queryAndConvert()",
            'for row in answer.get("results", {}).get("bindings", [answer.get("boolean")]):',
            "    print(row)",
        ]
    return "\n".join(lines)


def _write_javascript(endpoint: str, query: str, graph: bool) -> str:
    text = query.replace("\\", "\\\\").replace("`", "\\`").replace("${", "\\${")
    accept = "text/turtle" if graph else "application/sparql-results+json"
    read = "await answer.text()" if graph else "JSON.stringify(await answer.json(), null, 2)"
    return (
        f"const query = `{text}`;\n"
        f'const answer = await fetch("{endpoint}", {{\n'
        f'  method: "POST",\n  headers: {{ Accept: "{accept}" }},\n'
        "  body: new URLSearchParams({ query }),\n});\n"
        f"if (!answer.ok) throw new Error(await answer.text());\nconsole.log({read});"
    )


def _write_r(endpoint: str, query: str, graph: bool) -> str:
    dashes = next("-" * n for n in range(1, len(query) + 2) if f'){"-" * n}"' not in query)
    accept = "text/turtle" if graph else "text/csv"
    read = "cat(resp_body_string(answer))" if graph else "read.csv(text = resp_body_string(answer))"
    return (
        f'library(httr2)\n\nquery <- r"{dashes}({query}){dashes}"\n'
        f'answer <- request("{endpoint}") |>\n  req_headers(Accept = "{accept}") |>\n'
        f"  req_body_form(query = query) |>\n  req_perform()\n{read}"
    )

"""Engine profiles: what SPARQL engines do differently, one frozen value for each.

A profile is *tested* where ``make test-engines`` runs the contract suite on it, else it is shipped as its
documentation has it. ``docs/scaling.md`` lists them.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urljoin

from kg.errors import SettingsError
from kg.formats import JSON, N_TRIPLES, TURTLE, Format


@dataclass(frozen=True, slots=True)
class EngineProfile:
    """How one engine departs from the standards, or where these leave it free.

    Parameters
    ----------
    tested: whether the contract suite runs on it.
    union_parameters: sent to have the union of all graphs as default graph, where the engine knows such.
    is_shared: the engine keeps graphs of its own beside ours, so that "all graphs" is never right and
        those of the release are named in each query.
    result_format, graph_format: what the engine writes correctly; answers are converted from it.
    timeout_parameter: the request parameter that limits a query, "" where there is none.
    timeout_factor: what a second is in that parameter (1 or 1000).
    may_cap_rows: it may cut results; how far is probed before the first query.
    refused_names: beginnings, in lower case, of names that reach out of the data: of functions that call
        the network, the file system or code. Queries that hold one are refused.
    describe_prologue: put before DESCRIBE, so that it gives the statements about a thing and no others.
    update_path, graphs_path: where updates and the Graph Store Protocol are, relative to the query
        address; "" for graphs_path means that graphs are loaded by update.
    auth: scheme of user and password.
    """

    name: str
    title: str
    tested: bool = False
    union_parameters: tuple[tuple[str, str], ...] = ()
    is_shared: bool = False
    result_format: Format = JSON
    graph_format: Format = N_TRIPLES
    timeout_parameter: str = ""
    timeout_factor: int = 1
    may_cap_rows: bool = True
    refused_names: tuple[str, ...] = ()
    describe_prologue: str = ""
    update_path: str = "update"
    graphs_path: str = ""
    auth: str = "basic"

    def update_url(self, query_url: str) -> str:
        """Return where updates go.

        >>> find_profile("fuseki").update_url("http://h/ds/query")
        'http://h/ds/update'
        """
        return urljoin(query_url, self.update_path)

    def graphs_url(self, query_url: str) -> str:
        """Return the address of the Graph Store Protocol, or "" where graphs are loaded by update."""
        return urljoin(query_url, self.graphs_path) if self.graphs_path else ""


_VIRTUOSO = EngineProfile(
    name="virtuoso",
    title="Virtuoso 7",
    tested=True,
    is_shared=True,
    graph_format=TURTLE,
    timeout_parameter="timeout",
    timeout_factor=1000,
    # <bif:http_get> sends requests for any visitor; `sql:` names stored procedures.
    refused_names=(
        "bif:",
        "sql:",
        "http://www.openlinksw.com/schemas/bif",
        "http://www.openlinksw.com/schemas/sql",
    ),
    describe_prologue='DEFINE sql:describe-mode "CBD" ',
    update_path="sparql-auth",
    graphs_path="sparql-graph-crud-auth",
    auth="digest",
)

PROFILES: tuple[EngineProfile, ...] = (
    EngineProfile(name="generic", title="any SPARQL 1.1 server"),
    EngineProfile(
        name="oxigraph",
        title="Oxigraph server",
        tested=True,
        may_cap_rows=False,
        union_parameters=(("union-default-graph", ""),),
        graphs_path="store",
    ),
    _VIRTUOSO,
    EngineProfile(
        name="fuseki",
        title="Apache Jena Fuseki",
        tested=True,
        may_cap_rows=False,
        timeout_parameter="timeout",
        refused_names=("java:", "http://jena.apache.org/arq/jsfunction#"),  # classes and scripts by name
        graphs_path="data",
    ),
    EngineProfile(name="qlever", title="QLever", update_path="", timeout_parameter="timeout"),
    EngineProfile(name="graphdb", title="GraphDB", update_path="statements", timeout_parameter="timeout"),
    EngineProfile(name="stardog", title="Stardog", timeout_parameter="timeout", timeout_factor=1000),
    EngineProfile(name="neptune", title="Amazon Neptune", update_path="sparql", graphs_path="sparql/gsp/"),
    EngineProfile(name="allegrograph", title="AllegroGraph", update_path="", graphs_path=""),
)
"""All profiles; the first is for an engine that none is made for."""


def find_profile(name: str) -> EngineProfile:
    """Return the profile of a name.

    Raises
    ------
    SettingsError: there is none.

    >>> find_profile("virtuoso").auth
    'digest'
    """
    for profile in PROFILES:
        if profile.name == name:
            return profile
    known = ", ".join(profile.name for profile in PROFILES)
    raise SettingsError(f"there is no engine profile {name!r}.", f"There are {known}.")

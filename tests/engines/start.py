"""How each engine is started."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.engines.process import QUERY_LIMIT_S, Engine, Missing, find_free_port, find_program, started

FUSEKI = "org.apache.jena:jena-fuseki-server:5.6.0"
# In full: of a short name that it cannot look up, Maven does not say that it is the network's fault.
MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
ASK = "?query=ASK%7B%7D"
VIRTUOSO_PASSWORD = "engine"
VIRTUOSO_BUFFERS = 20_000
VIRTUOSO_ROW_CAP = 10_000
"""Rows that Virtuoso gives at most, as its packages configure it; it says so in no status."""

VIRTUOSO_INI = """
[Database]
DatabaseFile = {folder}/virtuoso.db
ErrorLogFile = {folder}/virtuoso.log
LockFile = {folder}/virtuoso.lck
TransactionFile = {folder}/virtuoso.trx
xa_persistent_file = {folder}/virtuoso.pxa
FileExtend = 200
[TempDatabase]
DatabaseFile = {folder}/virtuoso-temp.db
TransactionFile = {folder}/virtuoso-temp.trx
[Parameters]
ServerPort = 127.0.0.1:{sql_port}
DisableUnixSocket = 1
ServerThreads = 20
NumberOfBuffers = {buffers}
MaxDirtyBuffers = {dirty}
MaxQueryMem = 256M
DirsAllowed = {folder}, {readable}
VDBDisconnectTimeout = 1000
[HTTPServer]
ServerPort = 127.0.0.1:{port}
ServerRoot = {folder}
ServerThreads = 10
[SPARQL]
ResultSetMaxRows = {row_cap}
MaxQueryExecutionTime = {limit_s}
"""

FUSEKI_CONFIG = """
PREFIX fuseki: <http://jena.apache.org/fuseki#>
PREFIX ja: <http://jena.hpl.hp.com/2005/11/Assembler#>
PREFIX tdb2: <http://jena.apache.org/2016/tdb#>
[] a fuseki:Server ;
  ja:context [ ja:cxtName "arq:queryTimeout" ; ja:cxtValue "{limit_ms}" ] ;
  ja:context [ ja:cxtName "arq:httpServiceAllowed" ; ja:cxtValue false ] ;
  fuseki:services ( <#service> ) .
<#service> a fuseki:Service ; fuseki:name "ds" ;
  fuseki:endpoint [ fuseki:operation fuseki:query ; fuseki:name "query" ] ;
  fuseki:endpoint [ fuseki:operation fuseki:update ; fuseki:name "update" ] ;
  fuseki:endpoint [ fuseki:operation fuseki:gsp-rw ; fuseki:name "data" ] ;
  fuseki:dataset [ a tdb2:DatasetTDB2 ; tdb2:location "{folder}/tdb2" ; tdb2:unionDefaultGraph {has_union} ] .
"""


@contextmanager
def start_oxigraph(folder: Path, limit_s: int | None = QUERY_LIMIT_S) -> Iterator[Engine]:
    """Run Oxigraph server; with a limit it starts a thread for each query, and dies of many."""
    beside = Path(sys.executable).with_name("oxigraph")
    program = str(beside) if beside.exists() else find_program("oxigraph", "PyPI, the extra engines")
    port = find_free_port()
    url = f"http://127.0.0.1:{port}"
    command = [program, "serve", "--location", str(folder / "store"), "--bind", f"127.0.0.1:{port}"]
    command += ["--timeout-s", str(limit_s)] if limit_s else []
    with started(command, folder, f"{url}/query{ASK}") as process:
        yield Engine("oxigraph", f"{url}/query", f"{url}/update", f"{url}/store", pid=process.pid)


@contextmanager
def start_virtuoso(
    folder: Path, buffers: int = VIRTUOSO_BUFFERS, readable: Path | None = None
) -> Iterator[Engine]:
    """Run Virtuoso, with a new database where the folder has none.

    ``buffers`` are pages of 8 KiB in memory; from ``readable`` its bulk loader may read files.
    """
    program = find_program("virtuoso-t", "Debian's package virtuoso-opensource-7")
    port = find_free_port()
    sql_port = find_free_port()
    ini = folder / "virtuoso.ini"
    ini.write_text(
        VIRTUOSO_INI.format(
            folder=folder,
            readable=readable or folder,
            port=port,
            sql_port=sql_port,
            buffers=buffers,
            dirty=buffers * 3 // 4,
            row_cap=VIRTUOSO_ROW_CAP,
            limit_s=QUERY_LIMIT_S,
        )
    )
    command = [program, "+foreground", "+configfile", str(ini)]
    # A run of its own: Virtuoso makes the database, sets the passwords and exits.
    if not (folder / "virtuoso.db").exists():
        passwords = ["+pwdold", "dba", "+pwddba", VIRTUOSO_PASSWORD, "+pwddav", VIRTUOSO_PASSWORD]
        subprocess.run([*command, *passwords], cwd=folder, capture_output=True, timeout=60, check=True)
    (folder / "virtuoso.lck").unlink(missing_ok=True)  # left by one that was killed
    url = f"http://127.0.0.1:{port}"
    with started(command, folder, f"{url}/sparql{ASK}") as process:
        yield Engine(
            "virtuoso",
            query_url=f"{url}/sparql",
            update_url=f"{url}/sparql-auth",
            graphs_url=f"{url}/sparql-graph-crud-auth",
            user="dba",
            password=VIRTUOSO_PASSWORD,
            pid=process.pid,
            sql_address=f"127.0.0.1:{sql_port}",
        )


@contextmanager
def start_fuseki(folder: Path, *, has_union: bool = False) -> Iterator[Engine]:
    """Run Fuseki over TDB2, with an empty default graph as it comes, or with the union of all graphs."""
    java = find_program("java", "Debian's package default-jre-headless")
    jar = fetch_fuseki()
    port = find_free_port()
    config = folder / "fuseki.ttl"
    config.write_text(
        FUSEKI_CONFIG.format(folder=folder, has_union=str(has_union).lower(), limit_ms=QUERY_LIMIT_S * 1000)
    )
    command = [java, "-Xmx1g", "-XX:+UseSerialGC", "-jar", str(jar)]
    command += ["--localhost", f"--port={port}", "--ping", f"--config={config}"]
    url = f"http://127.0.0.1:{port}"
    with started(command, folder, f"{url}/$/ping") as process:
        yield Engine("fuseki", f"{url}/ds/query", f"{url}/ds/update", f"{url}/ds/data", pid=process.pid)


def fetch_fuseki() -> Path:
    """Return Fuseki's jar, copied out of Maven's repository, which downloads it once."""
    maven = find_program("mvn", "Debian's package maven")
    folder = Path.home() / ".cache" / "article-kg"
    _, name, version = FUSEKI.split(":")
    jar = folder / f"{name}-{version}.jar"
    if not jar.exists():
        command = [maven, "-q", "-B", MAVEN_COPY, f"-Dartifact={FUSEKI}", f"-DoutputDirectory={folder}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise Missing(f"Maven cannot get {FUSEKI}: {(done.stdout + done.stderr)[-300:]}")
    return jar


ENGINES: dict[str, Callable[[Path], AbstractContextManager[Engine]]] = {
    "oxigraph": start_oxigraph,
    "virtuoso": start_virtuoso,
    "fuseki": start_fuseki,
}


@contextmanager
def running(name: str, folder: Path) -> Iterator[Engine]:
    """Run an engine until the block ends; raises ``Missing`` where it is not installed."""
    folder.mkdir(parents=True, exist_ok=True)
    with ENGINES[name](folder) as engine:
        try:
            yield engine
        finally:
            shutil.rmtree(folder, ignore_errors=True)

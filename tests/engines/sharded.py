"""A store that is shared out over servers: Halyard on HBase, all from Maven.

ZooKeeper, a master and two region servers, each a process of its own on loopback, and Halyard's store behind
the SPARQL protocol (``hbase/HalyardServer.java``). Its table is split, and the master gives each region
server some of the regions. Files lie in a folder of this machine, where HDFS would be in a real cluster.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.engines.cluster import find_classpath, find_java
from tests.engines.process import Engine, find_free_port, started, started_when
from tests.engines.start import ASK

SERVERS = 2
SESSION_MS = 10_000
"""After this time without a sign of life, the regions of a server go to others."""

HERE = Path(__file__).parent / "hbase"

SITE = """<configuration>
{properties}
</configuration>
"""

PROPERTIES = {
    "hbase.cluster.distributed": "true",
    # A folder of this machine cannot promise what HDFS does when a machine fails; here, processes fail.
    "hbase.unsafe.stream.capability.enforce": "false",
    "hbase.wal.provider": "filesystem",
    "hbase.zookeeper.quorum": "127.0.0.1",
    "hbase.zookeeper.property.clientPortAddress": "127.0.0.1",
    "hbase.master.ipc.address": "127.0.0.1",
    "hbase.regionserver.ipc.address": "127.0.0.1",
    "hbase.master.hostname": "localhost",
    "hbase.unsafe.regionserver.hostname": "localhost",
    "hbase.master.info.port": "-1",
    "hbase.regionserver.info.port": "-1",
    "zookeeper.session.timeout": str(SESSION_MS),
}

LOGGING = """
log4j.rootLogger=WARN,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{HH:mm:ss} %p %c{1}: %m%n
"""

# Netty and ZooKeeper reach into these (Java 17 asks to be told).
OPENED = ("java.lang", "java.lang.reflect", "java.nio", "java.util", "java.util.concurrent", "sun.nio.ch")

QUORUM = "org.apache.hadoop.hbase.zookeeper.HQuorumPeer"
MASTER = "org.apache.hadoop.hbase.master.HMaster"
REGION_SERVER = "org.apache.hadoop.hbase.regionserver.HRegionServer"


@dataclass(frozen=True, slots=True)
class ShardedStore:
    """Halyard as an engine, and the processes of the region servers by their ports."""

    engine: Engine
    region_servers: dict[int, subprocess.Popen[bytes]]


@contextmanager
def running_shards(folder: Path) -> Iterator[ShardedStore]:
    """Run it all until the block ends; raises ``Missing`` where something is not installed."""
    # ZooKeeper would listen at port 8080 besides.
    java = [find_java(), "-Xmx512m", "-XX:+UseSerialGC", "-Dzookeeper.admin.enableServer=false"]
    java += [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
    java += ["-cp", f"{folder}:{find_classpath(HERE / 'pom.xml')}"]
    quorum, master = find_free_port(), find_free_port()
    _write_settings(folder, quorum, master)
    with ExitStack() as stack:

        def start(name: str, main: str, port: int, *options: str) -> subprocess.Popen[bytes]:
            place = folder / name
            place.mkdir(parents=True)
            command = [*java, main, *options, "start"]
            return stack.enter_context(started_when(command, place, _connecting(port)))

        start("zookeeper", QUORUM, quorum)
        start("master", MASTER, master)
        ports = [find_free_port() for _ in range(SERVERS)]
        servers = {
            port: start(f"region-server-{port}", REGION_SERVER, port, f"-Dhbase.regionserver.port={port}")
            for port in ports
        }
        yield ShardedStore(stack.enter_context(_start_halyard(java, folder / "halyard")), servers)


@contextmanager
def _start_halyard(java: list[str], folder: Path) -> Iterator[Engine]:
    folder.mkdir()
    port = find_free_port()
    url = f"http://127.0.0.1:{port}"
    with started(
        [*java, str(HERE / "HalyardServer.java"), str(port)], folder, f"{url}/query{ASK}"
    ) as process:
        yield Engine("generic", f"{url}/query", f"{url}/update", "", pid=process.pid)


def _write_settings(folder: Path, quorum: int, master: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    properties = {
        **PROPERTIES,
        "hbase.rootdir": f"file://{folder}/root",
        "hbase.tmp.dir": f"{folder}/tmp",
        "hbase.zookeeper.property.dataDir": f"{folder}/quorum",
        "hbase.zookeeper.property.clientPort": str(quorum),
        "hbase.master.port": str(master),
    }
    rows = [
        f"<property><name>{name}</name><value>{value}</value></property>"
        for name, value in properties.items()
    ]
    (folder / "hbase-site.xml").write_text(SITE.format(properties="\n".join(rows)))
    (folder / "log4j.properties").write_text(LOGGING)


def _connecting(port: int) -> Callable[[], None]:
    def connect() -> None:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()

    return connect

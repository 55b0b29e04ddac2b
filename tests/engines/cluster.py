"""A cluster: Fuseki nodes that each follow one topic of Apache Kafka, all from Maven.

The broker is one of Kafka's own processes with the controller in it. Each node has a database, a group and a
state file of its own, so each reads all events. A node answers only when it has come to the end of the
topic; what is sent to it by HTTP goes nowhere but to itself.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic

from tests.engines.process import Engine, Missing, find_free_port, find_program, started, started_when
from tests.engines.start import ASK

TOPIC = "kg"
NODES = 3
SMALLEST_BATCH = 1
"""Events of a poll with which the connector waits for no more; it takes 25 by itself (see the Java file)."""

PROGRAM = "FollowingFuseki.java"
HERE = Path(__file__).parent / "kafka"
# In full: of a short name that it cannot look up, Maven does not say that it is the network's fault.
BUILD_CLASSPATH = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath"

BROKER_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}/log
num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""

NODE_CONFIG = """
PREFIX fuseki: <http://jena.apache.org/fuseki#>
PREFIX ja: <http://jena.hpl.hp.com/2005/11/Assembler#>
PREFIX tdb2: <http://jena.apache.org/2016/tdb#>
PREFIX fk: <http://jena.apache.org/fuseki/kafka#>
[] a fuseki:Server ;
  ja:context [ ja:cxtName "arq:httpServiceAllowed" ; ja:cxtValue false ] ;
  fuseki:services ( <#service> ) .
<#service> a fuseki:Service ; fuseki:name "ds" ;
  fuseki:endpoint [ fuseki:operation fuseki:query ; fuseki:name "query" ] ;
  fuseki:endpoint [ fuseki:operation fuseki:gsp-r ; fuseki:name "data" ] ;
  # Where the connector sends events to: the endpoint without a name.
  fuseki:endpoint [ fuseki:operation fuseki:patch ] ;
  fuseki:dataset [ a tdb2:DatasetTDB2 ; tdb2:location "{folder}/tdb2" ] .
<#connector> a fk:Connector ;
  fk:bootstrapServers "{brokers}" ;
  fk:topic "{topic}" ;
  fk:fusekiServiceName "/ds" ;
  fk:groupId "{group}" ;
  fk:stateFile "{folder}/state" .
"""


@dataclass(slots=True)
class Node:
    """A Fuseki that follows the topic. It can be stopped and started again in its folder, at its port."""

    number: int
    folder: Path
    brokers: str
    smallest_batch: int = SMALLEST_BATCH
    port: int = field(default_factory=find_free_port)
    process: subprocess.Popen[bytes] | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        """The address of its dataset."""
        return f"http://127.0.0.1:{self.port}/ds"

    @property
    def engine(self) -> Engine:
        """What it is as an engine; updates have nowhere to go."""
        return Engine("fuseki", f"{self.url}/query", "", f"{self.url}/data")

    def start(self) -> None:
        """Start it, and wait until it has come to the end of the topic and answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "fuseki.ttl"
        config.write_text(
            NODE_CONFIG.format(
                folder=self.folder, brokers=self.brokers, topic=TOPIC, group=f"node-{self.number}"
            )
        )
        java = [
            find_java(),
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-cp",
            find_classpath(HERE / "node.xml"),
            str(HERE / PROGRAM),
        ]
        command = [*java, str(self.port), str(config), str(self.smallest_batch)]
        self.process = self._stack.enter_context(started(command, self.folder, f"{self.url}/query{ASK}"))

    def kill(self) -> None:
        """Kill it as a machine that fails would; nothing is written any more."""
        self._stack.close()
        self.process = None


@dataclass(frozen=True, slots=True)
class FusekiCluster:
    """A running cluster."""

    brokers: str
    nodes: tuple[Node, ...]

    @property
    def topic(self) -> str:
        """The address of the topic, as ``kg publish --topic`` takes it."""
        return f"kafka://{self.brokers}/{TOPIC}"

    @property
    def store(self) -> str:
        """The query addresses of all nodes, as ``--store`` takes them."""
        return ",".join(f"{node.url}/query" for node in self.nodes)


@contextmanager
def running_cluster(folder: Path, smallest_batch: int = SMALLEST_BATCH) -> Iterator[FusekiCluster]:
    """Run a broker and three nodes until the block ends; raises ``Missing`` where one cannot be."""
    find_classpath(HERE / "node.xml")
    with ExitStack() as stack:
        brokers = stack.enter_context(_start_broker(folder / "broker"))
        _make_topic(brokers)
        nodes = [Node(n, folder / f"node-{n}", brokers, smallest_batch) for n in range(1, NODES + 1)]
        for node in nodes:
            stack.callback(node.kill)
            node.start()
        yield FusekiCluster(brokers, tuple(nodes))


@contextmanager
def _start_broker(folder: Path) -> Iterator[str]:
    """Run a broker that keeps its log in a folder; yields its address."""
    folder.mkdir(parents=True, exist_ok=True)
    port, controller = find_free_port(), find_free_port()
    properties = folder / "server.properties"
    properties.write_text(BROKER_PROPERTIES.format(folder=folder, port=port, controller=controller))
    java = [find_java(), "-Xmx256m", "-XX:+UseSerialGC", "-cp", find_classpath(HERE / "broker.xml")]
    name = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    form = [*java, "kafka.tools.StorageTool", "format", "-t", name, "-c", str(properties)]
    subprocess.run(form, cwd=folder, capture_output=True, timeout=120, check=True)

    def connect() -> None:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()

    with started_when([*java, "kafka.Kafka", str(properties)], folder, connect):
        yield f"127.0.0.1:{port}"


def _make_topic(brokers: str) -> None:
    client = AdminClient({"bootstrap.servers": brokers})  # what it does ends with it
    client.create_topics([NewTopic(TOPIC, num_partitions=1)])[TOPIC].result(60)


def find_java() -> str:
    """Return java; its compiler has to be there too, since a node is started from a source file."""
    find_program("javac", "Debian's package default-jdk-headless")
    return find_program("java", "Debian's package default-jdk-headless")


@cache
def find_classpath(project: Path) -> str:
    """Return the class path of what a project of Maven names; the jars are downloaded once."""
    maven = find_program("mvn", "Debian's package maven")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "classpath"
        command = [maven, "-q", "-B", "-f", str(project), BUILD_CLASSPATH]
        done = subprocess.run(
            [*command, f"-Dmdep.outputFile={target}"], capture_output=True, text=True, timeout=600
        )
        if done.returncode:
            raise Missing(f"Maven cannot get what {project.name} names: {(done.stdout + done.stderr)[-300:]}")
        return target.read_text().strip()

"""A topic of Apache Kafka that engines follow, each by itself: changes of graphs go there as RDF patches.

Source: RDF Patch (Apache Jena): rows of a letter and the four terms of a quad, ``D`` for one that leaves and
``A`` for one that comes, in a transaction between ``TX`` and ``TC``. Terms are written as in N-Quads. A
patch that is applied twice changes nothing more, so a follower may begin again at any earlier event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pyoxigraph as ox

from kg.errors import SettingsError, StoreUnavailable

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

    Note = Callable[[KafkaError | None, Message[bytes, bytes]], None]

PATCH_BYTES = 512 * 1024
"""Rows of one event; a broker as it comes takes events of up to a megabyte."""

MEDIA_TYPE = "application/rdf-patch"

_SEND_S = 60.0


@dataclass(frozen=True, slots=True)
class Change:
    """What is to leave a graph, and what is to come into it."""

    graph: str
    removed: Iterable[ox.Triple]
    added: Iterable[ox.Triple]


def write_patches(change: Change) -> Iterator[bytes]:
    """Yield the events that make a change, in order: what leaves comes before what is added.

    >>> triple = ox.Triple(ox.NamedNode("x:s"), ox.NamedNode("x:p"), ox.Literal("a\\nb"))
    >>> print(b"".join(write_patches(Change("x:g", [], [triple]))).decode(), end="")
    TX .
    A <x:s> <x:p> "a\\nb" <x:g> .
    TC .
    """
    rows: list[bytes] = []
    size = 0
    removed = (("D", triple) for triple in change.removed)
    added = (("A", triple) for triple in change.added)
    for letter, triple in chain(removed, added):
        rows.append(f"{letter} {triple} <{change.graph}> .\n".encode())
        size += len(rows[-1])
        if size >= PATCH_BYTES:
            yield b"TX .\n" + b"".join(rows) + b"TC .\n"
            rows, size = [], 0
    if rows:
        yield b"TX .\n" + b"".join(rows) + b"TC .\n"


class Topic:
    """A topic with one partition, since a patch is right only after the one before it.

    Parameters
    ----------
    address: ``kafka://host:port/topic``; several brokers stand with commas between them.

    Raises
    ------
    SettingsError: the address is none, Kafka's client is not installed, or the topic has several partitions.
    StoreUnavailable: no broker answers, or they have no such topic.
    """

    def __init__(self, address: str) -> None:
        brokers, self.name = _split(address)
        try:
            from confluent_kafka import KafkaException, Producer
        except ImportError:
            raise SettingsError(
                f"topic {address}: Kafka's client is not installed.", "pip install 'article-kg[kafka]'"
            ) from None
        self.address = address
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "enable.idempotence": True,  # events stay in order, and come once, when one is sent again
                "message.timeout.ms": int(_SEND_S * 1000),
                "allow.auto.create.topics": False,
                "log_level": 0,  # what goes wrong is raised, and need not be on standard error as well
            }
        )
        try:
            found = self._producer.list_topics(self.name, timeout=10).topics[self.name]
        except KafkaException as error:
            raise StoreUnavailable(f"topic {address}: {_explain(error.args[0])}.") from None
        if found.error is not None:
            raise StoreUnavailable(
                f"topic {address}: {_explain(found.error)}.", "Make it, with one partition."
            )
        if len(found.partitions) != 1:
            raise SettingsError(
                f"topic {address} has {len(found.partitions)} partitions, and changes must stay in order.",
                "Name a topic with one partition.",
            )

    def send(self, patches: Iterable[bytes]) -> int:
        """Put events on the topic; returns how many, when the brokers have them all.

        Raises
        ------
        StoreUnavailable: they take one not, or not within a minute.
        """
        faults: list[KafkaError] = []

        def note(fault: KafkaError | None, message: Message[bytes, bytes]) -> None:
            if fault is not None:
                faults.append(fault)

        count = 0
        for patch in patches:
            self._put(patch, note)
            count += 1
        waiting = self._producer.flush(_SEND_S)
        if faults or waiting:
            reason = _explain(faults[0]) if faults else "the brokers do not answer"
            raise StoreUnavailable(f"topic {self.address}: {reason}.", "Run it again when they do.")
        return count

    def _put(self, patch: bytes, note: Note) -> None:
        while True:
            try:
                self._producer.produce(
                    self.name, patch, headers={"Content-Type": MEDIA_TYPE}, on_delivery=note
                )
                return
            except BufferError:  # the client holds as much as it may; let some of it go
                self._producer.poll(1)


def _split(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    brokers, name = parts.netloc, parts.path.strip("/")
    if "@" in brokers:
        raise SettingsError("the address of the topic holds a user or a password.", "Leave them out.")
    if parts.scheme != "kafka" or not brokers or not name or "/" in name:
        raise SettingsError(
            f"topic {address!r} is no address of a topic.", "Write it like kafka://host:9092/topic."
        )
    return brokers, name


def _explain(fault: KafkaError) -> str:
    return fault.str().rstrip(".")

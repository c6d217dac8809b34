"""Publishes ROS 2 messages over DDS, without ROS: a simulated robot, or a test of a recorder."""

import time
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from cyclonedds._clayer import ddspy_write_ts  # `DataWriter.write` would encode every sample in Python
from cyclonedds.core import DDSException
from cyclonedds.domain import DomainParticipant
from cyclonedds.pub import DataWriter
from cyclonedds.qos import Policy, Qos
from cyclonedds.topic import Topic
from cyclonedds.util import duration

from .definitions import Definitions
from .idl import Types, dds_name

ALIGNMENT = 4  # DDS sends whole words
DEPTH = 100


class Publisher:
    """Topics that a process speaks on."""

    def __init__(
        self,
        topics: dict[str, str],
        definitions: Definitions,
        domain: int,
        *,
        reliable: bool = True,
        depth: int | Mapping[str, int] = DEPTH,
        latched: Collection[str] = (),
    ) -> None:
        """Announce the topics.

        Args:
            topics: Topic → ROS 2 type.
            definitions: Where the types are defined.
            domain: DDS domain, ROS 2's `ROS_DOMAIN_ID`.
            reliable: Offer that what is lost is sent again.
            depth: How many messages of a topic are kept for that: of each, or of some, and `DEPTH` of the others. A
                subscriber that stands still for longer loses what is older.
            latched: Topics whose kept messages also reach those who subscribe later (durability transient local).
        """
        self._participant = DomainParticipant(domain)
        self._definitions = definitions
        self._writers: dict[str, DataWriter[Any]] = {}
        self._depths: dict[str, int] = {}
        self._unheard: Counter[str] = Counter()
        """Topic → messages since all subscribers were last seen to have everything."""
        self._overrun: set[str] = set()
        reliability = Policy.Reliability.Reliable(duration(seconds=1)) if reliable else Policy.Reliability.BestEffort
        types = Types(definitions)
        for name, type_name in topics.items():
            definitions.require(name, type_name)
            self._depths[name] = depth if isinstance(depth, int) else depth.get(name, DEPTH)
            qos = Qos(
                reliability,
                Policy.Durability.TransientLocal if name in latched else Policy.Durability.Volatile,
                Policy.History.KeepLast(self._depths[name]),
                Policy.DataRepresentation(use_cdrv0_representation=True),
            )
            topic = Topic(self._participant, dds_name(name), types.of(type_name), qos=qos)
            self._writers[name] = DataWriter(self._participant, topic, qos=qos)

    def publish(self, topic: str, message: Any) -> None:
        """Send a message."""
        self.publish_raw(topic, self._definitions.encode(message))

    def publish_raw(self, topic: str, data: bytes) -> None:
        """Send the CDR of a message."""
        padded = data + b"\0" * (-len(data) % ALIGNMENT)
        depth = self._depths[topic]
        if self._unheard[topic] >= depth // 2 and not self._acknowledged(topic, 0) and self._unheard[topic] >= depth:
            self._overrun.add(topic)  # the oldest of them leaves the history now
        if (result := ddspy_write_ts(self._writers[topic]._ref, padded, time.time_ns())) < 0:
            raise DDSException(result, f"writing to {topic}")
        self._unheard[topic] += 1

    def wait_for_subscribers(self, timeout_s: float) -> bool:
        """Wait until every topic is listened to; False if the time ran out."""
        until = time.monotonic() + timeout_s
        while not all(writer.get_matched_subscriptions() for writer in self._writers.values()):
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def flush(self, timeout_s: float) -> bool:
        """Wait until all subscribers have all messages, but for those of before they subscribed.

        Returns:
            False if the time ran out, or if, since the last call, more messages of a topic were sent without a sign
            that all had arrived than its history keeps: some may be lost then. Cyclone DDS asks for a sign when a topic
            is silent for 0.1 s; of one that never is, only as many as the history keeps can be vouched for.
        """
        until = time.monotonic() + timeout_s
        arrived = [self._acknowledged(topic, max(0.0, until - time.monotonic())) for topic in self._writers]
        overrun = bool(self._overrun)
        self._overrun.clear()
        return all(arrived) and not overrun

    def _acknowledged(self, topic: str, timeout_s: float) -> bool:
        """Wait until all that is in the history of a topic has arrived; reliable subscribers alone tell."""
        writer = self._writers[topic]
        # `DataWriter.wait_for_acks` of cyclonedds 11.0.1 raises an AttributeError when the time runs out
        result = writer._wait_for_acks(writer._ref, duration(seconds=timeout_s))
        if result == DDSException.DDS_RETCODE_TIMEOUT:
            return False
        if result < 0:
            raise DDSException(result, f"waiting for subscribers of {topic}")
        self._unheard[topic] = 0
        return True

"""Publishes ROS 2 messages over DDS, without ROS: a simulated robot, or a test of a recorder."""

import time
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


class Publisher:
    """Topics that a process speaks on."""

    def __init__(
        self,
        topics: dict[str, str],
        definitions: Definitions,
        domain: int,
        *,
        reliable: bool = True,
        depth: int = 100,
    ) -> None:
        """Announce the topics.

        Args:
            topics: Topic → ROS 2 type.
            definitions: Where the types are defined.
            domain: DDS domain, ROS 2's `ROS_DOMAIN_ID`.
            reliable: Offer that what is lost is sent again.
            depth: How many messages of a topic are kept for that.
        """
        self._participant = DomainParticipant(domain)
        self._definitions = definitions
        self._writers: dict[str, DataWriter[Any]] = {}
        reliability = Policy.Reliability.Reliable(duration(seconds=1)) if reliable else Policy.Reliability.BestEffort
        qos = Qos(reliability, Policy.History.KeepLast(depth), Policy.DataRepresentation(use_cdrv0_representation=True))
        types = Types(definitions)
        for name, type_name in topics.items():
            definitions.require(name, type_name)
            topic = Topic(self._participant, dds_name(name), types.of(type_name), qos=qos)
            self._writers[name] = DataWriter(self._participant, topic, qos=qos)

    def publish(self, topic: str, message: Any) -> None:
        """Send a message."""
        self.publish_raw(topic, self._definitions.encode(message))

    def publish_raw(self, topic: str, data: bytes) -> None:
        """Send the CDR of a message."""
        padded = data + b"\0" * (-len(data) % ALIGNMENT)
        if (result := ddspy_write_ts(self._writers[topic]._ref, padded, time.time_ns())) < 0:
            raise DDSException(result, f"writing to {topic}")

    def wait_for_subscribers(self, timeout_s: float) -> bool:
        """Wait until every topic is listened to; False if the time ran out."""
        until = time.monotonic() + timeout_s
        while not all(writer.get_matched_subscriptions() for writer in self._writers.values()):
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def flush(self, timeout_s: float) -> bool:
        """Wait until all subscribers have all messages; False if the time ran out."""
        return all(writer.wait_for_acks(duration(seconds=timeout_s)) for writer in self._writers.values())

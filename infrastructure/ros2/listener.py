"""Listens to topics over DDS, whichever speaks first."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cyclonedds.core import InstanceState, ReadCondition, SampleState, ViewState, WaitSet
from cyclonedds.domain import DomainParticipant
from cyclonedds.qos import Policy, Qos
from cyclonedds.topic import Topic
from cyclonedds.util import duration

from .definitions import Definitions
from .idl import Types, dds_name
from .reader import Reader

NEW = ViewState.Any | InstanceState.Any | SampleState.NotRead


class Heard(NamedTuple):
    """A message as it came."""

    topic: str
    data: bytes
    """CDR."""
    sent_ns: int
    """When it was sent, by its publisher's clock, in ns since 1970."""


class Listener:
    """Hears every publisher, reliable or not."""

    def __init__(self, topics: Mapping[str, str], definitions: Definitions, domain: int, *, depth: int) -> None:
        """Subscribe.

        Args:
            topics: Topic → ROS 2 type.
            definitions: Where the types are defined.
            domain: DDS domain, ROS 2's `ROS_DOMAIN_ID`.
            depth: Messages of a topic that wait to be taken; of more, the newest.

        Raises:
            Ros2Error: If a type, or one in it, is not defined.
        """
        self._participant = DomainParticipant(domain)
        self._waitset = WaitSet(self._participant)
        self._readers: dict[str, Reader] = {}
        qos = Qos(
            Policy.Reliability.BestEffort,
            Policy.History.KeepLast(depth),
            Policy.DataRepresentation(use_cdrv0_representation=True),
        )
        types = Types(definitions)
        for name, kind in topics.items():
            definitions.require(name, kind)
            topic = Topic(self._participant, dds_name(name), types.of(kind))
            self._readers[name] = Reader(self._participant, topic, qos=qos)
            self._waitset.attach(ReadCondition(self._readers[name], NEW))

    def wait(self, seconds: float) -> Iterator[Heard]:
        """What has come when something came, or when the time ran out."""
        self._waitset.wait(duration(seconds=seconds))
        for topic, reader in self._readers.items():
            for data, sent_ns, _ in reader.take_raw():
                yield Heard(topic, data, sent_ns)

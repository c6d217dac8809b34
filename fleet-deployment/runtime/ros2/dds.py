"""Topics over DDS without ROS: Cyclone DDS with the names, types and bytes of ROS 2."""

import threading
import time
from collections.abc import Mapping

from cyclonedds.core import InstanceState, ReadCondition, SampleState, ViewState, WaitSet
from cyclonedds.domain import DomainParticipant
from cyclonedds.qos import Policy, Qos
from cyclonedds.topic import Topic
from cyclonedds.util import duration

from physai.infrastructure.ros2.definitions import Definitions
from physai.infrastructure.ros2.idl import Types, dds_name
from physai.infrastructure.ros2.publisher import Publisher
from physai.infrastructure.ros2.reader import Reader

from .bus import Heard

NEW = ViewState.Any | InstanceState.Any | SampleState.NotRead
WAIT = duration(milliseconds=100)  # how soon `close` is noticed
NEWEST = Qos(
    Policy.Reliability.BestEffort,  # hears every publisher; a lost message is followed by a newer one
    Policy.History.KeepLast(1),
    Policy.DataRepresentation(use_cdrv0_representation=True),
)


class DdsBus:
    """A participant of a DDS domain."""

    def __init__(
        self, heard: Mapping[str, str], said: Mapping[str, str], definitions: Definitions, domain: int
    ) -> None:
        """Join.

        Args:
            heard: Topic → ROS 2 type of what is listened to.
            said: Topic → ROS 2 type of what is spoken on.
            definitions: Where the types are defined.
            domain: ROS 2's `ROS_DOMAIN_ID`.
        """
        self._publisher = Publisher(dict(said), definitions, domain, depth=1)
        self._participant = DomainParticipant(domain)
        types = Types(definitions)
        self._readers = {
            name: Reader(self._participant, Topic(self._participant, dds_name(name), types.of(kind)), qos=NEWEST)
            for name, kind in heard.items()
        }
        self._newest: dict[str, Heard] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="dds", daemon=True)
        self._thread.start()

    def newest(self, topic: str) -> Heard | None:
        """The newest message of a topic, or None if there was none yet."""
        return self._newest.get(topic)

    def publish(self, topic: str, data: bytes) -> None:
        """Send the CDR of a message."""
        self._publisher.publish_raw(topic, data)

    def close(self) -> None:
        """Leave."""
        self._over.set()
        self._thread.join()

    def _listen(self) -> None:
        waitset = WaitSet(self._participant)
        for reader in self._readers.values():
            waitset.attach(ReadCondition(reader, NEW))
        while not self._over.is_set():
            waitset.wait(WAIT)
            for topic, reader in self._readers.items():
                for data, _ in reader.take_raw():
                    self._newest[topic] = Heard(data, time.monotonic())

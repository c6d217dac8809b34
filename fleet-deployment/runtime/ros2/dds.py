"""Topics over DDS without ROS: Cyclone DDS with the names, types and bytes of ROS 2."""

import threading
import time
from collections.abc import Mapping

from physai.infrastructure.ros2.definitions import Definitions
from physai.infrastructure.ros2.listener import Listener
from physai.infrastructure.ros2.publisher import Publisher

from .bus import Heard

WAIT_S = 0.1  # how soon `close` is noticed


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
        self._listener = Listener(heard, definitions, domain, depth=1)  # a lost message is followed by a newer one
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
        while not self._over.is_set():
            for topic, data, _ in self._listener.wait(WAIT_S):
                self._newest[topic] = Heard(data, time.monotonic())

"""Topics of ROS 2 as bytes, whoever carries them."""

from typing import Literal, NamedTuple, Protocol

from physai.infrastructure.ros2.definitions import Definitions

from .topics import RobotTopics

type Carrier = Literal["dds", "ros2"]


class Heard(NamedTuple):
    """The newest message of a topic."""

    data: bytes
    """CDR."""
    at_s: float
    """When it arrived, by `time.monotonic` of this machine."""


class Bus(Protocol):
    """Speaks and listens. What arrives is kept by a thread of its own; every call returns at once."""

    def newest(self, topic: str) -> Heard | None:
        """The newest message of a topic, or None if there was none yet."""

    def publish(self, topic: str, data: bytes) -> None:
        """Send the CDR of a message."""

    def close(self) -> None:
        """Leave."""


def open_bus(carrier: Carrier, topics: RobotTopics, definitions: Definitions, domain: int) -> Bus:
    """Join a ROS 2 domain.

    Args:
        carrier: `dds` for Cyclone DDS without ROS, `ros2` for rclpy with whatever middleware it has.
        topics: What is heard and said.
        definitions: Where the types are defined.
        domain: DDS domain, ROS 2's `ROS_DOMAIN_ID`.

    Raises:
        NoRos2Error: If `ros2` is asked for where ROS 2 is not installed.
    """
    if carrier == "dds":
        from .dds import DdsBus

        return DdsBus(topics.heard, topics.said, definitions, domain)
    from .rclpy import RclpyBus

    return RclpyBus(topics.heard, topics.said, domain)

"""Topics through rclpy, where ROS 2 is installed: with any of its middlewares."""

import threading
import time
from collections.abc import Callable, Mapping

from ...errors import NoRos2Error
from .bus import Heard


class RclpyBus:
    """A node of ROS 2; messages stay the bytes that they are on the wire."""

    def __init__(self, heard: Mapping[str, str], said: Mapping[str, str], domain: int) -> None:
        """Join.

        Args:
            heard: Topic → type of what is listened to.
            said: Topic → type of what is spoken on.
            domain: ROS 2's `ROS_DOMAIN_ID`.

        Raises:
            NoRos2Error: If ROS 2 is not installed.
        """
        try:
            import rclpy
            from rclpy.executors import SingleThreadedExecutor
            from rclpy.qos import QoSProfile, ReliabilityPolicy
            from rosidl_runtime_py.utilities import get_message
        except ImportError as error:
            raise NoRos2Error from error
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=domain)
        self._node = rclpy.create_node("physai_runtime", context=self._context)
        self._newest: dict[str, Heard] = {}
        newest = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        for topic, kind in heard.items():
            self._node.create_subscription(get_message(kind), topic, self._hear(topic), newest, raw=True)
        self._publishers = {
            topic: self._node.create_publisher(get_message(kind), topic, QoSProfile(depth=1))
            for topic, kind in said.items()
        }
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._executor.spin, name="ros2", daemon=True)
        self._thread.start()

    def newest(self, topic: str) -> Heard | None:
        """The newest message of a topic, or None if there was none yet."""
        return self._newest.get(topic)

    def publish(self, topic: str, data: bytes) -> None:
        """Send the CDR of a message; rclpy takes bytes as a message that is serialised already."""
        self._publishers[topic].publish(data)

    def close(self) -> None:
        """Leave."""
        self._executor.shutdown()
        self._thread.join()
        self._node.destroy_node()
        self._context.try_shutdown()

    def _hear(self, topic: str) -> Callable[[bytes], None]:
        def hear(data: bytes) -> None:
            self._newest[topic] = Heard(bytes(data), time.monotonic())

        return hear

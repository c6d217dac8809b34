"""Listens to ROS 2 topics through rclpy, where ROS 2 is installed: with any of its middlewares."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, override

from physai.infrastructure.contracts import TopicRule
from physai.infrastructure.ros2.definitions import Definitions

from .buffer import Buffer
from .errors import UnavailableError
from .sample import Sample
from .source import Channel, Health, Source

DEPTH = 4000  # messages of a topic that wait in the middleware while Python is busy: 10 s of 400 Hz
WAIT_S = 0.1  # how soon `finish` is noticed
REST_S = 2.0  # for what waits in the middleware at the end


class Ros2Source(Source):
    """The topics of a config, heard by a ROS 2 node."""

    def __init__(self, rules: Iterable[TopicRule], definitions: Definitions) -> None:
        """Subscribe.

        Raises:
            UnavailableError: If ROS 2 is not installed.
            Ros2Error: If a type is not defined.
        """
        try:
            import rclpy
            from rosidl_runtime_py.utilities import get_message
        except ImportError as error:
            raise UnavailableError("source ros2", "ROS 2 (source its setup.bash first), or use --source dds") from error
        self._rclpy = rclpy
        rclpy.init()
        self._node = rclpy.create_node("physai_recorder")
        self._put: Callable[[Sample], None] | None = None
        self.channels: dict[str, Channel] = {}
        for rule in rules:
            definitions.require(rule.topic, rule.type)
            self.channels[rule.topic] = Channel(
                rule.type, definitions.text(rule.type), definitions.has_header(rule.type)
            )
            self._node.create_subscription(
                get_message(rule.type), rule.topic, self._hear(rule.topic), _qos(rule), raw=True
            )
        self._thread: threading.Thread | None = None
        self._stop, self._ended = threading.Event(), threading.Event()
        self._heard = 0

    def serve(self, service: str, fire: Callable[[], None]) -> None:
        """Answer calls of a service by `fire`."""
        from std_srvs.srv import Trigger

        def answer(_request: Any, response: Any) -> Any:
            fire()
            response.success = True
            return response

        self._node.create_service(Trigger, service, answer)

    def start(self, buffer: Buffer) -> None:
        """Begin to hand over what arrives."""
        self._put = buffer.put
        self._thread = threading.Thread(target=self._listen, name="ros2", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """When ROS 2 is shut down, or all was handed over."""
        return self._ended.is_set()

    def now_ns(self) -> int:
        """The clock."""
        return time.time_ns()

    @override
    def health(self, *, settled: bool = False) -> Health:
        """Who speaks; what is lost, this source cannot tell."""
        return Health(lost=None, publishers={topic: self._node.count_publishers(topic) for topic in self.channels})

    def finish(self) -> None:
        """Hand over what waits in the middleware, and then no more."""
        self._stop.set()

    def close(self) -> None:
        """Leave."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        self._node.destroy_node()
        self._rclpy.shutdown()

    def _listen(self) -> None:
        try:
            while self._rclpy.ok() and not self._stop.is_set():
                self._rclpy.spin_once(self._node, timeout_sec=WAIT_S)
            until, heard = time.monotonic() + REST_S, -1
            while self._rclpy.ok() and heard != self._heard and time.monotonic() < until:
                heard = self._heard
                self._rclpy.spin_once(self._node, timeout_sec=0)
        finally:
            self._ended.set()

    def _hear(self, topic: str) -> Callable[[bytes], None]:
        def hear(data: bytes) -> None:
            self._heard += 1
            if self._put:
                now_ns = time.time_ns()
                self._put(Sample(topic, bytes(data), now_ns, now_ns))

        return hear


def _qos(rule: TopicRule) -> Any:
    from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

    return QoSProfile(
        depth=DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if rule.reliability == "reliable" else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if rule.latched else DurabilityPolicy.VOLATILE,
    )

"""What a robot's ROS 2 topics tell the agent, heard over DDS without ROS."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec
from pydantic import Field, ValidationError, model_validator

from physai.infrastructure.contracts import Digest, EpisodeData, EpisodeEvent, YamlDocument
from physai.infrastructure.contracts.telemetry import Name

from ..door import first_error
from .agent import TelemetryAgent
from .window import ControlWindow

if TYPE_CHECKING:
    from physai.infrastructure.ros2.definitions import Definitions
    from physai.infrastructure.ros2.listener import Listener

WAITING = 1000  # messages of a topic between two looks, which are at most a second apart
LOOK_S = 1.0


class AgentTopics(YamlDocument):
    """Which topics a robot tells of itself on. Those that it lacks are left out."""

    kind: Literal["telemetry-topics"] = "telemetry-topics"
    version: Literal[1] = 1
    site: Name
    """Where the robot works."""
    robot: Name
    """Its name, which the broker knows it by."""
    cohort: Name | None = None
    """Robots that get releases together with it."""
    policy: Digest
    """At work."""
    release: Name
    """That put it there."""
    period_ms: float = Field(gt=0)
    """Of control; an inference that takes longer misses its deadline."""
    every_s: float = Field(default=60.0, ge=1.0, le=3600.0)
    """Between two events of control, and two of health."""
    domain: int = Field(default=0, ge=0, le=232)
    """ROS 2's `ROS_DOMAIN_ID`."""
    episode: str | None = None
    """`std_msgs/msg/String`, JSON of an episode event's `data`; robot, site, cohort, policy and release are put in."""
    inference_ms: str | None = None
    """`std_msgs/msg/Float64`, one message an inference; not a number for one that gave no action."""
    battery: str | None = None
    """`sensor_msgs/msg/BatteryState`; its `percentage` is from 0 to 1."""
    joint_temperature: str | None = None
    """`sensor_msgs/msg/Temperature` in °C, the joint in `header.frame_id`."""

    @property
    def types(self) -> dict[str, str]:
        """Topic → ROS 2 type of those that are there."""
        found = {getattr(self, name): kind for name, kind in TYPES.items()}
        return {topic: kind for topic, kind in found.items() if topic is not None}

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        named = [topic for name in TYPES if (topic := getattr(self, name)) is not None]
        if not named:
            raise ValueError(f"names no topic; known: {', '.join(TYPES)}")
        if len(set(named)) < len(named):
            raise ValueError("one topic stands for two things")
        return self


TYPES = {
    "episode": "std_msgs/msg/String",
    "inference_ms": "std_msgs/msg/Float64",
    "battery": "sensor_msgs/msg/BatteryState",
    "joint_temperature": "sensor_msgs/msg/Temperature",
}


@dataclass
class TopicListener:
    """Turns what is heard into events of the agent."""

    topics: AgentTopics
    agent: TelemetryAgent
    definitions: "Definitions"
    refused: list[str] = field(default_factory=list)
    """Why, message by message."""
    episodes: int = 0
    _battery: float | None = None
    _temperatures: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._window = ControlWindow(self.topics.policy, self.topics.release, self.topics.period_ms)
        named = {"episode": self._episode, "inference_ms": self._inference, "battery": self._charge,
                 "joint_temperature": self._warmth}  # fmt: skip
        self._take: Mapping[str, Callable[[Any], None]] = {
            getattr(self.topics, name): take for name, take in named.items()
        }

    def run(self, listener: "Listener", over: Callable[[], bool]) -> None:
        """Listen until it is over; then tell what the last stretch held."""
        told_s = monotonic()
        while not over():
            for topic, data in listener.wait(LOOK_S):
                self.hear(topic, data)
            if monotonic() - told_s >= self.topics.every_s:
                told_s = monotonic()
                self.tell()
        self.tell()

    def hear(self, topic: str, data: bytes) -> None:
        """Take in a message; one that is not what it should be is refused, and stops nothing."""
        from physai.infrastructure.ros2.errors import BadMessageError

        try:
            self._take[topic](self.definitions.decode(self.topics.types[topic], data))
        except (BadMessageError, ValueError, msgspec.DecodeError) as error:
            why = first_error(error) if isinstance(error, ValidationError) else str(error)
            self.refused.append(f"{topic}: {why}")

    def tell(self) -> None:
        """Tell of control and of health, now."""
        self.agent.control(self._window)
        warm = tuple(self._temperatures[joint] for joint in sorted(self._temperatures))
        self.agent.health(self.topics.policy, warm, battery_share=self._battery)

    def _episode(self, message: Any) -> None:
        told = msgspec.json.decode(message.data, type=dict[str, Any])
        topics = self.topics
        ours = {name: getattr(topics, name) for name in ("site", "robot", "cohort", "policy", "release")}
        data = EpisodeData.model_validate_json(msgspec.json.encode({**told, **ours}))
        name = f"{data.release}/{data.robot}/{data.episode:06d}"
        self.agent.tell([EpisodeEvent(id=name, source=self.agent.source, time=self.agent.clock.now(), data=data)])
        self.episodes += 1

    def _inference(self, message: Any) -> None:
        self._window.step(float(message.data))

    def _charge(self, message: Any) -> None:
        if not 0 <= message.percentage <= 1:  # not a number where the battery does not say
            raise ValueError(f"percentage {message.percentage:g} is not from 0 to 1")
        self._battery = float(message.percentage)

    def _warmth(self, message: Any) -> None:
        if not -100 < message.temperature < 500:
            raise ValueError(f"{message.temperature:g} °C is no temperature of a joint")
        self._temperatures[message.header.frame_id] = float(message.temperature)

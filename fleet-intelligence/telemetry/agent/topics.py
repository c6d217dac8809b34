"""What a robot's ROS 2 topics tell the agent, heard over DDS without ROS."""

import re
from collections.abc import Callable
from functools import partial
from time import time_ns
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import msgspec
from pydantic import Field, ValidationError, field_validator, model_validator

from physai.infrastructure.contracts import Contract, Digest, EpisodeData, EpisodeEvent, YamlDocument
from physai.infrastructure.contracts.telemetry import Name

from ..door import first_error
from .agent import TelemetryAgent
from .fields import Numbers, reader_of
from .windows import Windows

if TYPE_CHECKING:
    from physai.infrastructure.ros2.definitions import Definitions
    from physai.infrastructure.ros2.listener import Listener

type Take = Callable[[Any, float], None]

WAITING = 1000  # messages of a topic between two looks, which are at most a second apart
LOOK_S = 1.0
REFUSED = 20  # messages of which it is told why
OWN = re.compile(
    r"inference_ms|battery_share|cpu_share|memory_share|gpu_share|gpu_memory_share|temperature_c|joint_temperature_c\..*"
)


class SignalTopic(Contract):
    """Numbers on a topic, of which a window tells mean, variance, least, most and newest, element by element."""

    name: Annotated[Name, Field(pattern=r"^[A-Za-z][A-Za-z0-9_./-]*$")]
    """Of the signal, with the unit in it where there is one, e.g. `action`, `joint_effort_nm`."""
    topic: Name
    type: Name
    """ROS 2 type, e.g. `sensor_msgs/msg/JointState`."""
    field: Name
    """A number or an array of them, `effort`; deeper within, `wrench.force.x` or `points.0.positions`."""

    @field_validator("name")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if OWN.fullmatch(name):
            raise ValueError(f"'{name}' is the name of a signal of the agent's own")
        return name


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
    """Length of a window, of which each signal tells one event; the end of an episode closes it too."""
    gauges_s: float = Field(default=1.0, ge=0.1, le=60.0)
    """Between two looks at the computer's CPU, memory and temperature, of which a window tells the extremes."""
    signals: tuple[SignalTopic, ...] = Field(default=(), max_length=32)
    """What else is summed up: actions, efforts, currents."""
    definitions: tuple[str, ...] = ()
    """Folders with `.msg` files of types that ROS 2 does not ship."""
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
        found |= {signal.topic: signal.type for signal in self.signals}
        return {topic: kind for topic, kind in found.items() if topic is not None}

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        named = {topic: kind for name, kind in TYPES.items() if (topic := getattr(self, name)) is not None}
        if not named and not self.signals:
            raise ValueError(f"names no topic; known: {', '.join(TYPES)}, signals")
        if len(named) < sum(getattr(self, name) is not None for name in TYPES):
            raise ValueError("one topic stands for two things")
        names = [signal.name for signal in self.signals]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"signals: '{min(twice)}' is there twice")
        for signal in self.signals:
            if (kind := named.setdefault(signal.topic, signal.type)) != signal.type:
                raise ValueError(f"signals: {signal.topic} is of type {kind} and of type {signal.type}")
        return self


TYPES = {
    "episode": "std_msgs/msg/String",
    "inference_ms": "std_msgs/msg/Float64",
    "battery": "sensor_msgs/msg/BatteryState",
    "joint_temperature": "sensor_msgs/msg/Temperature",
}


class TopicListener:
    """Turns what is heard into events of the agent; what comes at a high rate is summed up in windows."""

    def __init__(self, topics: AgentTopics, agent: TelemetryAgent, definitions: "Definitions") -> None:
        """Prepare to listen.

        Raises:
            Ros2Error: If a type, or one in it, is not defined.
            SignalFieldError: If a signal's field is not there, or no number.
        """
        self._topics, self._agent, self._definitions, self._types = topics, agent, definitions, topics.types
        self._windows = Windows(
            agent, topics.policy, topics.release, topics.period_ms, every_s=topics.every_s, gauges_s=topics.gauges_s
        )
        named: dict[str, Take] = {"episode": self._episode, "inference_ms": self._inference,
                                  "battery": self._charge, "joint_temperature": self._warmth}  # fmt: skip
        self._take: dict[str, list[Take]] = {}
        for name, take in named.items():
            self._take.setdefault(getattr(topics, name), []).append(take)
        for signal in topics.signals:
            numbers = reader_of(definitions, signal.name, signal.type, signal.field)
            self._windows.expect(signal.name)
            self._take.setdefault(signal.topic, []).append(partial(self._signal, signal.name, numbers))
        self.refused: list[str] = []
        """Why, of the first messages that were."""
        self.refusals = 0
        """Messages that were not what they should be."""
        self.episodes = 0
        self.messages = 0

    def run(self, listener: "Listener", over: Callable[[], bool]) -> None:
        """Listen until it is over; then tell what the last windows held."""
        with self._windows:
            while not over():
                for topic, data, sent_ns in listener.wait(LOOK_S):
                    self.hear(topic, data, max(time_ns() - sent_ns, 0) / 1e9)

    def hear(self, topic: str, data: bytes, age_s: float = 0.0) -> None:
        """Take in a message; one that is not what it should be is refused, and stops nothing."""
        from physai.infrastructure.ros2.errors import BadMessageError

        self.messages += 1
        try:
            message = self._definitions.decode(self._types[topic], data)
            for take in self._take[topic]:
                take(message, age_s)
        except (BadMessageError, ValueError, IndexError, RecursionError, msgspec.DecodeError) as error:
            why = first_error(error) if isinstance(error, ValidationError) else str(error)
            self.refusals += 1
            if len(self.refused) < REFUSED:
                self.refused.append(f"{topic}: {why}")

    def _episode(self, message: Any, _age_s: float) -> None:
        told = msgspec.json.decode(message.data, type=dict[str, Any])
        topics = self._topics
        ours = {name: getattr(topics, name) for name in ("site", "robot", "cohort", "policy", "release")}
        data = EpisodeData.model_validate_json(msgspec.json.encode({**told, **ours}))
        name = f"{data.release}/{data.robot}/{data.episode:06d}"
        agent = self._agent
        self._windows.episode(EpisodeEvent(id=name, source=agent.source, time=agent.clock.now(), data=data))
        self.episodes += 1

    def _inference(self, message: Any, age_s: float) -> None:
        self._windows.inference(float(message.data), age_s=age_s)

    def _charge(self, message: Any, age_s: float) -> None:
        if not 0 <= message.percentage <= 1:  # not a number where the battery does not say
            raise ValueError(f"percentage {message.percentage:g} is not from 0 to 1")
        self._windows.battery(float(message.percentage), age_s=age_s)

    def _warmth(self, message: Any, age_s: float) -> None:
        if not -100 < message.temperature < 500:
            raise ValueError(f"{message.temperature:g} °C is no temperature of a joint")
        self._windows.joint_temperature(message.header.frame_id, float(message.temperature), age_s=age_s)

    def _signal(self, name: str, numbers: Callable[[Any], Numbers], message: Any, age_s: float) -> None:
        self._windows.sample(name, numbers(message), age_s=age_s)

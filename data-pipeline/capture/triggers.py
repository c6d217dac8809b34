"""What begins and ends an episode: watches messages and time, and listens to keys, pedals and services."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, override

from physai.infrastructure.contracts import (
    GpioTrigger,
    JointRegionTrigger,
    KeyTrigger,
    ServiceTrigger,
    TimerTrigger,
    TopicTrigger,
    Trigger,
)
from physai.infrastructure.ros2.definitions import Definitions

from .errors import FieldError
from .fields import number
from .sample import Sample

Decode = Callable[[str, bytes], Any]
"""Topic and CDR → message."""


class Watch(Protocol):
    """Watches for one trigger."""

    def see(self, sample: Sample) -> bool:
        """Whether this message fires it."""

    def poll(self, now_ns: int, since_ns: int) -> bool:
        """Whether it fires now, `since_ns` being the last start or stop; it is asked some ten times a second."""


@dataclass
class TopicWatch(Watch):
    """A number passes into its bounds."""

    trigger: TopicTrigger
    decode: Decode
    _inside: bool = field(init=False)

    def __post_init__(self) -> None:
        self._inside = not self.trigger.fires_at_first  # else what is there from the beginning has not come in

    @override
    def see(self, sample: Sample) -> bool:
        """Whether the number has just come within its bounds."""
        if sample.topic != self.trigger.topic:
            return False
        value = number(sample.topic, self.decode(sample.topic, sample.data), self.trigger.field)
        least, most = self.trigger.at_least, self.trigger.at_most
        was, self._inside = self._inside, (least is None or value >= least) and (most is None or value <= most)
        return self._inside and not was

    @override
    def poll(self, now_ns: int, since_ns: int) -> bool:
        """Messages alone fire it."""
        return False


@dataclass
class JointRegionWatch(Watch):
    """Joints come into their region, and stay."""

    trigger: JointRegionTrigger
    decode: Decode
    _entered_ns: int | None = None
    _armed: bool = False  # it must have been outside first

    @override
    def see(self, sample: Sample) -> bool:
        """Whether the joints have been within the region for the dwell time, once for each visit."""
        if sample.topic != self.trigger.topic:
            return False
        if not self._is_inside(self.decode(sample.topic, sample.data)):
            self._armed, self._entered_ns = True, None
            return False
        self._entered_ns = sample.log_ns if self._entered_ns is None else self._entered_ns
        if self._armed and sample.log_ns - self._entered_ns >= self.trigger.dwell_s * 1e9:
            self._armed = False
            return True
        return False

    @override
    def poll(self, now_ns: int, since_ns: int) -> bool:
        """Messages alone fire it."""
        return False

    def _is_inside(self, message: Any) -> bool:
        position = dict(zip(message.name, message.position, strict=False))
        for joint, (low, high) in self.trigger.region_rad.items():
            if joint not in position:
                raise FieldError(self.trigger.topic, "position", f"no joint '{joint}'; joints: {', '.join(position)}")
            if not low <= position[joint] <= high:
                return False
        return True


@dataclass
class TimerWatch(Watch):
    """Time passes."""

    trigger: TimerTrigger

    @override
    def see(self, sample: Sample) -> bool:
        """Time alone fires it."""
        return False

    @override
    def poll(self, now_ns: int, since_ns: int) -> bool:
        """Whether the time is over."""
        return now_ns - since_ns >= self.trigger.after_s * 1e9


@dataclass
class Signal(Watch):
    """Fired by somebody else: a key, an edge of a line, a call. Any thread may fire it."""

    _fired: threading.Event = field(default_factory=threading.Event, init=False)

    def fire(self) -> None:
        """Fire it."""
        self._fired.set()

    @override
    def see(self, sample: Sample) -> bool:
        """Messages do not fire it."""
        return False

    @override
    def poll(self, now_ns: int, since_ns: int) -> bool:
        """Whether it was fired since it was last asked."""
        fired = self._fired.is_set()
        self._fired.clear()
        return fired


def watch(trigger: Trigger, definitions: Definitions, types: dict[str, str]) -> Watch:
    """What watches for a trigger. A key, a service or a line has a `Signal`, which whoever listens to it fires.

    Args:
        trigger: As the config has it.
        definitions: Of the message types.
        types: Topic → type.
    """

    def decode(topic: str, data: bytes) -> Any:
        return definitions.decode(types[topic], data)

    match trigger:
        case TopicTrigger():
            return TopicWatch(trigger, decode)
        case JointRegionTrigger():
            return JointRegionWatch(trigger, decode)
        case TimerTrigger():
            return TimerWatch(trigger)
        case _:
            return Signal()


def name(trigger: Trigger) -> str:
    """As it is called in sidecars and on the screen."""
    match trigger:
        case KeyTrigger():
            return f"key {trigger.key}"
        case ServiceTrigger():
            return f"service {trigger.service}"
        case TopicTrigger():
            return f"topic {trigger.topic} {trigger.field}"
        case JointRegionTrigger():
            return f"joint region on {trigger.topic}"
        case TimerTrigger():
            return f"timer {trigger.after_s:g} s"
        case GpioTrigger():
            return f"line {trigger.line} of {trigger.chip}"

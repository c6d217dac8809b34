"""What begins and ends an episode."""

from typing import Annotated, Literal

from pydantic import Field

from .base import Contract


class _Ends(Contract):
    outcome: Literal["success", "failure"] | None = None
    """Of the episode that it ends; None: the file's own `outcome`."""


class KeyTrigger(_Ends):
    """A key of the terminal that the recorder runs in."""

    kind: Literal["key"]
    key: str = Field(min_length=1, max_length=1)


class ServiceTrigger(_Ends):
    """A call of a ROS 2 service, `std_srvs/srv/Trigger`."""

    kind: Literal["service"]
    service: str
    """As ROS names it, e.g. `/recorder/start`."""


class TopicTrigger(_Ends):
    """A number in a message comes within bounds, both included; it fires on the way in, not while it stays there."""

    kind: Literal["topic"]
    topic: str
    field: str
    """Path of a numeric field: `data`, `pose.position.z`, `axes[2]`, `buttons[0]`."""
    at_least: float | None = None
    at_most: float | None = None
    fires_at_first: bool = False
    """Whether it fires, too, if the number is within its bounds in the first message that is heard: for a mode that may
    have been set before the recorder was started. Without it the number must be seen outside first."""


class JointRegionTrigger(_Ends):
    """Joints are all within their ranges for a while, e.g. the arm is back home."""

    kind: Literal["joint-region"]
    topic: str
    """Of type `sensor_msgs/msg/JointState`."""
    region_rad: dict[str, tuple[float, float]]
    """Joint → lowest and highest position."""
    dwell_s: float = Field(default=0.0, ge=0)
    """How long they must stay."""


class TimerTrigger(_Ends):
    """Time has passed since the last start or stop."""

    kind: Literal["timer"]
    after_s: float = Field(gt=0)


class GpioTrigger(_Ends):
    """An edge on an input line of the machine, e.g. a foot pedal."""

    kind: Literal["gpio"]
    chip: str
    """Character device, e.g. `/dev/gpiochip0`."""
    line: int = Field(ge=0)
    edge: Literal["rising", "falling"] = "rising"
    bias: Literal["as-is", "pull-up", "pull-down"] = "as-is"
    debounce_s: float = Field(default=0.02, ge=0)


Trigger = Annotated[
    KeyTrigger | ServiceTrigger | TopicTrigger | JointRegionTrigger | TimerTrigger | GpioTrigger,
    Field(discriminator="kind"),
]
"""One of the triggers, told apart by `kind`."""

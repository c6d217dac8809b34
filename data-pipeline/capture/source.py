"""What every source of messages has in common."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from .buffer import Buffer


class Kind(StrEnum):
    """Where messages come from."""

    DDS = "dds"
    ROS2 = "ros2"
    PLAYBACK = "playback"


@dataclass(frozen=True)
class Channel:
    """A topic of a source."""

    type: str
    definition: bytes
    """Of the type and all in it, as MCAP's `ros2msg` has them."""
    has_header: bool


@dataclass(frozen=True)
class Health:
    """What a source knows of the way to it, per topic."""

    lost: dict[str, int] | None
    """Messages that were said since the source was opened and have not arrived; None if it cannot tell."""
    publishers: dict[str, int] = field(default_factory=dict)
    unheard: dict[str, str] = field(default_factory=dict)
    """Topic → why a publisher of it is not heard."""


class Source(Protocol):
    """Where messages come from. It has its own thread, and nothing that the recorder does makes it wait."""

    channels: dict[str, Channel]
    """Topic → what is said on it."""

    def start(self, buffer: Buffer) -> None:
        """Begin to hand over messages, from another thread."""

    def serve(self, service: str, fire: Callable[[], None]) -> None:
        """Answer calls of a ROS 2 service, `std_srvs/srv/Trigger`, by `fire`; before `start`."""

    @property
    def ended(self) -> bool:
        """Whether no more will come; never so for a robot that was not told to `finish`."""

    def now_ns(self) -> int:
        """The time by which samples are logged: the clock, or where a playback is."""

    def health(self, *, settled: bool = False) -> Health:
        """How the way to it is.

        Args:
            settled: Wait for a moment in which nothing is on its way, so that only what is lost counts as such; not
                for long, since a robot that never pauses has none.
        """

    def finish(self) -> None:
        """Hand over what has arrived, and then no more: soon `ended`. Does not wait for that."""

    def close(self) -> None:
        """Stop, and give back what was taken."""

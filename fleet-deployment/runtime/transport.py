"""Ways between the step loop and a robot."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import RobotCondition
from physai.infrastructure.control import Observation


class Reading(NamedTuple):
    """What a robot measured."""

    observation: Observation
    """One row each."""
    stamp_s: float
    """When, by `time.monotonic` of this machine."""
    e_stop: bool = False
    """Whether an emergency stop is engaged."""


class Transport(Protocol):
    """One robot. Every call returns at once; what blocks is caught by the watchdog."""

    def read(self) -> Reading | None:
        """The newest measurement, or None if there was none yet."""

    def send(self, targets: NDArray[np.float32]) -> None:
        """Send joint targets in rad, (A,)."""

    def stop(self) -> None:
        """Bring the robot to its safe stop; may be called from any thread, and more than once."""

    def condition(self) -> RobotCondition:
        """What the robot is doing, for its gate; may be called from any thread."""

    def close(self) -> None:
        """Let go of the robot."""

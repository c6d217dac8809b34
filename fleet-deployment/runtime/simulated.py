"""A robot without physics: joints that go where they are sent, as fast as their drives let them."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import RobotCondition
from physai.infrastructure.fit import STATE

from .transport import Reading

TARGET = "observation.environment_state"


class SimulatedRobot:
    """Follows its targets exactly, within a speed; a safe stop keeps it where it is."""

    def __init__(
        self,
        joints: int,
        rate_hz: float,
        *,
        name: str = "simulated",
        velocity_rad_s: float = 3.14,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Stand at zero.

        Args:
            joints: How many.
            rate_hz: At which it is sent targets.
            name: Of the robot.
            velocity_rad_s: Of its drives.
            clock: Stamps its measurements.
        """
        self.name = name
        self.position_rad = np.zeros(joints, dtype=np.float32)
        """Measured, (J,)."""
        self.command = np.zeros(7, dtype=np.float32)
        """Pose that is asked of it: x y z in m, quaternion x y z w."""
        self.sent: list[NDArray[np.float32]] = []
        """Every target it was sent."""
        self.stopped = False
        self._reach_rad = velocity_rad_s / rate_hz
        self._clock = clock

    def read(self) -> Reading:
        """Where it is now."""
        observation = {STATE: self.position_rad[None].copy(), TARGET: self.command[None].copy()}
        return Reading(observation, self._clock())

    def send(self, targets: NDArray[np.float32]) -> None:
        """Move towards the targets for one period, unless it is stopped."""
        self.sent.append(targets)
        if not self.stopped:
            self.position_rad += np.clip(targets - self.position_rad, -self._reach_rad, self._reach_rad)

    def stop(self) -> None:
        """Stay."""
        self.stopped = True

    def condition(self) -> RobotCondition:
        """It has no episodes, and may always be given another policy."""
        return RobotCondition(robot=self.name, at=datetime.now(UTC), idle=True, mid_episode=False, e_stop=False)

    def close(self) -> None:
        """Nothing to let go of."""

"""How fast joints may move: targets that never ask for more than a speed and an acceleration."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

type Joints = NDArray[np.float64]


@dataclass(frozen=True)
class MotionLimits:
    """Largest speed and acceleration that targets may ask of any joint."""

    velocity_rad_s: float = 2.0944
    """Source: Universal Robots, UR10 technical specifications: base and shoulder, 120 deg/s, the slowest joints."""
    acceleration_rad_s2: float = 5.0
    """Source: ros-industrial/universal_robot, ur10_moveit_config/config/joint_limits.yaml, `max_acceleration`."""


class Ramp:
    """Turns wanted positions into targets that stay within the limits and never overshoot what is wanted.

    A target moves by at most `velocity * period` a step, and its speed changes by at most `acceleration * period`. A
    joint slows down in time: from speed v it needs v²/2a + v·period/2 to stop in steps of one period, so
    v ≤ (√(a²·period² + 8·a·d) - a·period) / 2 at distance d.
    """

    def __init__(self, limits: MotionLimits, period_s: float, shape: tuple[int, int]) -> None:
        """Stand still, at a place that is not known yet.

        Args:
            limits: Of every joint.
            period_s: Between two steps.
            shape: (arms, joints).
        """
        self._limits = limits
        self._period_s = period_s
        self._at: Joints = np.full(shape, np.nan)
        self._speed: Joints = np.zeros(shape)

    def rest(self, arms: NDArray[np.intp]) -> None:
        """These arms stand somewhere new; where, is told with the next step."""
        self._at[arms] = np.nan
        self._speed[arms] = 0.0

    def step(self, wanted: Joints, measured: Joints) -> Joints:
        """The next targets, (arms, joints).

        Args:
            wanted: Positions in rad to approach; where one is not finite, the joint brakes.
            measured: Positions in rad, taken as the start after `rest`.
        """
        self._at = np.where(np.isnan(self._at), measured, self._at)
        brake = np.logical_not(np.isfinite(wanted))
        distance = np.where(brake, 0.0, wanted - self._at)
        step = self._limits.acceleration_rad_s2 * self._period_s
        room = np.sqrt(step**2 + 8 * self._limits.acceleration_rad_s2 * np.abs(distance))
        fastest = np.minimum((room - step) / 2, self._limits.velocity_rad_s)
        speed = np.sign(distance) * np.minimum(fastest, np.abs(distance) / self._period_s)
        self._speed += np.clip(speed - self._speed, -step, step)
        self._at = self._at + self._speed * self._period_s
        return self._at.copy()

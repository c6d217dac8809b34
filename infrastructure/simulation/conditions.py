"""Draws the conditions of episodes: the task's own ranges, unless the world has others."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..contracts import Condition, TargetRegion
from ..contracts.world import Range


@dataclass(frozen=True)
class StartRegion:
    """Where episodes start and what they may ask for."""

    default_joint_pos_rad: dict[str, float]
    """Joint → angle, in the robot's joint order."""
    joint_scale: Range
    """Factor on every default angle."""
    targets: TargetRegion
    roll_rad: Range
    pitch_rad: Range
    yaw_rad: Range


def draw_condition(region: StartRegion, seed: int, index: int) -> Condition:
    """The condition of that index; drawing more or fewer of them changes none."""
    rng = np.random.default_rng([seed, index])
    default = np.array(list(region.default_joint_pos_rad.values()))
    joint_pos = default * rng.uniform(*region.joint_scale, size=default.size)
    target = [rng.uniform(*bounds) for bounds in (region.targets.x_m, region.targets.y_m, region.targets.z_m)]
    angles = [rng.uniform(*bounds) for bounds in (region.roll_rad, region.pitch_rad, region.yaw_rad)]
    return Condition(joint_pos_rad=tuple(joint_pos.tolist()), command=(*target, *quaternion(*angles).tolist()))


def quaternion(roll_rad: float, pitch_rad: float, yaw_rad: float) -> NDArray[np.float64]:
    """Quaternion x y z w of rotations about fixed x, then y, then z; w is not negative."""
    (sr, sp, sy), (cr, cp, cy) = (fn(np.array([roll_rad, pitch_rad, yaw_rad]) / 2) for fn in (np.sin, np.cos))
    q = np.array(
        [
            sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy,
            cr * cp * cy + sr * sp * sy,
        ]
    )
    return q if q[3] >= 0 else -q

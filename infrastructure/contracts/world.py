"""The world a robot meets, and the exact conditions of its episodes."""

from typing import Literal

from pydantic import Field

from .base import Contract, Document

Range = tuple[float, float]


class TargetRegion(Contract):
    """Where targets are drawn, in the robot's base frame."""

    x_m: Range
    y_m: Range
    z_m: Range


class World(Document):
    """How a world differs from the task as its authors published it."""

    kind: Literal["world"] = "world"
    version: Literal[1] = 1
    name: str
    targets: TargetRegion | None = None
    """None: the task's own region."""
    stiffness_scale: float = Field(default=1.0, gt=0)
    """Factor on every actuator's stiffness, e.g. 0.5 for worn drives."""
    encoder_offset_rad: dict[str, float] = {}
    """Joint name → what its encoder reads beyond the true angle, in rad."""


class Condition(Contract):
    """The start of one episode."""

    joint_pos_rad: tuple[float, ...]
    """True joint angles at the start, in the robot's joint order."""
    command: tuple[float, ...]
    """What is asked of the robot; to reach: the target pose x, y, z in m and quaternion x, y, z, w, base frame."""
    reset_seed: int | None = Field(default=None, ge=0)
    """What a Gymnasium environment is reset with, in place of the two above, which are empty then."""


class ConditionSet(Document):
    """Stored conditions, so that two policies meet the same world."""

    kind: Literal["condition-set"] = "condition-set"
    version: Literal[1] = 1
    task: str
    """Isaac Lab task id, e.g. `Isaac-Reach-UR10`, or `gymnasium:` and a Gymnasium id, e.g. `gymnasium:Pendulum-v1`."""
    world: World
    seed: int
    horizon_s: float = Field(gt=0)
    """Time after which an episode that has not succeeded has failed."""
    success: str | None = None
    """Rule that says what success is in a Gymnasium environment, e.g. `steps >= 500`; None: the task's own term."""
    joint_names: tuple[str, ...]
    conditions: tuple[Condition, ...] = Field(min_length=1)

"""An articulated robot as links, joints and shapes; plain data that needs neither USD nor a simulator."""

import math
from dataclasses import dataclass
from typing import Literal

type Vector = tuple[float, float, float]
type Color = tuple[float, float, float]
type Axis = Literal["X", "Y", "Z"]


@dataclass(frozen=True)
class Look:
    """A shape one can see; it has no collision."""

    shape: Literal["capsule", "cylinder", "box"]
    center_m: Vector
    color: Color
    """Linear RGB, 0..1."""
    axis: Axis = "Z"
    """Axis of a capsule or cylinder."""
    radius_m: float = 0.0
    length_m: float = 0.0
    """Of a cylinder, or of a capsule without its caps."""
    size_m: Vector = (0.0, 0.0, 0.0)
    """Edges of a box."""


@dataclass(frozen=True)
class Joint:
    """How a link hangs on its parent; the frame is the parent's."""

    name: str
    kind: Literal["revolute", "prismatic", "fixed"]
    parent: str
    xyz_m: Vector = (0.0, 0.0, 0.0)
    rpy_rad: Vector = (0.0, 0.0, 0.0)
    """Roll, pitch, yaw about fixed axes, as in URDF."""
    axis: Axis = "Z"
    lower: float = -math.inf
    """rad, or m if prismatic."""
    upper: float = math.inf
    max_effort: float = math.inf
    """N·m, or N if prismatic."""
    max_velocity: float = math.inf
    """rad/s, or m/s if prismatic."""


@dataclass(frozen=True)
class Link:
    """A rigid body."""

    name: str
    mass_kg: float
    inertia_kg_m2: Vector
    """Diagonal, about the centre of mass."""
    com_m: Vector = (0.0, 0.0, 0.0)
    looks: tuple[Look, ...] = ()
    joint: Joint | None = None
    """None for the root, which is fixed to the world."""

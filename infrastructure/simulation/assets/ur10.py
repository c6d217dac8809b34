"""The UR10 arm: published dimensions, masses and limits, with plain shapes for looks.

Source: github.com/ros-industrial/universal_robot, `ur_description/urdf/ur10.urdf.xacro` (commit 17c8894), whose numbers
are those of the manufacturer's `urcontrol.conf`. Meshes and collision shapes are left out.
"""

import math
from pathlib import Path
from typing import Literal

from .links import Axis, Color, Joint, Link, Look, Vector

D1_M, A2_M, A3_M, D4_M, D5_M, D6_M = 0.1273, 0.612, 0.5723, 0.163941, 0.1157, 0.0922
"""Denavit-Hartenberg lengths (a2 and a3 without their sign)."""
SHOULDER_OFFSET_M, ELBOW_OFFSET_M = 0.220941, -0.1719
WRIST_1_M = D4_M - ELBOW_OFFSET_M - SHOULDER_OFFSET_M

ALUMINIUM: Color = (0.62, 0.64, 0.67)
BLUE: Color = (0.16, 0.42, 0.68)
DARK: Color = (0.09, 0.09, 0.10)


PEDESTAL = Look("cylinder", (0, 0, -0.525), (0.25, 0.26, 0.28), radius_m=0.08, length_m=1.05)
"""What the base stands on; the task's floor is 1.05 m below it. Only for the eye."""


def cylinder_inertia(mass_kg: float, radius_m: float, length_m: float) -> Vector:
    """Diagonal inertia of a solid cylinder along z, about its centre."""
    across = mass_kg * (3 * radius_m**2 + length_m**2) / 12
    return (across, across, mass_kg * radius_m**2 / 2)


def _joint(
    name: str, parent: str, xyz_m: Vector, axis: Axis, effort: float, velocity: float, pitch: float = 0.0
) -> Joint:
    turn = 2 * math.pi
    return Joint(name, "revolute", parent, xyz_m, (0.0, pitch, 0.0), axis, -turn, turn, effort, velocity)


def _tube(start: Vector, end: Vector, radius_m: float, color: Color) -> Look:
    """A capsule between two points that differ along one axis only."""
    spans = [abs(b - a) for a, b in zip(start, end, strict=True)]
    axes: tuple[Literal["X"], Literal["Y"], Literal["Z"]] = ("X", "Y", "Z")
    center = tuple((a + b) / 2 for a, b in zip(start, end, strict=True))
    assert len(center) == 3, "a point has three coordinates"
    return Look("capsule", center, color, axes[spans.index(max(spans))], radius_m, max(spans))


def _cap(center: Vector, axis: Axis, radius_m: float, length_m: float, color: Color = BLUE) -> Look:
    return Look("cylinder", center, color, axis, radius_m, length_m)


def links() -> tuple[Link, ...]:
    """The arm from base to tool, in the published frames."""
    half_pi = math.pi / 2
    inner = SHOULDER_OFFSET_M + ELBOW_OFFSET_M  # y of the forearm's centre line in the shoulder's frame
    return (
        Link(
            "base_link",
            4.0,
            cylinder_inertia(4.0, 0.075, 0.038),
            looks=(_cap((0, 0, 0.019), "Z", 0.095, 0.038, DARK), PEDESTAL),
        ),
        Link(
            "shoulder_link",
            7.778,
            cylinder_inertia(7.778, 0.075, 0.178),
            looks=(
                _cap((0, 0, -0.045), "Z", 0.075, 0.09, ALUMINIUM),
                _tube((0, 0, 0), (0, 0.12, 0), 0.075, ALUMINIUM),
                _cap((0, -0.08, 0), "Y", 0.068, 0.025),
            ),
            joint=_joint("shoulder_pan_joint", "base_link", (0, 0, D1_M), "Z", 330.0, 2.16),
        ),
        Link(
            "upper_arm_link",
            12.93,
            cylinder_inertia(12.93, 0.075, A2_M),
            (0, 0, A2_M / 2),
            looks=(
                _cap((0, 0, 0), "Y", 0.075, 0.13, ALUMINIUM),
                _cap((0, 0.077, 0), "Y", 0.068, 0.025),
                _tube((0, 0, 0.04), (0, 0, A2_M - 0.04), 0.056, ALUMINIUM),
                _cap((0, -0.01, A2_M), "Y", 0.062, 0.13, ALUMINIUM),
                _cap((0, 0.067, A2_M), "Y", 0.056, 0.025),
            ),
            joint=_joint(
                "shoulder_lift_joint", "shoulder_link", (0, SHOULDER_OFFSET_M, 0), "Y", 330.0, 2.16, pitch=half_pi
            ),
        ),
        Link(
            "forearm_link",
            3.87,
            cylinder_inertia(3.87, 0.075, A3_M),
            (0, 0, A3_M / 2),
            looks=(
                _cap((0, 0.04, 0), "Y", 0.062, 0.12, ALUMINIUM),
                _cap((0, -0.032, 0), "Y", 0.056, 0.025),
                _tube((0, 0, 0.04), (0, 0, A3_M - 0.03), 0.045, ALUMINIUM),
                _cap((0, 0.0, A3_M), "Y", 0.05, 0.1, ALUMINIUM),
                _cap((0, -0.062, A3_M), "Y", 0.046, 0.025),
            ),
            joint=_joint("elbow_joint", "upper_arm_link", (0, ELBOW_OFFSET_M, A2_M), "Y", 150.0, 3.15),
        ),
        Link(
            "wrist_1_link",
            1.96,
            cylinder_inertia(1.96, 0.075, 0.12),
            looks=(
                _tube((0, inner, 0), (0, WRIST_1_M, 0), 0.045, ALUMINIUM),
                _cap((0, WRIST_1_M, -0.055), "Z", 0.045, 0.022),
            ),
            joint=_joint("wrist_1_joint", "forearm_link", (0, 0, A3_M), "Y", 54.0, 3.2, pitch=half_pi),
        ),
        Link(
            "wrist_2_link",
            1.96,
            cylinder_inertia(1.96, 0.075, 0.12),
            looks=(
                _tube((0, 0, 0.03), (0, 0, D5_M), 0.045, ALUMINIUM),
                _cap((0, -0.055, D5_M), "Y", 0.045, 0.022),
            ),
            joint=_joint("wrist_2_joint", "wrist_1_link", (0, WRIST_1_M, 0), "Z", 54.0, 3.2),
        ),
        Link(
            "wrist_3_link",
            0.202,
            cylinder_inertia(0.202, 0.075, 0.12),
            looks=(_cap((0, 0.065, 0), "Y", 0.04, 0.045, DARK),),
            joint=_joint("wrist_3_joint", "wrist_2_link", (0, 0, D5_M), "Y", 54.0, 3.2),
        ),
        Link(
            "ee_link",
            0.01,
            (1e-5, 1e-5, 1e-5),
            looks=(Look("box", (-0.015, 0, 0), BLUE, size_m=(0.03, 0.05, 0.05)),),
            joint=Joint("ee_fixed_joint", "fixed", "wrist_3_link", (0, D6_M, 0), (0, 0, half_pi)),
        ),
    )


def author(path: Path) -> None:
    """Write the arm at `/ur10`."""
    from .articulation import author_robot

    author_robot(path, "ur10", links())

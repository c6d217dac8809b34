"""The camera looks where it is told."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from physai.infrastructure.simulation.camera import look_at

Point = tuple[float, float, float]
points = st.tuples(*[st.floats(-3, 3)] * 3)


def turned(q: np.ndarray, v: np.ndarray) -> np.ndarray:
    """v rotated by the unit quaternion x y z w: v + 2 w (u x v) + 2 u x (u x v)."""
    u, w = q[:3], q[3]
    return v + 2 * w * np.cross(u, v) + 2 * np.cross(u, np.cross(u, v))


def test_a_camera_that_looks_along_x_is_not_turned() -> None:
    assert look_at((0, 0, 0), (1, 0, 0)).tolist() == pytest.approx([0, 0, 0, 1])


@given(eye=points, target=points)
def test_the_view_points_at_the_target_and_stays_level(eye: Point, target: Point) -> None:
    offset = np.subtract(target, eye)
    assume(np.hypot(offset[0], offset[1]) > 1e-3)
    q = look_at(eye, target)
    assert turned(q, np.array([1.0, 0, 0])) == pytest.approx(offset / np.linalg.norm(offset), abs=1e-6)
    assert turned(q, np.array([0, 1.0, 0]))[2] == pytest.approx(0, abs=1e-9)  # the picture's horizon
    assert turned(q, np.array([0, 0, 1.0]))[2] >= 0  # and not upside down

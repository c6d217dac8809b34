"""Conditions lie in their region and hang on the seed and their index alone."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physai.infrastructure.contracts import TargetRegion
from physai.infrastructure.simulation.conditions import StartRegion, draw_condition, quaternion

REGION = StartRegion(
    default_joint_pos_rad={"a": 0.0, "b": -2.0},
    joint_scale=(0.75, 1.25),
    targets=TargetRegion(x_m=(0.3, 0.4), y_m=(-0.1, 0.1), z_m=(0.2, 0.2)),
    roll_rad=(0.0, 0.0),
    pitch_rad=(math.pi / 2, math.pi / 2),
    yaw_rad=(-3.14, 3.14),
)
HALF = math.sqrt(0.5)


@pytest.mark.parametrize(
    ("angles", "expected"),
    [
        ((0, 0, 0), (0, 0, 0, 1)),
        ((math.pi / 2, 0, 0), (HALF, 0, 0, HALF)),
        ((0, math.pi / 2, 0), (0, HALF, 0, HALF)),
        ((0, 0, math.pi / 2), (0, 0, HALF, HALF)),
        ((0, 0, -math.pi / 2), (0, 0, -HALF, HALF)),
        ((math.pi / 2, 0, math.pi / 2), (0.5, 0.5, 0.5, 0.5)),
        ((0, 0, 3 * math.pi), (0, 0, -1, 0)),
    ],
)
def test_a_quaternion_turns_about_x_then_y_then_z(
    angles: tuple[float, float, float], expected: tuple[float, ...]
) -> None:
    assert abs(np.dot(quaternion(*angles), expected)) == pytest.approx(1.0)


@given(st.floats(-7, 7), st.floats(-7, 7), st.floats(-7, 7))
def test_a_quaternion_has_length_one_and_w_not_negative(roll: float, pitch: float, yaw: float) -> None:
    q = quaternion(roll, pitch, yaw)
    assert np.linalg.norm(q) == pytest.approx(1.0)
    assert q[3] >= 0


@given(seed=st.integers(0, 2**31), index=st.integers(0, 10_000))
def test_a_condition_lies_in_its_region(seed: int, index: int) -> None:
    condition = draw_condition(REGION, seed, index)
    a, b = condition.joint_pos_rad
    x, y, z, *_ = condition.command
    assert a == 0.0
    assert -2.5 <= b <= -1.5
    assert 0.3 <= x <= 0.4
    assert -0.1 <= y <= 0.1
    assert z == 0.2


def test_a_condition_follows_from_seed_and_index_alone() -> None:
    assert draw_condition(REGION, 7, 3) == draw_condition(REGION, 7, 3)
    drawn = {draw_condition(REGION, seed, index) for seed in range(3) for index in range(20)}
    assert len(drawn) == 60

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physai.infrastructure.contracts import CameraTurn, View
from physai.infrastructure.simulation.assets.ur10 import A2_M, A3_M, D1_M, D4_M, D5_M, D6_M
from physai.synthetic_data.errors import NoModelError
from physai.synthetic_data.scene import EMPTY, axes, homography, intrinsics, link_poses, robot_model, turned
from physai.synthetic_data.silhouette import draw

MODEL = robot_model("ur10")
AHEAD = View(eye_m=(3.0, 0.0, 0.5), look_at_m=(0.0, 0.0, 0.5), field_of_view_deg=90)


def test_the_stretched_arm_reaches_as_far_as_its_published_lengths():
    tool = link_poses(MODEL.links, np.zeros(6))[-1, :3, 3]
    # stretched along x; d4 and d6 point along y, d5 hangs down
    assert tool == pytest.approx([A2_M + A3_M, D4_M + D6_M, D1_M - D5_M], abs=1e-6)


def test_a_quarter_turn_of_the_base_turns_the_tool_about_z():
    turned_arm = link_poses(MODEL.links, np.array([math.pi / 2, 0, 0, 0, 0, 0]))[-1, :3, 3]
    x, y, z = link_poses(MODEL.links, np.zeros(6))[-1, :3, 3]
    assert turned_arm == pytest.approx([-y, x, z], abs=1e-6)


def test_the_camera_sees_its_target_in_the_middle():
    right, down, forward = axes(AHEAD)
    assert forward == pytest.approx([-1, 0, 0])
    assert right == pytest.approx([0, 1, 0])  # looking along -x, left is -y
    assert down == pytest.approx([0, 0, -1])
    assert intrinsics(AHEAD, 100, 80)[0, 0] == pytest.approx(50)  # half of 100 px at 45 degrees
    assert intrinsics(AHEAD, 100, 80)[:2, 2] == pytest.approx([40, 50])


def test_a_turn_to_the_right_moves_the_picture_to_the_left():
    move = homography(AHEAD, turned(AHEAD, CameraTurn(pan_deg=10)), 100, 100)
    x, y, w = move @ [50, 50, 1]
    assert x / w == pytest.approx(50 - 50 * math.tan(math.radians(10)))
    assert y / w == pytest.approx(50)


@given(
    *[st.floats(-10, 10)] * 3,
    st.floats(0.8, 1.5),
    st.floats(-0.5, 0.5),
    st.floats(-0.5, 0.5),
)
def test_a_point_lands_where_the_turned_camera_sees_it(pan, tilt, roll, zoom, y, z):
    after = turned(AHEAD, CameraTurn(pan_deg=pan, tilt_deg=tilt, roll_deg=roll, zoom=zoom))
    point = np.array([0.3, y, 0.5 + z]) - AHEAD.eye_m

    def seen(view):
        at = intrinsics(view, 100, 100) @ axes(view) @ point
        return at[:2] / at[2]

    x, y_px, w = homography(AHEAD, after, 100, 100) @ [*seen(AHEAD), 1]
    assert [x / w, y_px / w] == pytest.approx(seen(after), abs=1e-6)


def test_a_ball_is_drawn_as_large_and_as_far_as_it_is():
    ball = np.array([[1.0, 0.0, 0.5]])  # 2 m before the camera
    nothing = MODEL._replace(shapes=())
    drawing = draw(nothing, np.zeros(6), AHEAD, (200, 200), centres=ball, radii_m=(0.2,))
    assert drawing.depth_m.min() == pytest.approx(1.8, abs=1e-3)
    # the cone that touches it has tan = r / sqrt(d² - r²) = 0.2 / sqrt(3.96); 100 px are one
    radius_px = 100 * 0.2 / math.sqrt(3.96)
    assert (drawing.part != EMPTY).sum() == pytest.approx(math.pi * radius_px**2, rel=0.02)


def test_the_nearer_part_hides_the_farther_one():
    both = np.array([[1.0, 0.0, 0.5], [0.0, 0.0, 0.5]])
    nothing = MODEL._replace(shapes=())
    near = draw(nothing, np.zeros(6), AHEAD, (100, 100), centres=both[:1], radii_m=(0.2,))
    two = draw(nothing, np.zeros(6), AHEAD, (100, 100), centres=both, radii_m=(0.2, 0.2))
    assert np.array_equal(near.depth_m, two.depth_m)


def test_a_robot_without_a_model_is_refused_by_name():
    with pytest.raises(NoModelError, match=r"'so101'.*Known: ur10"):
        robot_model("so101")

import numpy as np
import pytest

from physai.data_management.tools.checks import (
    Limits,
    check_camera,
    check_finite,
    check_frozen,
    check_index,
    check_speed,
    check_time,
)
from physai.infrastructure.datasets import vector

FPS = 20
FEATURES = {"observation.state": vector(["shoulder", "elbow"]), "action": vector(["shoulder", "elbow"])}


def episode(rows=10, first_row=30, number=2):
    """Both joints move by 0.1 rad a row: 2 rad/s at 20 Hz."""
    joints = np.arange(rows, dtype=np.float32)[:, None] * np.float32(0.1) + np.zeros(2, np.float32)
    return {
        "observation.state": joints.copy(),
        "action": joints + np.float32(0.1),
        "timestamp": (np.arange(rows) / FPS).astype(np.float32),
        "frame_index": np.arange(rows),
        "episode_index": np.full(rows, number),
        "index": first_row + np.arange(rows),
        "task_index": np.zeros(rows, np.int64),
    }


def test_a_fit_episode_has_no_fault():
    columns = episode()
    assert check_index(columns, 2, 30, 1) is None
    assert check_time(columns, FPS) is None
    assert check_finite(columns) is None
    assert check_frozen(columns, FEATURES) is None
    assert check_speed(columns, FEATURES, FPS, Limits()) is None


@pytest.mark.parametrize("column", ["frame_index", "index", "episode_index"])
def test_rows_out_of_order_are_found(column):
    columns = episode()
    columns[column][4] += 1
    assert f"{column} of row 4" in str(check_index(columns, 2, 30, 1))


def test_a_task_that_does_not_exist_is_found():
    columns = episode()
    columns["task_index"][3] = 1
    assert check_index(columns, 2, 30, 1) == "task_index of row 3 is 1, there are 1 tasks"


def test_a_late_row_is_found():
    columns = episode()
    columns["timestamp"][6] += 0.01
    assert check_time(columns, FPS) == "timestamp of row 6 is off by 0.0100 s"


def test_a_timestamp_that_is_not_a_number_is_found():
    columns = episode()
    columns["timestamp"][6] = np.nan
    assert check_time(columns, FPS) is not None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_found(value):
    columns = episode()
    columns["action"][7, 1] = value
    assert check_finite(columns) == "action of row 7 is not finite"


def test_an_encoder_that_stands_still_under_a_moving_command_is_found():
    columns = episode()
    columns["observation.state"][:, 1] = 0.25
    assert check_frozen(columns, FEATURES) == (
        "observation.state: elbow is frozen at 0.2500 while its command moves by 0.900"  # 9 x 0.1
    )


def test_a_joint_that_is_told_to_stand_still_may_do_so():
    columns = episode()
    columns["observation.state"][:, 1] = columns["action"][:, 1] = 0.25
    assert check_frozen(columns, FEATURES) is None


def test_a_jump_is_found():
    columns = episode()
    columns["observation.state"][5:, 0] += 0.5  # 0.6 rad in a row: 12 rad/s
    fault = check_speed(columns, FEATURES, FPS, Limits())
    assert fault == "observation.state: shoulder jumps at row 5, 12.0 rad/s, allowed 10"
    assert check_speed(columns, FEATURES, FPS, Limits(speed_rad_s=13)) is None


def test_a_picture_that_never_changes_while_the_robot_moves_is_found():
    frames = np.full((10, 8, 8, 3), 7, np.uint8)
    assert "never changes" in str(check_camera(frames, "observation.images.top", episode()))
    frames[6, 0, 0] = 8
    assert check_camera(frames, "observation.images.top", episode()) is None


def test_a_robot_that_stands_still_may_be_looked_at_forever():
    columns = episode()
    columns["observation.state"][:] = 0
    assert check_camera(np.zeros((10, 8, 8, 3), np.uint8), "observation.images.top", columns) is None


def test_joints_in_degrees_are_judged_in_degrees():
    columns = episode(rows=20)
    for name in ("observation.state", "action"):
        columns[name] = np.rad2deg(columns[name])  # 2 rad/s is 115 degrees/s
    assert check_speed(columns, FEATURES, FPS, Limits()) is None
    columns["observation.state"][5:, 0] += np.rad2deg(0.5)
    fault = check_speed(columns, FEATURES, FPS, Limits())
    assert fault == "observation.state: shoulder jumps at row 5, 12.0 rad/s, allowed 10"
    columns["observation.state"][:, 1] = 30.0
    assert "frozen" in str(check_frozen(columns, FEATURES))

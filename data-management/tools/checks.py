"""What makes an episode unfit to learn from, one function per fault.

Each takes one episode and returns what it found, in words, or None. Columns are those of
`physai.infrastructure.datasets.Dataset.episode`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import Contract
from physai.infrastructure.datasets import Feature

Columns = Mapping[str, NDArray[Any]]

STATE, ACTION = "observation.state", "action"
TIME_TOLERANCE_S = 1e-4  # LeRobot's own default
MOVED_RAD = 0.02  # a command that moves by less may leave its joint where it is
STILL_RAD = 1e-6  # an encoder that works is noisier, or moves


class Limits(Contract):
    """Bounds of what is plausible."""

    speed_rad_s: float = 10.0
    """Of a joint from row to row; industrial arms turn at 2 to 7 rad/s."""


def check_index(columns: Columns, episode: int, first_row: int, tasks: int) -> str | None:
    """Rows out of order, or of another episode."""
    rows = np.arange(len(columns["index"]))
    expected = {"frame_index": rows, "index": first_row + rows, "episode_index": np.full(len(rows), episode)}
    for name, values in expected.items():
        if (wrong := np.flatnonzero(columns[name] != values)).size:
            row = int(wrong[0])
            return f"{name} of row {row} is {columns[name][row]}, expected {values[row]}"
    if (unknown := np.flatnonzero((columns["task_index"] < 0) | (columns["task_index"] >= tasks))).size:
        return f"task_index of row {int(unknown[0])} is {columns['task_index'][unknown[0]]}, there are {tasks} tasks"
    return None


def check_time(columns: Columns, fps: int) -> str | None:
    """Rows that are not at the dataset's rate."""
    off = np.abs(columns["timestamp"] - columns["frame_index"] / fps)
    row = int(off.argmax())
    return f"timestamp of row {row} is off by {off[row]:.4f} s" if not off[row] <= TIME_TOLERANCE_S else None


def check_finite(columns: Columns) -> str | None:
    """NaN or infinity."""
    for name, values in columns.items():
        if values.dtype == object:
            continue
        finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
        if not finite.all():
            return f"{name} of row {int(finite.argmin())} is not finite"
    return None


def check_frozen(columns: Columns, features: Mapping[str, Feature]) -> str | None:
    """A joint that stands still to the last digit while its command moves."""
    if STATE not in columns or ACTION not in columns:
        return None
    state_names, action_names = features[STATE].element_names, features[ACTION].element_names
    for joint in action_names:
        if joint not in state_names:
            continue
        command, measured = _channel(columns, ACTION, action_names, joint), _channel(columns, STATE, state_names, joint)
        if np.ptp(command) > MOVED_RAD and np.ptp(measured) < STILL_RAD:
            return f"{STATE}: {joint} is frozen at {measured[0]:.4f} while its command moves by {np.ptp(command):.3f}"
    return None


def check_speed(columns: Columns, features: Mapping[str, Feature], fps: int, limits: Limits) -> str | None:
    """A joint that jumps. Only channels that have a command of the same name are joints."""
    if STATE not in columns or ACTION not in columns or len(columns[STATE]) < 2:
        return None
    names = features[STATE].element_names
    for joint in names:
        if joint not in features[ACTION].element_names:
            continue
        speed = np.abs(np.diff(_channel(columns, STATE, names, joint))) * fps
        if speed.max() > limits.speed_rad_s:
            row = int(speed.argmax()) + 1
            return f"{STATE}: {joint} jumps at row {row}, {speed.max():.1f} rad/s, allowed {limits.speed_rad_s:g}"
    return None


def check_camera(frames: NDArray[np.uint8], camera: str, columns: Columns) -> str | None:
    """A picture that never changes while the robot moves."""
    if len(frames) < 3 or STATE not in columns or np.ptp(columns[STATE], axis=0).max() < MOVED_RAD:
        return None
    if all(np.array_equal(frame, frames[i % 2]) for i, frame in enumerate(frames)):
        return f"{camera}: the picture never changes while joints move"
    return None


def _channel(columns: Columns, column: str, names: list[str], name: str) -> NDArray[Any]:
    values = columns[column].reshape(len(columns[column]), -1)
    return np.asarray(values[:, names.index(name)])

"""What makes an episode unfit to learn from, one function per fault.

Each takes one episode and returns what it found, in words, or None. Columns are those of
`physai.infrastructure.datasets.Dataset.episode`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import Contract
from physai.infrastructure.datasets import Feature

Columns = Mapping[str, NDArray[Any]]

STATE, ACTION = "observation.state", "action"
TIME_TOLERANCE_S = 1e-4  # LeRobot's own default
MOVED_RAD = 0.05  # a command that moves by less may leave its joint where it is
STILL_RAD = 1e-6  # an encoder that works is noisier, or moves
LATE_S = 0.5  # drives and their filters follow faster
AHEAD_ROWS = 2  # an action recorded after the state it led to is ahead by one
SURE, CLEAR = 0.8, 0.15  # correlation of velocities at the lag, and above that without one


def unit(columns: Columns) -> float:
    """Of joints, by radian: 1, or 57.3 where they are in degrees or per cent of their range, as on hobby arms.

    Nothing says it in the format; no joint of an arm turns by more than two turns, 12.6 rad.
    """
    reach = max((float(np.abs(columns[name]).max(initial=0)) for name in (STATE, ACTION) if name in columns), default=0)
    return 1.0 if not reach > 4 * np.pi else float(np.rad2deg(1))


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


def check_time_back(columns: Columns) -> str | None:
    """Rows that are not after the one before."""
    if len(columns["timestamp"]) < 2:
        return None
    step = np.diff(columns["timestamp"])
    row = int(step.argmin()) + 1
    return f"timestamp of row {row} is {step[row - 1]:+.4f} s after the one before" if step[row - 1] <= 0 else None


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
    for joint, command, measured in _pairs(columns, features):
        if np.ptp(command) > MOVED_RAD * unit(columns) and np.ptp(measured) < STILL_RAD:
            return f"{STATE}: {joint} is frozen at {measured[0]:.4f} while its command moves by {np.ptp(command):.3f}"
    return None


def check_speed(columns: Columns, features: Mapping[str, Feature], fps: int, limits: Limits) -> str | None:
    """A joint that jumps. Only channels that have a command of the same name are joints."""
    for joint, _, measured in _pairs(columns, features):
        speed = np.abs(np.diff(measured)) * fps / unit(columns)
        if speed.max(initial=0) > limits.speed_rad_s:
            row = int(speed.argmax()) + 1
            return f"{STATE}: {joint} jumps at row {row}, {speed.max():.1f} rad/s, allowed {limits.speed_rad_s:g}"
    return None


def check_command_jump(columns: Columns, features: Mapping[str, Feature], fps: int, limits: Limits) -> str | None:
    """A command that jumps for one row and is back, while its joint goes on: a lost or garbled message."""
    for joint, command, measured in _pairs(columns, features):
        if len(command) < 3:
            continue
        there, back = np.diff(command)[:-1] * fps / unit(columns), np.diff(command)[1:] * fps / unit(columns)
        spike = (np.minimum(np.abs(there), np.abs(back)) > limits.speed_rad_s) & (np.sign(there) != np.sign(back))
        if spike.any() and np.abs(np.diff(measured)).max() * fps / unit(columns) <= limits.speed_rad_s:
            row = int(spike.argmax()) + 1
            return f"{ACTION}: {joint} leaps to {command[row]:.3f} at row {row} and back"
    return None


def check_dead_command(columns: Columns, features: Mapping[str, Feature]) -> str | None:
    """All commands constant while their joints move."""
    pairs = list(_pairs(columns, features))
    moved = max((float(np.ptp(measured)) for _, _, measured in pairs), default=0.0)
    if pairs and moved > MOVED_RAD * unit(columns) and all(np.ptp(command) == 0 for _, command, _ in pairs):
        return f"{ACTION} is constant while joints move by {moved:.3f}"
    return None


def check_lag(columns: Columns, features: Mapping[str, Feature], fps: int) -> str | None:
    """A state that follows its command late, or is ahead of it, by the peak of their cross-correlation.

    Only said of joints whose motion is one clear event or varied enough to tell a lag.
    """
    for joint, command, measured in _pairs(columns, features):
        lag = _lag(np.diff(command), np.diff(measured), fps)
        if lag is not None and not -AHEAD_ROWS <= lag <= LATE_S * fps:
            return f"{joint}: state is {lag} rows ({lag / fps:+.2f} s) behind its command"
    return None


def check_motionless(columns: Columns) -> str | None:
    """An episode in which neither joints nor commands move."""
    present = [columns[name] for name in (STATE, ACTION) if name in columns and columns[name].dtype != object]
    if not present or len(present[0]) < 3 or any(np.ptp(values, axis=0).max() > STILL_RAD for values in present):
        return None
    return f"{len(present[0])} rows, all the same"


def _lag(command: NDArray[Any], measured: NDArray[Any], fps: int) -> int | None:
    """Rows by which one velocity follows the other; None if that cannot be told."""
    reach = 2 * round(LATE_S * fps)
    if len(command) < 3 * reach or min(command.std(), measured.std()) < 1e-9:
        return None
    command, measured = (command - command.mean()) / command.std(), (measured - measured.mean()) / measured.std()
    lags = range(-reach, reach + 1)
    overlap = len(command) - reach
    match = [float(command[max(-k, 0) :][:overlap] @ measured[max(k, 0) :][:overlap]) / overlap for k in lags]
    best = int(np.argmax(match))
    here = match[reach]
    return lags[best] if match[best] > SURE and match[best] - here > CLEAR else None


def _pairs(columns: Columns, features: Mapping[str, Feature]) -> Iterator[tuple[str, NDArray[Any], NDArray[Any]]]:
    """Name, command and measurement of each joint that has both."""
    if STATE not in columns or ACTION not in columns:
        return
    state_names, action_names = features[STATE].element_names, features[ACTION].element_names
    for joint in action_names:
        if joint in state_names:
            yield (
                joint,
                _channel(columns, ACTION, action_names, joint),
                _channel(columns, STATE, state_names, joint),
            )


def check_camera(frames: NDArray[Any], camera: str, columns: Columns) -> str | None:
    """A picture that never changes while the robot moves."""
    if len(frames) < 3 or STATE not in columns or np.ptp(columns[STATE], axis=0).max() < MOVED_RAD * unit(columns):
        return None
    if all(np.array_equal(frame, frames[i % 2]) for i, frame in enumerate(frames)):
        return f"{camera}: the picture never changes while joints move"
    return None


def _channel(columns: Columns, column: str, names: list[str], name: str) -> NDArray[Any]:
    values = columns[column].reshape(len(columns[column]), -1)
    return np.asarray(values[:, names.index(name)])

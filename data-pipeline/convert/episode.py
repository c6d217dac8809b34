"""One recording becomes the rows and frames of one episode."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.datasets import Feature, camera, vector

from .errors import NoVelocitiesError, SkewError, TooShortError
from .grid import allowed_skew_s, common_grid, hold, silence_s
from .recording import COMMAND, IMAGE, JOINT_STATE, POSE, STATE, TARGET, Recording, camera_topic

POSE_NAMES = ("x", "y", "z", "qx", "qy", "qz", "qw")


@dataclass(frozen=True)
class Episode:
    """Rows on the grid, ready for the writer."""

    features: dict[str, Feature]
    columns: dict[str, NDArray[Any]]
    videos: dict[str, NDArray[np.uint8]]
    worst_skew_s: dict[str, float]
    """Topic → age of the oldest value that was held for a row."""

    @property
    def rows(self) -> int:
        """Rows of the episode."""
        return len(self.columns["action"])


def align(recording: Recording, rate_hz: int, *, velocities: bool = False, max_skew_s: float | None = None) -> Episode:
    """Put a recording on a grid of header time.

    Args:
        recording: With joint states, commands and target pose, and any number of cameras.
        rate_hz: Rows per second.
        velocities: Add joint velocities to `observation.state`.
        max_skew_s: How old a held value may be; default: 1.5 periods of its topic.

    Raises:
        MissingTopicError: If a needed topic was not recorded.
        TooShortError: If the topics overlap in fewer than two rows. Only the target may be said once.
        SkewError: If a value would have to be held for too long, or a topic ends before the others.
        RecordingError: If the content of a topic is unfit.
    """
    types = {STATE: JOINT_STATE, COMMAND: JOINT_STATE, TARGET: POSE}
    types |= {camera_topic(name): IMAGE for name in recording.cameras}
    stamps = {topic: recording.stream(topic, type_name).stamps_ns for topic, type_name in types.items()}
    grid_ns = common_grid(stamps, rate_hz)
    if len(grid_ns) < 2 or any(len(stamps[topic]) < 2 for topic in types if topic != TARGET):
        raise TooShortError(recording.path, {topic: len(times) for topic, times in stamps.items()})
    held = {topic: hold(stamps[topic], grid_ns, rate_hz) for topic in types}
    skew = {topic: _worst_skew_s(stamps[topic][held[topic]], grid_ns) for topic in types}
    silence = silence_s(stamps)
    for topic in types:
        allowed = allowed_skew_s(stamps[topic], rate_hz) if max_skew_s is None else max_skew_s
        if (worst := max(skew[topic], silence[topic])) > allowed:
            raise SkewError(recording.path, topic, worst, allowed)
    return _episode(recording, held, skew, velocities=velocities)


def _episode(
    recording: Recording, held: dict[str, NDArray[np.intp]], skew: dict[str, float], *, velocities: bool
) -> Episode:
    state, command = recording.joints(STATE), recording.joints(COMMAND)
    names, values = list(state.names), state.position
    if velocities:
        if state.velocity.shape[1] != len(state.names):
            raise NoVelocitiesError(recording.path, STATE)
        names += [f"{name}.velocity" for name in state.names]
        values = np.concatenate([state.position, state.velocity], axis=1)
    features = {
        "observation.state": vector(names),
        "observation.environment_state": vector(POSE_NAMES),
        "action": vector(command.names),
    }
    columns = {
        "observation.state": values[held[STATE]],
        "observation.environment_state": recording.poses(TARGET)[held[TARGET]],
        "action": command.position[held[COMMAND]],
    }
    videos = {}
    for name in recording.cameras:
        frames = recording.images(name, held[camera_topic(name)])
        features[f"observation.images.{name}"] = camera(frames.shape[1], frames.shape[2])
        videos[f"observation.images.{name}"] = frames
    return Episode(features, columns, videos, skew)


def _worst_skew_s(held_ns: NDArray[np.int64], grid_ns: NDArray[np.int64]) -> float:
    return max(0.0, float((grid_ns - held_ns).max()) / 1e9)

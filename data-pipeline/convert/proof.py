"""Proof that a clip is what was recorded: as many frames as rows, each at its time, pictures equal to their sources."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.datasets.errors import DatasetError
from physai.infrastructure.datasets.stats import DepthCounts, ImageCounts
from physai.infrastructure.datasets.video import frame_rows, misplaced

from .errors import FrameLossError

SAMPLES = 5


class Clip(ABC):
    """The frames of one camera in one episode, as they become an MP4."""

    counts: ImageCounts | DepthCounts
    """Of their statistics."""

    def __init__(self, path: Path, rows: int, fps: int) -> None:
        self.path, self.rows, self.fps = path, rows, fps

    @abstractmethod
    def close(self) -> None:
        """Write the end of the file."""

    @abstractmethod
    def abandon(self) -> None:
        """Let go of the file."""

    @abstractmethod
    def check(self, recording: Path, episode: int, camera: str) -> None:
        """Compare the finished file with what was recorded.

        Raises:
            FrameLossError: If a frame is missing, too many, at another time, or another picture.
        """


class Sample:
    """Sources of a few rows, kept until the clip is done."""

    def __init__(self, rows: int) -> None:
        self.rows = set(np.linspace(0, rows - 1, SAMPLES).round().astype(int).tolist())
        self.sources: dict[int, NDArray[Any]] = {}
        """Row → its source, as `Film.values` gives it."""

    def keep(self, row: int, source: NDArray[Any]) -> None:
        """Keep the source of a row, if it is one of the sample."""
        if row in self.rows:
            self.sources[row] = source


def check_times(clip: Clip, recording: Path, episode: int, camera: str) -> None:
    """Hold the time of every frame of a clip against its rows; they are looked at once more in the finished dataset.

    Raises:
        FrameLossError: If a frame is missing, too many, or at another time.
    """
    try:
        wrong = misplaced(frame_rows(clip.path, clip.fps), clip.rows, clip.fps)
    except DatasetError as error:
        raise FrameLossError(recording, episode, camera, 0, str(error)) from error
    if wrong:
        raise FrameLossError(recording, episode, camera, *wrong)

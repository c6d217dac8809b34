"""Proof that a clip is what was recorded: as many frames as rows, each at its time, pictures equal to their sources."""

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.datasets.errors import DatasetError
from physai.infrastructure.datasets.stats import ImageCounts
from physai.infrastructure.datasets.video import frame_rows, misplaced

from .errors import FrameLossError

SAMPLES = 5
PSNR_DB = 20.0
"""Less is another picture: AV1 at crf 30 keeps camera images above 30 dB, images of other moments are far below."""


class Clip(ABC):
    """The frames of one camera in one episode, as they become an MP4."""

    def __init__(self, path: Path, rows: int, fps: int) -> None:
        self.path, self.rows, self.fps = path, rows, fps
        self.counts = ImageCounts()

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
        self._pictures: dict[int, NDArray[np.uint8]] = {}

    def keep(self, row: int, picture: NDArray[np.uint8]) -> None:
        """Keep the source of a row, shape (height, width, 3), if it is one of the sample."""
        if row in self.rows:
            self._pictures[row] = picture

    def differs(self, row: int, picture: NDArray[np.uint8]) -> str:
        """How a row of the clip differs from its source; empty if it does not."""
        psnr = psnr_db(self._pictures[row], picture)
        return "" if psnr >= PSNR_DB else f"PSNR to its source is {psnr:.1f} dB, at least {PSNR_DB:g} is expected"


def psnr_db(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of two pictures; infinite if they are equal."""
    error = float(np.mean((one.astype(np.float32) - other.astype(np.float32)) ** 2))
    return float("inf") if error == 0 else 10 * float(np.log10(255.0**2 / error))


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

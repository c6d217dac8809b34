"""Proof that a clip is what was recorded: as many frames as rows, each at its time, samples equal to their sources."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.datasets.errors import DatasetError
from physai.infrastructure.datasets.video import TOLERANCE_S, frame_rows, walk

from .errors import FrameLossError

SAMPLES = 5
PSNR_DB = 20.0
"""Less is another picture: AV1 at crf 30 keeps camera images above 30 dB, images of other moments are far below."""


class Proof:
    """Sources of a few rows, kept until the clip is done."""

    def __init__(self, rows: int) -> None:
        self.rows = set(np.linspace(0, rows - 1, SAMPLES).round().astype(int).tolist())
        self.exact = False
        """Whether the clip must be equal to the bit, since nothing was encoded."""
        self._pictures: dict[int, NDArray[np.uint8]] = {}

    def keep(self, row: int, picture: NDArray[np.uint8]) -> None:
        """Keep the source of a row, shape (height, width, 3), if it is one of the sample."""
        if row in self.rows:
            self._pictures[row] = picture

    def differs(self, row: int, picture: NDArray[np.uint8]) -> str:
        """How a row of the clip differs from its source; empty if it does not."""
        source = self._pictures.get(row)
        if source is None:
            return ""
        if self.exact:
            return "" if np.array_equal(source, picture) else "copied frame differs from its source"
        psnr = psnr_db(source, picture)
        return "" if psnr >= PSNR_DB else f"PSNR to its source is {psnr:.1f} dB, at least {PSNR_DB:g} is expected"


def psnr_db(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of two pictures; infinite if they are equal."""
    error = float(np.mean((one.astype(np.float32) - other.astype(np.float32)) ** 2))
    return float("inf") if error == 0 else 10 * float(np.log10(255.0**2 / error))


def check_clip(clip: Path, rows: int, fps: int, proof: Proof, recording: Path, episode: int, camera: str) -> None:
    """Hold a clip against its rows: the time of every frame, and the pictures of a sample.

    All frames are decoded once more, and counted, when the dataset is finished.

    Raises:
        FrameLossError: If a frame is missing, too many, at another time, or another picture.
    """
    row = 0
    try:
        for row, at in enumerate(frame_rows(clip, fps)):
            if row >= rows or abs(at - row) > TOLERANCE_S * fps:
                detail = f"the frame is at row {at:.3f}" if row < rows else "there is no such row"
                raise FrameLossError(recording, episode, camera, row, detail)
        if row + 1 != rows:
            raise FrameLossError(recording, episode, camera, row + 1, f"has no frame, {rows} are expected")
        for row in sorted(proof.rows):
            (frame,) = walk(clip, row, 1, fps, episode)
            if detail := proof.differs(row, frame.to_ndarray(format="rgb24").astype(np.uint8)):
                raise FrameLossError(recording, episode, camera, row, detail)
    except DatasetError as error:
        raise FrameLossError(recording, episode, camera, row, str(error)) from error

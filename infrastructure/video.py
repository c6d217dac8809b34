"""Short videos for people: an MP4 that a browser plays."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .contracts import write_whole
from .datasets.video import encode

BORDER = 3  # pixels
SUCCESS, FAILURE, UNDECIDED = (40, 170, 80), (200, 60, 50), (90, 90, 90)  # RGB

type Colour = tuple[int, int, int]
type Picture = NDArray[np.uint8]
"""RGB, shape (height, width, 3)."""


def write_video(path: Path, frames: NDArray[np.uint8], fps: int) -> Path:
    """Write frames as an MP4 (AV1, as in our datasets), whole or not at all.

    Args:
        path: Where to.
        frames: RGB, shape (T, height, width, 3); height and width even and at least 64, T at least 1.
        fps: Frames per second.
    """
    return write_whole(path, encode(frames, fps).getvalue())


def framed(picture: Picture, colour: Colour) -> Picture:
    """A copy with a border in one colour."""
    copy = picture.copy()
    copy[:BORDER] = copy[-BORDER:] = colour
    copy[:, :BORDER] = copy[:, -BORDER:] = colour
    return copy


def tiled(pictures: Sequence[Picture], columns: int = 2) -> Picture:
    """Pictures of one size side by side, row by row; what is missing in the last row stays black."""
    columns = min(columns, len(pictures))
    tiles = [*pictures, *[np.zeros_like(pictures[0])] * (-len(pictures) % columns)]
    return np.concatenate([np.concatenate(tiles[i : i + columns], axis=1) for i in range(0, len(tiles), columns)])

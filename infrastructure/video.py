"""Short videos for people: an MP4 that a browser plays."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .contracts import write_whole
from .datasets.video import encode


def write_video(path: Path, frames: NDArray[np.uint8], fps: int) -> Path:
    """Write frames as an MP4 (AV1, as in our datasets), whole or not at all.

    Args:
        path: Where to.
        frames: RGB, shape (T, height, width, 3); height and width even and at least 64, T at least 1.
        fps: Frames per second.
    """
    return write_whole(path, encode(frames, fps).getvalue())

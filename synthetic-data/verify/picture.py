"""Whether the pictures of a clip are sound, whatever they show."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..backend import Frames

BLACK_LEVEL, FLAT_LEVEL = 12.0, 3.0  # mean, and spread, below which a frame shows nothing
THUMB_PX = 16

type Floats = NDArray[np.float32]


class Picture(NamedTuple):
    """What the pictures are like."""

    black_frames: int
    """Frames that are dark or flat."""
    flicker_levels: float
    """How much the brightness of what stands still jumps from frame to frame: mean absolute second difference."""
    sharpness: float
    """Of the robot, against the source's."""
    drift_levels: float
    """How much what stands still has changed from the first third of the clip to the last."""


def picture(frames: Frames, source: Frames, robot: NDArray[np.bool_]) -> Picture:
    """Look at the pictures of a clip.

    Args:
        frames: RGB, (T, H, W, 3).
        source: What it was made from, same shape.
        robot: Pixels that must be robot or a kept object, (T, H, W).
    """
    grey = frames.astype(np.float32).mean(axis=-1)
    still = ~robot.any(axis=0)
    black = (grey.mean(axis=(1, 2)) < BLACK_LEVEL) | (grey.std(axis=(1, 2)) < FLAT_LEVEL)
    standing = grey[:, still].mean(axis=1) if still.any() else grey.mean(axis=(1, 2))
    jumps = np.abs(np.diff(standing, n=2))
    return Picture(
        black_frames=int(black.sum()),
        flicker_levels=float(jumps.mean()) if len(jumps) else 0.0,
        sharpness=_sharpness(frames, robot) / max(_sharpness(source, robot), 1e-6),
        drift_levels=_drift(grey[:, still]),
    )


def _drift(standing: Floats) -> float:
    third = max(1, len(standing) // 3)
    return (
        float(np.abs(standing[-third:].mean(axis=0) - standing[:third].mean(axis=0)).mean()) if standing.size else 0.0
    )


def tint(frames: Frames, robot: NDArray[np.bool_]) -> Floats:
    """Shares of red, green and blue in what the robot shows, (3,); a third each where it is not seen."""
    if not robot.any():
        return np.full(3, 1 / 3, np.float32)
    color = frames[robot].mean(axis=0, dtype=np.float64)
    return np.asarray(color / max(float(color.sum()), 1e-6), np.float32)


def thumbnail(frames: Frames) -> Floats:
    """A small grey copy, to compare clips by, (T, 16, 16)."""
    return np.stack(
        [
            cv2.resize(frame.mean(axis=-1).astype(np.float32), (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_AREA)
            for frame in frames
        ]
    )


def difference(one: Floats, other: Floats) -> float:
    """Mean absolute difference of two thumbnails of the same length in levels; infinite if lengths differ."""
    return float(np.abs(one - other).mean()) if one.shape == other.shape else float("inf")


def _sharpness(frames: Frames, robot: NDArray[np.bool_]) -> float:
    """Variance of the Laplacian within the robot, median over the frames.

    Source: Pech-Pacheco et al. 2000, doi 10.1109/ICPR.2000.903548.
    """
    edges = [cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.CV_32F) for frame in frames]
    return float(np.median([edge[mask].var() if mask.any() else 0.0 for edge, mask in zip(edges, robot, strict=True)]))

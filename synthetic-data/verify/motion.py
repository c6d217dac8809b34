"""Whether a clip shows the motion that was recorded.

The camera stands still and the recorded joints say which pixels the robot covers, so the surroundings can be learned
from the frames in which they are free, and everything else must be robot. No model of its looks is needed.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..backend import Frames
from ..scene import EMPTY, OBJECT, Masks

LAGS = 6  # rows to either side in which the best fit is looked for
LEAST_FREE = 4  # frames in which a pixel must be free for its surroundings to be known
WINDOW = 8  # rows over which the tool's fit is averaged: drift grows slowly
NEAR_PX = 0.09  # of the picture's height: what counts as around the robot, or its tool
BLUR_PX = 0.7  # takes a third of the noise and none of the robot
LEAST_PIXELS = 12  # of each kind, for a row to be judged
LEAST_MOVED, FAST = 24, 0.6  # pixels that must move in a row, and share of the fastest row's
STILL = 0.15  # of the usual change: no change, apart from what the next keyframe corrects
MOST = 0.9  # quantile of the pixels: where robot and surroundings look alike, few change

type Maps = NDArray[np.float32]
type Flags = NDArray[np.bool_]


class Motion(NamedTuple):
    """How well pixels and recorded joints agree."""

    fit: float
    """Intersection over union of pixels that changed and pixels that are robot, mean over the rows."""
    tool_fit: float
    """The same around the tool, in the worst stretch of `WINDOW` rows."""
    lag_rows: float
    """Rows by which the video is late (positive) or early; 0 if the robot hardly moves."""
    moved_px: float
    """Pixels that the robot should newly cover per row, mean: how much evidence of time there is."""
    still_rows: int
    """Rows in which the robot moved by its joints and the picture did not."""


def motion(frames: Frames, parts: Masks, tool: tuple[int, ...]) -> Motion:
    """Compare a clip with the parts that the recorded joints say each pixel shows.

    Args:
        frames: RGB, (T, H, W, 3).
        parts: From `silhouette.draw_episode` at the clip's own view, (T, H, W).
        tool: Links of the tool.
    """
    robot = parts >= 0
    off, known = surroundings(frames, parts != EMPTY)
    counted = known & (parts != OBJECT)  # a kept object hides the surroundings, and may not stand out from them
    near = _around(np.isin(parts, tool), frames.shape[1])
    moving = robot[1:] ^ robot[:-1]
    return Motion(
        fit=_mean(separation(off, robot, counted)),
        tool_fit=_worst(separation(off, robot, counted & near)),
        lag_rows=best_lag(frames, robot),
        moved_px=float(moving.sum(axis=(1, 2)).mean()),
        still_rows=still_rows(frames, robot),
    )


def _mean(values: Maps) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else 0.0


def _worst(values: Maps) -> float:
    """The least mean over `WINDOW` rows, of those that can be judged."""
    judged = values[np.isfinite(values)]
    if len(judged) < WINDOW:
        return float(judged.mean()) if len(judged) else 0.0
    return float(np.convolve(judged, np.ones(WINDOW) / WINDOW, mode="valid").min())


def surroundings(frames: Frames, robot: Flags) -> tuple[Maps, Flags]:
    """(how far each pixel is from its surroundings in levels, whether they are known), (T, H, W) and (H, W).

    Only pixels on the robot's way or near it are looked at. The surroundings of a pixel are its median over the frames
    in which the robot, and the two pixels around it, leave it free.
    """
    free = np.stack([cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0 for mask in robot])
    smooth = np.stack([cv2.GaussianBlur(frame, (0, 0), BLUR_PX) for frame in frames]).astype(np.float32)
    way = np.any(robot, axis=0, keepdims=True)
    known = (free.sum(axis=0) >= LEAST_FREE) & _around(way, robot.shape[1])[0]
    off = np.zeros(robot.shape, np.float32)
    seen = smooth[:, known]
    median = np.nanmedian(np.where(free[:, known][..., None], seen, np.nan), axis=0)
    off[:, known] = np.linalg.norm(seen - median, axis=-1)
    return off, known


def separation(off: Maps, robot: Flags, counted: Flags) -> Maps:
    """Chance that a robot pixel is farther from its surroundings than a free pixel is, per row; 0.5 is chance.

    The area under the receiver operating characteristic, from ranks. Source: Mann, Whitney 1947,
    doi 10.1214/aoms/1177730491. NaN where a row lacks one of the two.
    """
    areas = np.full(len(off), np.nan, np.float32)
    for row, (values, ours, these) in enumerate(zip(off, robot, counted, strict=True)):
        picked, labels = values[these], ours[these]
        positive = int(labels.sum())
        negative = len(labels) - positive
        if min(positive, negative) >= LEAST_PIXELS:
            ranks = np.empty(len(picked))
            ranks[picked.argsort()] = np.arange(1, len(picked) + 1)
            areas[row] = (ranks[labels].sum() - positive * (positive + 1) / 2) / (positive * negative)
    return areas


def best_lag(frames: Frames, robot: Flags) -> float:
    """Rows by which the picture's changes come after those that the joints say; between rows by a parabola."""
    seen = np.abs(np.diff(frames.astype(np.float32).mean(axis=-1), axis=0))
    told = (robot[1:] ^ robot[:-1]).astype(np.float32)
    if told.sum() < 1:
        return 0.0
    lags = range(-min(LAGS, len(told) - 2), min(LAGS, len(told) - 2) + 1)
    scores = np.array(
        [
            _correlation(seen[max(0, lag) :][: len(told) - abs(lag)], told[max(0, -lag) :][: len(told) - abs(lag)])
            for lag in lags
        ]
    )
    best = int(scores.argmax())
    shift = 0.0
    if 0 < best < len(scores) - 1:
        left, mid, right = scores[best - 1 : best + 2]
        shift = 0.5 * (left - right) / (left - 2 * mid + right) if left - 2 * mid + right else 0.0
    return float(lags[best] + shift)


def still_rows(frames: Frames, robot: Flags) -> int:
    """Rows at which pixels that the robot newly covers or frees hardly change more than the rest of the picture."""
    step = np.abs(np.diff(frames.astype(np.float32), axis=0)).max(axis=-1)
    told = robot[1:] ^ robot[:-1]
    moved_px = told.sum(axis=(1, 2))
    moving = moved_px >= max(LEAST_MOVED, FAST * moved_px.max(initial=0))  # of slower rows, AV1 itself repeats some
    excess = np.array(
        [
            np.quantile(change[moved], MOST) - np.quantile(change[~moved], MOST)
            for change, moved in zip(step[moving], told[moving], strict=True)
        ]
    )
    return int((excess < STILL * np.median(excess)).sum()) if len(excess) else 0


def _around(tool: Flags, height: int) -> Flags:
    reach = 2 * max(2, round(NEAR_PX * height)) + 1
    kernel = np.ones((reach, reach), np.uint8)
    return np.stack([cv2.dilate(mask.astype(np.uint8), kernel) for mask in tool]).astype(bool)


def _correlation(one: Maps, other: Maps) -> float:
    a, b = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale else 0.0

"""Control videos: what a video model is told of a clip, one frame beside each of its own."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .backend import Frames
from .scene import EMPTY, Masks

CANNY = (100, 200)
"""Thresholds of the preset `medium` of Transfer2.5's on-the-fly edges."""
BLUR_SHARE = 0.02  # of the picture's height: the `vis` control keeps colours and loses texture


def edge(frames: Frames) -> Frames:
    """White edges on black."""
    edges = [cv2.Canny(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), *CANNY) for frame in frames]
    return np.repeat(np.stack(edges)[..., None], 3, axis=-1).astype(np.uint8)


def vis(frames: Frames) -> Frames:
    """The video without its texture."""
    sigma = max(1.0, BLUR_SHARE * frames.shape[1])
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames]).astype(np.uint8)


def seg(parts: Masks) -> Frames:
    """One colour per link and object, black elsewhere."""
    hues = (parts.astype(np.int16) * 67 % 180).astype(np.uint8)
    colors = np.stack([hues, np.full_like(hues, 200), np.where(parts == EMPTY, 0, 255).astype(np.uint8)], axis=-1)
    return np.stack([cv2.cvtColor(color, cv2.COLOR_HSV2RGB) for color in colors]).astype(np.uint8)


def mask(parts: Masks) -> Frames:
    """White where the robot and kept objects are."""
    return np.repeat(np.where(parts != EMPTY, 255, 0)[..., None], 3, axis=-1).astype(np.uint8)


def depth(metres: NDArray[np.floating]) -> Frames:
    """Inverse depth, as the models give it that videos are usually controlled by: near is bright; scaled over the clip.

    Source: Yang et al. 2024, Depth Anything V2, arXiv:2406.09414. Black where nothing is known.

    Args:
        metres: Along the camera's axis, (T, H, W); not finite, or 0, where nothing is known.
    """
    there = np.isfinite(metres) & (metres > 0)
    if not there.any():
        return np.zeros((*metres.shape, 3), np.uint8)
    inverse = 1 / np.where(there, metres, 1)
    near, far = float(inverse[there].max()), float(inverse[there].min())
    levels = np.where(there, 55 + 200 * (inverse - far) / max(near - far, 1e-6), 0)
    return np.repeat(np.rint(levels)[..., None], 3, axis=-1).astype(np.uint8)


def normals(directions: NDArray[np.float32]) -> Frames:
    """x, y and z of each surface's normal as red, green and blue, 0 where nothing is; (T, H, W, 3)."""
    there = (directions != 0).any(axis=-1, keepdims=True)
    return np.where(there, np.rint((directions + 1) * 127.5), 0).astype(np.uint8)

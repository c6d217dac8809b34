"""A few episodes side by side, as one small video."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.simulation import Rollout

COLUMNS = 2
STRIDE = 2  # control steps per frame
BORDER = 3  # pixels
SUCCESS, FAILURE = (40, 170, 80), (200, 60, 50)
HOLD = 20  # frames for which the end stays

type Frames = NDArray[np.uint8]


def film(rollouts: Sequence[Rollout]) -> Frames:
    """Rollouts with images in a grid, each with a border in the colour of its outcome once it has ended.

    Returns:
        RGB frames, shape (T, height, width, 3).
    """
    clips = [_clip(rollout) for rollout in rollouts]
    length = max(len(clip) for clip in clips) + HOLD
    clips = [np.concatenate([clip, np.repeat(clip[-1:], length - len(clip), axis=0)]) for clip in clips]
    clips += [np.zeros_like(clips[0])] * (-len(clips) % COLUMNS)
    rows = [np.concatenate(clips[i : i + COLUMNS], axis=2) for i in range(0, len(clips), COLUMNS)]
    return np.concatenate(rows, axis=1)


def _clip(rollout: Rollout) -> Frames:
    assert rollout.images is not None, "a rollout to be filmed is played with images"
    clip = rollout.images[::STRIDE]
    end = rollout.images[-1:].copy()
    inner = end[:, BORDER:-BORDER, BORDER:-BORDER].copy()
    end[:] = SUCCESS if rollout.success else FAILURE
    end[:, BORDER:-BORDER, BORDER:-BORDER] = inner
    return np.concatenate([clip, end])

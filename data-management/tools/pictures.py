"""Defects of what the cameras saw in one episode."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.datasets import Dataset, DatasetError
from physai.infrastructure.datasets.errors import FrameError
from physai.infrastructure.datasets.stats import ImageCounts, sample_indices

from .catalogue import Finding, found
from .checks import check_camera
from .clips import packet_index

BLACK = 12  # of 255: brighter than this in no pixel is no picture; limited range decodes black to 0
STATS_OFF = 0.1  # of the range: compression moves a mean by less


def picture_findings(
    dataset: Dataset, episode: int, columns: Mapping[str, NDArray[Any]], *, decode: bool
) -> Iterator[Finding]:
    """What is wrong with the pictures of one episode."""
    for camera in dataset.info.cameras:
        path, start = dataset.clip(episode, camera)
        index = packet_index(path, dataset.fps)
        if not (index.key & (index.frame == start)).any():
            yield found("keyframe", f"{path}: frame {start}", episode)
        if decode:
            yield from _decoded(dataset, episode, camera, columns)


def _decoded(dataset: Dataset, episode: int, camera: str, columns: Mapping[str, NDArray[Any]]) -> Iterator[Finding]:
    try:
        frames = dataset.frames(episode, camera)
    except FrameError as error:
        yield found("frame-time", str(error), episode)
        return
    except DatasetError as error:
        yield found("picture-torn", str(error), episode)
        return
    if frames.max() <= BLACK:
        yield found("camera-black", camera, episode)
    elif detail := check_camera(frames, camera, columns):
        yield found("camera-frozen", detail, episode)
    stored = dataset.episode_stats(episode, camera)
    if stored is None:
        return
    counted = ImageCounts()
    for row in sample_indices(len(frames)):
        counted.add(frames[row])
    mean = counted.stats()["mean"].ravel()
    if np.abs(stored["mean"].ravel() - mean).max() > STATS_OFF:
        detail = f"{camera}: mean is {stored['mean'].ravel().round(3).tolist()}, frames have {mean.round(3).tolist()}"
        yield found("stats-camera", detail, episode)

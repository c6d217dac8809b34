"""Defects of what the cameras saw in one episode."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.datasets import Dataset, DatasetError
from physai.infrastructure.datasets.depth import PER_M, Scale
from physai.infrastructure.datasets.errors import FrameError
from physai.infrastructure.datasets.stats import seen_stats

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
        frames = dataset.seen(episode, camera)
    except FrameError as error:
        yield found("frame-time", str(error), episode)
        return
    except DatasetError as error:
        yield found("picture-torn", str(error), episode)
        return
    feature = dataset.info.features[camera]
    scale = Scale.of(feature.info)
    if frames.max() <= (scale.depth_min if feature.is_depth else BLACK):
        yield found("camera-black", f"{camera}: nothing was measured" if feature.is_depth else camera, episode)
    elif detail := check_camera(frames, camera, columns):
        yield found("camera-frozen", detail, episode)
    stored = dataset.episode_stats(episode, camera)
    whole = scale.depth_max * PER_M[feature.depth_unit or "m"] if feature.is_depth else 1.0
    if stored is None or stored["max"].max() > whole:  # distances beyond the scale are not in the frames
        return
    mean = seen_stats(frames, feature.depth_unit)["mean"].ravel()
    if np.abs(stored["mean"].ravel() - mean).max() > STATS_OFF * whole:
        detail = f"{camera}: mean is {stored['mean'].ravel().round(3).tolist()}, frames have {mean.round(3).tolist()}"
        yield found("stats-camera", detail, episode)

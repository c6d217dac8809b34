"""A dataset as the folders that Cosmos post-training reads.

Sources: Transfer2.5 `docs/post-training_singleview.md` (`videos/`, `captions/*.json`) and Predict2.5
`docs/post-training_video2world_cosmos_nemo_assets.md` (`videos/`, `metas/*.txt`).
"""

import json
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from physai.infrastructure.aside import whole_folder
from physai.infrastructure.contracts import Contract
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.video import write_video

from ..errors import NoCameraError, TooShortError

LEAST_FRAMES = 93
"""Of a training video, in both projects."""
EDGE_PX = 720


class ExportReport(Contract):
    """What was written."""

    folder: str
    format: Literal["transfer", "predict"]
    videos: int
    skipped: int
    """Episodes shorter than a training video, after slowing down."""


def export(
    root: Path, folder: Path, format_: Literal["transfer", "predict"], camera: str | None = None, slow: int = 1
) -> ExportReport:
    """Write one video and one caption per episode, at 720p.

    Args:
        root: Dataset.
        folder: Where to.
        format_: Of which project.
        camera: Its feature; None: the first of colours.
        slow: Each frame is shown so many times, to reach 93 frames with short episodes.

    Raises:
        NoCameraError: If there is none.
        TooShortError: If no episode is long enough.
    """
    dataset = Dataset(root)
    if not (camera or dataset.info.colour_cameras):
        raise NoCameraError(root, list(dataset.info.recorded))
    chosen = camera or next(iter(dataset.info.colour_cameras))
    long = [index for index, rows in enumerate(dataset.lengths) if rows * slow >= LEAST_FRAMES]
    if not long:
        raise TooShortError(root, max(dataset.lengths) * slow, LEAST_FRAMES)
    with whole_folder(folder) as part:
        for index in long:
            name = f"episode-{index:06d}"
            frames = np.repeat(dataset.frames(index, chosen), slow, axis=0)
            scale = EDGE_PX / frames.shape[1]
            size = (round(frames.shape[2] * scale / 2) * 2, EDGE_PX)
            large = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC) for frame in frames])
            write_video(part / "videos" / f"{name}.mp4", large.astype(np.uint8), dataset.fps)
            caption = dataset.tasks[index]
            target = part / ("captions" if format_ == "transfer" else "metas")
            target.mkdir(exist_ok=True)
            if format_ == "transfer":
                (target / f"{name}.json").write_text(json.dumps({"caption": caption}) + "\n")
            else:
                (target / f"{name}.txt").write_text(caption + "\n")
    return ExportReport(folder=str(folder), format=format_, videos=len(long), skipped=dataset.num_episodes - len(long))

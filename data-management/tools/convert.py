"""Converts a LeRobot v2.1 dataset, one file per episode, to v3.0: rows as they are, video packets copied."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from physai.infrastructure.datasets import DatasetWriter, Feature, video
from physai.infrastructure.datasets.errors import CountError, TornFileError
from physai.infrastructure.datasets.info import INDEX_FEATURES, INFO
from physai.infrastructure.datasets.stats import NAMES, Stats, image_stats
from physai.infrastructure.errors import MissingFileError

from ..errors import NotConvertibleError
from .summary import DatasetSummary, summarise

VERSION = "v2.1"

Track = Callable[[Iterable[int]], Iterable[int]]


def convert(source: Path, output: Path, track: Track = iter) -> DatasetSummary:
    """Write a v3.0 dataset of a v2.1 one.

    Args:
        source: Folder of the v2.1 dataset.
        output: Where the v3.0 dataset appears.
        track: Wraps the episode numbers to show progress.

    Raises:
        MissingFileError: If there is no dataset, or one of its files is absent.
        NotConvertibleError: If it is of another version.
        FeatureError: If it has features that cannot be stored.
        TornFileError: If a file cannot be read.
    """
    info = _info(source)
    features = {
        name: feature.model_copy(update={"info": None}) if feature.is_video else feature
        for name, feature in info.features.items()
        if name not in INDEX_FEATURES
    }
    cameras = [name for name, feature in features.items() if feature.is_video]
    lengths = _lines(source / "meta/episodes.jsonl", "episode_index", "length")
    stats = _lines(source / "meta/episodes_stats.jsonl", "episode_index", "stats")
    tasks = _lines(source / "meta/tasks.jsonl", "task_index", "task")
    with DatasetWriter(
        output, fps=info.fps, features=features, robot=info.robot_type or "unknown", task=str(tasks.get(0, ""))
    ) as writer:
        for number in track(sorted(lengths)):
            columns = _columns(_path(source, info, info.data_path, number), features)
            length = len(columns["timestamp"])
            if length != lengths[number]:
                raise CountError(source, f"rows in episode {number}", length, lengths[number])
            if (task := int(columns["task_index"][0])) not in tasks:
                raise TornFileError(source / "meta/tasks.jsonl", f"no task {task}, which episode {number} has")
            recorded = {name: values for name, values in columns.items() if name in features}
            clips = {camera: _path(source, info, info.video_path, number, camera) for camera in cameras}
            told = stats.get(number, {})
            seen = {c: _camera_stats(told.get(c), clips[c], info.fps, length) for c in cameras}
            writer.add_clips(recorded, clips, seen, task=str(tasks[task]))
    return summarise(output)


class OldInfo(BaseModel):
    """What `meta/info.json` says in v2.1. Source: lerobot 0.3, `datasets/utils.py`."""

    fps: int = Field(gt=0)
    features: dict[str, Feature]
    chunks_size: int = Field(default=1000, gt=0)
    data_path: str
    video_path: str | None = None
    robot_type: str | None = None


def _info(source: Path) -> OldInfo:
    path = source / INFO
    try:
        content = json.loads(path.read_bytes())
        if isinstance(content, dict) and content.get("codebase_version") != VERSION:
            raise NotConvertibleError(path, content.get("codebase_version"), VERSION)
        return OldInfo.model_validate(content)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(path, "LeRobot dataset", "Check the path.") from error
    except ValueError as error:
        raise TornFileError(path, str(error).replace("\n", " ")) from error


def _lines(path: Path, key: str, value: str) -> dict[int, Any]:
    """One field of each line, by the number in another."""
    try:
        lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        return {int(line[key]): line[value] for line in lines}
    except FileNotFoundError as error:
        raise MissingFileError(path, "metadata file", "A v2.1 dataset has it; copy the dataset again.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise TornFileError(path, repr(error)) from error


def _path(source: Path, info: OldInfo, template: str | None, episode: int, camera: str = "") -> Path:
    numbers = {"episode_chunk": episode // info.chunks_size, "episode_index": episode}
    try:
        path = source / str(template).format(**numbers, video_key=camera)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise TornFileError(source / INFO, f"'{template}' asks for what is not known, {error}") from error
    if not path.exists():
        raise MissingFileError(path, "file of the dataset", "Copy the dataset again.")
    return path


def _columns(path: Path, features: dict[str, Feature]) -> dict[str, NDArray[Any]]:
    try:
        table = pq.read_table(path)
        if missing := sorted(
            {*features, *INDEX_FEATURES}.difference(table.column_names, [n for n, f in features.items() if f.is_video])
        ):
            raise TornFileError(path, f"no column {missing[0]}")
        columns = {name: np.array(table[name].to_pylist()) for name in table.column_names}
        return {n: values.astype(features[n].dtype) if n in features else values for n, values in columns.items()}
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise TornFileError(path, str(error).partition("\n")[0]) from error


def _camera_stats(stored: dict[str, Any] | None, clip: Path, fps: int, length: int) -> Stats:
    """Statistics as the dataset has them; where quantiles are missing, as v2.1 had none, of the decoded frames."""
    if stored is not None and set(NAMES) <= stored.keys():
        return {name: np.array(stored[name]) for name in NAMES}
    return image_stats(video.decode(clip, 0, length, fps))

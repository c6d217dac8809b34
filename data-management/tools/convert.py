"""Converts a LeRobot v2.1 dataset, one file per episode, to v3.0: rows as they are, video packets copied."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

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
        name: Feature.model_validate({**feature, "info": None} if feature["dtype"] == "video" else feature)
        for name, feature in info["features"].items()
        if name not in INDEX_FEATURES
    }
    episodes = _lines(source / "meta/episodes.jsonl")
    stats = {line["episode_index"]: line["stats"] for line in _lines(source / "meta/episodes_stats.jsonl")}
    tasks = {line["task_index"]: line["task"] for line in _lines(source / "meta/tasks.jsonl")}
    with DatasetWriter(
        output, fps=info["fps"], features=features, robot=info.get("robot_type") or "unknown", task=tasks[0]
    ) as writer:
        for number in track(range(len(episodes))):
            episode = episodes[number]
            columns = _columns(_path(source, info, "data_path", number), features)
            if len(columns["timestamp"]) != episode["length"]:
                raise CountError(source, f"rows in episode {number}", len(columns["timestamp"]), episode["length"])
            recorded = {name: values for name, values in columns.items() if name in features}
            cameras = [name for name, feature in features.items() if feature.is_video]
            clips = {camera: _path(source, info, "video_path", number, video_key=camera) for camera in cameras}
            told = stats.get(number, {})
            seen = {c: _camera_stats(told.get(c), clips[c], info["fps"], episode["length"]) for c in cameras}
            writer.add_clips(recorded, clips, seen, task=tasks[int(columns["task_index"][0])])
    return summarise(output)


def _info(source: Path) -> dict[str, Any]:
    path = source / INFO
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(path, "LeRobot dataset", "Check the path.") from error
    if content.get("codebase_version") != VERSION:
        raise NotConvertibleError(path, content.get("codebase_version"), VERSION)
    return content


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    except FileNotFoundError as error:
        raise MissingFileError(path, "metadata file", "A v2.1 dataset has it; copy the dataset again.") from error
    except ValueError as error:
        raise TornFileError(path, error) from error


def _path(source: Path, info: dict[str, Any], template: str, episode: int, **fields: str) -> Path:
    name = info[template].format(episode_chunk=episode // info["chunks_size"], episode_index=episode, **fields)
    path = source / str(name)
    if not path.exists():
        raise MissingFileError(path, "file of the dataset", "Copy the dataset again.")
    return path


def _columns(path: Path, features: dict[str, Feature]) -> dict[str, NDArray[Any]]:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise TornFileError(path, str(error).partition("\n")[0]) from error
    columns = {}
    for name in table.column_names:
        values = np.array(table[name].to_pylist())
        columns[name] = values.astype(features[name].dtype) if name in features else values
    return columns


def _camera_stats(stored: dict[str, Any] | None, clip: Path, fps: int, length: int) -> Stats:
    """Statistics as the dataset has them; where quantiles are missing, as v2.1 had none, of the decoded frames."""
    if stored is not None and set(NAMES) <= stored.keys():
        return {name: np.array(stored[name]) for name in NAMES}
    return image_stats(video.decode(clip, 0, length, fps))

"""Writes a LeRobot v3.0 dataset that appears whole or not at all."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from errno import EIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..contracts import DatasetProvenance, Digest, DroppedEpisode, EpisodeSource, digest_tree
from . import video
from .errors import BusyError, EmptyError, ExistsError, FeatureError
from .info import (
    ANCESTORS,
    EPISODES,
    INDEX_FEATURES,
    PROVENANCE,
    STATS,
    TASKS,
    Feature,
    Info,
    check_features,
    data_schema,
)
from .reader import Dataset
from .stats import Stats, aggregate, column_stats, image_stats


class DatasetWriter:
    """Context manager that writes beside `root` and renames at its end; an exception leaves nothing.

    Episodes go to one data file and one video file per camera until these reach LeRobot's size limits, then to the
    next. `splits` may be set before the end; by default all episodes are `train`.

    Example:
        ```python
        with DatasetWriter(root, fps=30, features={"action": vector(joints)}, robot="ur10", task="reach") as writer:
            writer.add_episode({"action": targets})
        ```
    """

    def __init__(
        self,
        root: Path,
        *,
        fps: int,
        features: Mapping[str, Feature],
        robot: str,
        task: str,
        data_mb: int = 100,
        video_mb: int = 200,
    ) -> None:
        """Prepare to write.

        Args:
            root: Where the dataset appears; absent or an empty folder.
            fps: Rows, and frames, per second.
            features: Columns and cameras by name; the index columns are added.
            robot: Type of the robot.
            task: What the robot was asked to do; an episode may name its own.
            data_mb: Size at which a data file is full.
            video_mb: Size at which a video file is full.

        Raises:
            FeatureError: If a feature cannot be stored.
        """
        check_features(features)
        self.root = root
        self.info = Info(
            fps=fps,
            features={**features, **INDEX_FEATURES},
            total_episodes=0,
            total_frames=0,
            total_tasks=0,
            robot_type=robot,
            data_files_size_in_mb=data_mb,
            video_files_size_in_mb=video_mb,
            video_path=Info.model_fields["video_path"].default if any(f.is_video for f in features.values()) else None,
        )
        self.task = task
        self.splits: dict[str, str] | None = None
        self.dropped: list[DroppedEpisode] = []
        self.frames: dict[str, int] = {}
        """Camera → frames decoded from the finished files; known after the end."""
        self._part = root.with_name(f".{root.name}.part")
        self._schema = data_schema(self.info.columns)
        self._tasks: dict[str, int] = {}
        self._rows: list[dict[str, Any]] = []
        self._stats: list[dict[str, Stats]] = []
        self._sources: list[EpisodeSource] = []
        self._parents: dict[Digest, DatasetProvenance] = {}
        self._ancestors: dict[Digest, DatasetProvenance] = {}
        self._data: pq.ParquetWriter | None = None
        self._data_file = (0, 0)
        self._videos: dict[str, video.VideoFile] = {}
        self._video_files: dict[str, tuple[int, int]] = {}
        self._lock = -1

    def __enter__(self) -> Self:
        if self.root.exists() and (not self.root.is_dir() or any(self.root.iterdir())):
            raise ExistsError(self.root)
        self._part.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self._part, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise BusyError(self.root) from None
        for left in self._part.iterdir():  # by a writer that was killed
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        try:
            self._close_files()
            if kind is None:
                self._commit()
        finally:
            shutil.rmtree(self._part, ignore_errors=True)
            os.close(self._lock)

    @property
    def num_episodes(self) -> int:
        """Added so far."""
        return len(self._rows)

    def add_episode(
        self,
        columns: Mapping[str, NDArray[Any]],
        videos: Mapping[str, NDArray[np.uint8]] | None = None,
        *,
        source: EpisodeSource | None = None,
        task: str | None = None,
    ) -> int:
        """Add one episode.

        Args:
            columns: Values of each feature, shape (T, d), or (T,) if d is 1.
            videos: Frames of each camera, shape (T, height, width, 3), RGB.
            source: Where it comes from; its `episode` is set here. Give it for all episodes, or for none.
            task: What the robot was asked to do, if not the dataset's task.

        Returns:
            Index of the episode.

        Raises:
            FeatureError: If values do not fit the features.
        """
        videos = videos or {}
        values = self._checked(columns, videos)
        rows = len(next(iter(values.values())))
        for camera, frames in videos.items():
            video.check_frames(frames, self.info.features[camera].shape, camera, rows)
        encoded = {camera: video.encode(frames, self.info.fps) for camera, frames in videos.items()}
        stats = {camera: image_stats(frames) for camera, frames in videos.items()}
        return self._add(values, {c: (buffer, 0) for c, buffer in encoded.items()}, stats, source, task)

    def copy_episode(self, dataset: Dataset, episode: int, *, source: EpisodeSource | None = None) -> int:
        """Add an episode of another dataset: rows bit by bit, video packets as they are, nothing encoded again.

        Args:
            dataset: With the same features and rate.
            episode: Its index there.
            source: As in `add_episode`.

        Raises:
            FeatureError: If the features differ.
        """
        values = self._checked(dataset.episode(episode), dict.fromkeys(dataset.info.cameras))
        clips, stats = {}, {}
        for camera in self.info.cameras:
            path, start = dataset.clip(episode, camera)
            clips[camera] = (path, start)
            stats[camera] = dataset.episode_stats(episode, camera) or image_stats(dataset.frames(episode, camera))
        return self._add(values, clips, stats, source, dataset.tasks[episode])

    def add_parent(self, dataset: Dataset) -> None:
        """Name a dataset whose episodes are used; its provenance, and that of its ancestors, goes along.

        Raises:
            ProvenanceError: If it has none.
        """
        provenance = dataset.required_provenance
        self._parents[provenance.content] = provenance
        self._ancestors |= {provenance.content: provenance, **dataset.ancestors}

    def _checked(self, columns: Mapping[str, NDArray[Any]], videos: Mapping[str, object]) -> dict[str, NDArray[Any]]:
        """The caller's columns in the order and type of the features; index columns are left out."""
        expected = [name for name in self.info.features if name not in INDEX_FEATURES]
        given = {name for name in columns if name not in INDEX_FEATURES} | set(videos)
        if odd := sorted(given.symmetric_difference(expected)):
            state = "missing" if odd[0] in expected else "not among the features"
            raise FeatureError(odd[0], f"{state}. Features: {', '.join(expected)}")
        values = {}
        rows: int | None = None
        for name in expected:
            if name in videos:
                continue
            values[name] = _fit(name, self.info.features[name], columns[name])
            if rows not in (None, len(values[name])):
                raise FeatureError(name, f"{len(values[name])} rows, other columns have {rows}")
            rows = len(values[name])
        if not rows:
            raise FeatureError(expected[0], "an episode needs a column with at least one row")
        return values

    def _add(
        self,
        values: dict[str, NDArray[Any]],
        clips: Mapping[str, tuple[video.Source, int]],
        stats: dict[str, Stats],
        source: EpisodeSource | None,
        task: str | None,
    ) -> int:
        """Write one checked episode; `clips` says per camera from which video and frame to copy."""
        index = self.num_episodes
        rows = len(next(iter(values.values())))
        if index > 0 and (source is None) != (not self._sources):
            raise FeatureError("source", "give it for all episodes, or for none")
        start = self._rows[-1]["dataset_to_index"] if self._rows else 0
        task = task or self.task
        number = self._tasks.setdefault(task, len(self._tasks))
        values = values | _index_columns(index, start, rows, number, self.info.fps)
        row = {"episode_index": index, "tasks": [task], "length": rows}
        row |= self._write_rows(values) | {"dataset_from_index": start, "dataset_to_index": start + rows}
        for camera, (clip, first) in clips.items():
            row |= self._write_clip(camera, clip, first, rows)
        stats = {name: stats.get(name) or column_stats(values[name]) for name in self.info.features}
        self._stats.append(stats)
        self._rows.append(row)
        if source is not None:
            self._sources.append(source.model_copy(update={"episode": index}))
        return index

    def _write_rows(self, values: Mapping[str, NDArray[Any]]) -> dict[str, int]:
        """One row group per episode, so that readers can take it alone."""
        if self._data is not None and self._data_path.stat().st_size >= self.info.data_files_size_in_mb * 2**20:
            self._data.close()
            self._data = None
            self._data_file = self._next(self._data_file)
        if self._data is None:
            self._data_path.parent.mkdir(parents=True, exist_ok=True)
            self._data = pq.ParquetWriter(self._data_path, self._schema, compression="snappy")
        arrays = [_arrow(values[field.name], field.type) for field in self._schema]
        with _naming(self._data_path):
            self._data.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        return {"data/chunk_index": self._data_file[0], "data/file_index": self._data_file[1]}

    def _write_clip(self, camera: str, clip: video.Source, first: int, rows: int) -> dict[str, Any]:
        """Append to the camera's file, or to its next one if this is full or of another encoding."""
        file = self._videos.get(camera)
        if file is not None and (file.size_mb >= self.info.video_files_size_in_mb or not file.accepts(clip)):
            file.close()
            self._video_files[camera] = self._next(self._video_files[camera])
            file = None
        chunk, number = self._video_files.setdefault(camera, (0, 0))
        if file is None:
            assert self.info.video_path is not None
            name = self.info.video_path.format(video_key=camera, chunk_index=chunk, file_index=number)
            file = self._videos[camera] = video.VideoFile(self._part / name, self.info.fps)
        start = file.frames
        file.append(clip, first, rows)
        return {
            f"videos/{camera}/chunk_index": chunk,
            f"videos/{camera}/file_index": number,
            f"videos/{camera}/from_timestamp": start / self.info.fps,
            f"videos/{camera}/to_timestamp": file.frames / self.info.fps,
        }

    @property
    def _data_path(self) -> Path:
        chunk, number = self._data_file
        return self._part / self.info.data_path.format(chunk_index=chunk, file_index=number)

    def _next(self, file: tuple[int, int]) -> tuple[int, int]:
        chunk, number = file
        return (chunk, number + 1) if number + 1 < self.info.chunks_size else (chunk + 1, 0)

    def _close_files(self) -> None:
        if self._data is not None:
            with _naming(self._data_path):
                self._data.close()
        for file in self._videos.values():
            file.close()

    def _commit(self) -> None:
        """Write the metadata, read everything back, rename."""
        if not self._rows:
            raise EmptyError(self.root)
        self._write_meta()
        written = Dataset(self._part)
        self.frames = {camera: written.count_frames(camera) for camera in self.info.cameras}
        if self._sources:
            self._provenance().write(self._part / PROVENANCE)
        self._part.rename(self.root)

    def _write_meta(self) -> None:
        meta = self._part / "meta"
        meta.mkdir()
        frames = self._rows[-1]["dataset_to_index"]
        features = dict(self.info.features)
        for camera in self.info.cameras:
            if features[camera].info is None:  # a copied video keeps its description
                described = video.describe(self._videos[camera].path, self.info.fps)
                features[camera] = features[camera].model_copy(update={"info": described})
        totals = {"total_episodes": self.num_episodes, "total_frames": frames, "total_tasks": len(self._tasks)}
        splits = self.splits or {"train": f"0:{self.num_episodes}"}
        self.info.model_copy(update={**totals, "features": features, "splits": splits}).write(self._part)
        total = {
            name: {key: value.tolist() for key, value in stat.items()} for name, stat in aggregate(self._stats).items()
        }
        (self._part / STATS).write_text(json.dumps(total, indent=4))
        pq.write_table(_tasks_table(self._tasks), self._part / TASKS)
        path = self._part / EPISODES.format(chunk_index=0, file_index=0)
        path.parent.mkdir(parents=True)
        pq.write_table(
            pa.Table.from_pylist([_episode_row(*both) for both in zip(self._rows, self._stats, strict=True)]), path
        )
        for digest, provenance in self._ancestors.items():
            provenance.write(self._part / ANCESTORS / f"{digest.replace(':', '-')}.json")

    def _provenance(self) -> DatasetProvenance:
        return DatasetProvenance(
            content=digest_tree(self._part, frozenset({PROVENANCE.as_posix()})),
            task=self.task,
            robot=self.info.robot_type or "unknown",
            created_at=datetime.now(UTC),
            parents=tuple(self._parents),
            episodes=tuple(self._sources),
            dropped=tuple(self.dropped),
        )


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file in an error of pyarrow's, which does not."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno or EIO, error.strerror or str(error), str(path)) from error


def _fit(name: str, feature: Feature, values: NDArray[Any]) -> NDArray[Any]:
    """Values in the feature's type and shape.

    Raises:
        FeatureError: If they would have to be changed to fit.
    """
    wanted = (feature.width,)
    shape = values.shape[1:] or (1,)
    if shape != wanted:
        raise FeatureError(name, f"rows have shape {shape}, the feature says {wanted}")
    if not np.can_cast(values.dtype, feature.dtype, casting="same_kind"):
        raise FeatureError(name, f"values are {values.dtype}, the feature says {feature.dtype}")
    fitted = np.ascontiguousarray(values, dtype=feature.dtype).reshape(len(values), -1)
    if not np.isfinite(fitted).all():
        raise FeatureError(name, f"row {int(np.argmin(np.isfinite(fitted).all(axis=1)))} is not finite")
    return fitted[:, 0] if feature.width == 1 else fitted


def _index_columns(episode: int, start: int, rows: int, task: int, fps: int) -> dict[str, NDArray[Any]]:
    frames = np.arange(rows)
    return {
        "timestamp": (frames / fps).astype(np.float32),
        "frame_index": frames,
        "episode_index": np.full(rows, episode),
        "index": start + frames,
        "task_index": np.full(rows, task),
    }


def _arrow(values: NDArray[Any], kind: pa.DataType) -> "pa.Array[Any]":
    flat: pa.Array[Any] = pa.array(values.ravel())
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1]).cast(kind) if values.ndim == 2 else flat.cast(kind)


def _episode_row(row: Mapping[str, Any], stats: Mapping[str, Stats]) -> dict[str, Any]:
    """One row of the episodes file, columns in LeRobot's order."""
    flat = {f"stats/{name}/{key}": value.tolist() for name, stat in stats.items() for key, value in stat.items()}
    return {**row, **flat, "meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0}


def _tasks_table(tasks: Mapping[str, int]) -> pa.Table:
    """Task names as the index of a pandas frame, which is how LeRobot reads them."""
    column: dict[str, Any] = {"metadata": None, "pandas_type": "unicode", "numpy_type": "object"}
    pandas = {
        "index_columns": ["task"],
        "column_indexes": [{"name": None, "field_name": None, **column, "metadata": {"encoding": "UTF-8"}}],
        "columns": [
            {"name": "task_index", "field_name": "task_index", **column, "pandas_type": "int64", "numpy_type": "int64"},
            {"name": "task", "field_name": "task", **column},
        ],
        "pandas_version": "2.0.0",
    }
    table = pa.table({"task_index": list(tasks.values()), "task": list(tasks)})
    return table.replace_schema_metadata({"pandas": json.dumps(pandas)})

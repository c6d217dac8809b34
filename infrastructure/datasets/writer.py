"""Writes a LeRobot v3.0 dataset that appears whole or not at all."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..aside import part_of, whole_folder
from ..contracts import DatasetProvenance, DatasetVerification, Digest, DroppedEpisode, EpisodeSource, digest_tree
from . import video
from .depth import dtype_of
from .errors import EmptyError, FeatureError
from .files import ClipFiles, RowFiles
from .info import ANCESTORS, INDEX_FEATURES, NOT_CONTENT, PROVENANCE, VERIFICATION, Feature, Info, check_features
from .metadata import write_episodes, write_stats, write_tasks
from .reader import Dataset
from .stats import Stats, column_stats, depth_stats, image_stats

SCRATCH = ".clips"


class DatasetWriter:
    """Context manager that writes beside `root` and renames at its end; an exception leaves nothing.

    Episodes go to one data file and one video file per camera until these reach LeRobot's size limits, then to the
    next. `splits` may be set before the end: episodes of each split, in the order in which they were added; by default
    all are `train`.

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
        self.splits: dict[str, int] | None = None
        self.dropped: list[DroppedEpisode] = []
        self.verification: DatasetVerification | None = None
        """Goes under `meta/` if it is set before the end."""
        self.frames: dict[str, int] = {}
        """Camera → frames in the finished files, each at its row's time; known after the end."""
        self._part = part_of(root)
        self._row_files = RowFiles(self._part, self.info)
        self._clip_files = {name: ClipFiles(self._part, self.info, name) for name in self.info.cameras}
        self._whole = self._writing()
        self._tasks: dict[str, int] = {}
        self._rows: list[dict[str, Any]] = []
        self._stats: list[dict[str, Stats]] = []
        self._sources: list[EpisodeSource] = []
        self._parents: dict[Digest, DatasetProvenance] = {}
        self._ancestors: dict[Digest, DatasetProvenance] = {}

    def __enter__(self) -> Self:
        self._whole.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._whole.__exit__(kind, error, traceback)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with whole_folder(self.root):
            with ExitStack() as opened:  # every file is closed, also if the disk takes no more
                for close in (self._row_files.close, *(files.close for files in self._clip_files.values())):
                    opened.callback(close)
                yield
            self._finish()

    @property
    def scratch(self) -> Path:
        """Folder for clips that are encoded before they are added; goes with the writer."""
        folder = self._part / SCRATCH
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def num_episodes(self) -> int:
        """Added so far."""
        return len(self._rows)

    def add_episode(
        self,
        columns: Mapping[str, NDArray[Any]],
        videos: Mapping[str, NDArray[Any]] | None = None,
        *,
        source: EpisodeSource | None = None,
        task: str | None = None,
    ) -> int:
        """Add one episode.

        Args:
            columns: Values of each feature, shape (T, d), or (T,) if d is 1.
            videos: Frames of each camera, shape (T, height, width, 3), RGB; of a depth camera (T, height, width, 1),
                float32 in m or uint16 in mm, as its feature says, 0 where nothing was measured.
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
            feature = self.info.features[camera]
            dtype = dtype_of(feature.depth_unit) if feature.depth_unit else np.dtype(np.uint8)
            video.check_frames(frames, feature.shape, camera, rows, dtype)
        clips: dict[str, tuple[video.Source, int]] = {}
        stats = {}
        for camera, frames in videos.items():
            is_depth = self.info.features[camera].is_depth
            clip = (
                video.encode_depth(frames[..., 0], self.info.fps) if is_depth else video.encode(frames, self.info.fps)
            )
            clips[camera] = (clip, 0)
            stats[camera] = depth_stats(frames[..., 0]) if is_depth else image_stats(frames)
        return self._add(values, clips, stats, source, task)

    def add_clips(
        self,
        columns: Mapping[str, NDArray[Any]],
        clips: Mapping[str, Path],
        stats: Mapping[str, Stats],
        *,
        source: EpisodeSource | None = None,
        task: str | None = None,
    ) -> int:
        """Add one episode whose frames are encoded already; their packets are copied.

        Args:
            columns: As in `add_episode`.
            clips: MP4 of each camera, one frame per row, the first a keyframe.
            stats: Of the frames of each camera.
            source: As in `add_episode`.
            task: As in `add_episode`.

        Raises:
            FeatureError: If values do not fit the features.
            TornFileError: If a clip has fewer frames than there are rows.
        """
        values = self._checked(columns, dict.fromkeys(clips))
        return self._add(values, {camera: (path, 0) for camera, path in clips.items()}, dict(stats), source, task)

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
            stats[camera] = dataset.episode_stats(episode, camera) or dataset.camera_stats(episode, camera)
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
        row |= self._row_files.append(values) | {"dataset_from_index": start, "dataset_to_index": start + rows}
        for camera, (clip, first) in clips.items():
            row |= self._clip_files[camera].append(clip, first, rows)
        stats = {name: stats.get(name) or column_stats(values[name]) for name in self.info.features}
        self._stats.append(stats)
        self._rows.append(row)
        if source is not None:
            self._sources.append(source.model_copy(update={"episode": index}))
        return index

    def _finish(self) -> None:
        """Write the metadata, and read everything back."""
        if not self._rows:
            raise EmptyError(self.root)
        part = self._part
        shutil.rmtree(part / SCRATCH, ignore_errors=True)
        (part / "meta").mkdir()
        self._finished_info().write(part)
        write_stats(part, self._stats)
        write_tasks(part, self._tasks)
        write_episodes(part, self._rows, self._stats)
        for digest, provenance in self._ancestors.items():
            provenance.write(part / ANCESTORS / f"{digest.replace(':', '-')}.json")
        if self.verification is not None:
            self.verification.write(part / VERIFICATION)
        written = Dataset(part)
        self.frames = {camera: written.count_frames(camera) for camera in self.info.cameras}
        if self._sources:
            self._provenance().write(part / PROVENANCE)

    def _finished_info(self) -> Info:
        features = dict(self.info.features)
        for camera, files in self._clip_files.items():
            told = features[camera].info or {}
            if "video.codec" not in told:  # a copied video keeps its description
                described = video.describe(files.path, self.info.fps, is_depth=features[camera].is_depth)
                features[camera] = features[camera].model_copy(update={"info": told | described})
        changes = {
            "features": features,
            "total_episodes": self.num_episodes,
            "total_frames": self._rows[-1]["dataset_to_index"],
            "total_tasks": len(self._tasks),
            "splits": _ranges(self.splits or {"train": self.num_episodes}),
        }
        return self.info.model_copy(update=changes)

    def _provenance(self) -> DatasetProvenance:
        return DatasetProvenance(
            content=digest_tree(self._part, NOT_CONTENT),
            task=self.task,
            robot=self.info.robot_type or "unknown",
            created_at=datetime.now(UTC),
            parents=tuple(self._parents),
            episodes=tuple(self._sources),
            dropped=tuple(self.dropped),
        )


def _ranges(counts: Mapping[str, int]) -> dict[str, str]:
    """Splits as `meta/info.json` has them: `first:last`, the last excluded. An empty one is left out."""
    ends = accumulate(counts.values())
    return {name: f"{end - count}:{end}" for (name, count), end in zip(counts.items(), ends, strict=True) if count}


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

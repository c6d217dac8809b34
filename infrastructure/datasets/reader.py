"""Reads a LeRobot v3.0 dataset without PyTorch, and refuses one whose parts do not agree."""

from collections import Counter
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..contracts import DatasetProvenance, DatasetVerification, Digest, digest_bytes, digest_tree
from . import video
from .depth import Scale, in_unit
from .errors import (
    ContentError,
    CountError,
    EpisodeIndexError,
    FeatureError,
    FrameError,
    InfoError,
    ProvenanceError,
    TornFileError,
)
from .identity import episode_keys
from .info import ANCESTORS, INFO, NOT_CONTENT, NUMBERS, PROVENANCE, TASKS, VERIFICATION, Feature, Info
from .metadata import read_episodes
from .stats import NAMES, DepthCounts, ImageCounts, Stats, sample_indices


class Dataset:
    """A dataset on disk, validated when it is opened: every file there and readable, every count agreeing."""

    def __init__(self, root: Path) -> None:
        """Open the dataset.

        Raises:
            MissingFileError: If `root` holds no dataset.
            VersionError: If it is not v3.0.
            InfoError: If its info cannot be understood.
            TornFileError: If a file cannot be read.
            CountError: If episodes, rows and frames do not agree.
        """
        self.root = root
        self.info = Info.read(root)
        self._data_path = cache(
            lambda chunk, file: root / self.info.data_path.format(chunk_index=chunk, file_index=file)
        )
        self._episodes = read_episodes(root, self.info)
        self._check_bounds()
        self._check_data()
        self._check_videos()
        self._table = lru_cache(maxsize=2)(_read_table)

    @property
    def num_episodes(self) -> int:
        """Episodes in the dataset."""
        return self.info.total_episodes

    @property
    def fps(self) -> int:
        """Rows per second."""
        return self.info.fps

    @cached_property
    def lengths(self) -> list[int]:
        """Rows of each episode."""
        return [int(length) for length in self._column("length")]

    @cached_property
    def tasks(self) -> list[str]:
        """Task of each episode."""
        return [tasks[0] for tasks in self._column("tasks")]

    @cached_property
    def task_names(self) -> list[str]:
        """Every task by its `task_index`.

        Raises:
            TornFileError: If the tasks file does not name each once.
        """
        path = self.root / TASKS
        table = _read_table(path)
        names = next((c for c in table.column_names if pa.types.is_string(table[c].type)), None)
        if names is None or "task_index" not in table.column_names:
            raise TornFileError(path, "no tasks and their task_index")
        by_index = dict(zip(table["task_index"].to_pylist(), table[names].to_pylist(), strict=True))
        if by_index.keys() != set(range(len(table))):
            raise TornFileError(path, f"task_index is not 0 to {len(table) - 1}")
        return [str(by_index[index]) for index in range(len(table))]

    @property
    def episodes_table(self) -> pa.Table:
        """The episodes file: where the rows and frames of each episode are, and its statistics."""
        return self._episodes

    @cached_property
    def splits(self) -> dict[str, range]:
        """Episodes of each split, e.g. `train` and `heldout`.

        Raises:
            InfoError: If a split is not a range of episodes.
        """
        splits = {}
        for name, text in self.info.splits.items():
            first, _, last = text.partition(":")
            if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last) <= self.num_episodes):
                raise InfoError(self.root / INFO, f"splits.{name}: '{text}' is no range within 0:{self.num_episodes}")
            splits[name] = range(int(first), int(last))
        return splits

    @cached_property
    def provenance(self) -> DatasetProvenance | None:
        """Where the episodes come from; None for a dataset that was made elsewhere."""
        path = self.root / PROVENANCE
        return DatasetProvenance.read(path) if path.exists() else None

    @property
    def required_provenance(self) -> DatasetProvenance:
        """The provenance.

        Raises:
            ProvenanceError: If there is none.
        """
        if self.provenance is None:
            raise ProvenanceError(self.root)
        return self.provenance

    @cached_property
    def verification(self) -> DatasetVerification | None:
        """The verdicts on its generated episodes, and on clips that were rejected; None if nothing was generated."""
        path = self.root / VERIFICATION
        return DatasetVerification.read(path) if path.exists() else None

    @cached_property
    def ancestors(self) -> dict[Digest, DatasetProvenance]:
        """Provenance of every dataset this one stems from, by content digest."""
        return read_ancestors(self.root)

    @cached_property
    def keys(self) -> list[Digest]:
        """Identity of each episode by what was recorded, wherever in whichever dataset it lies.

        It is the digest of the stored statistics of its columns and pictures, which copies keep; of the rows where a
        dataset has no statistics. Episodes that are equal have the same.
        """
        return episode_keys(self._episodes, self.info) or [self._rows_digest(i) for i in range(self.num_episodes)]

    def _rows_digest(self, index: int) -> Digest:
        columns = self.episode(index)
        values = [columns[name] for name in sorted(self.info.recorded) if name in columns]
        return digest_bytes(b"".join(repr(v.tolist()).encode() if v.dtype == object else v.tobytes() for v in values))

    def content_digest(self) -> Digest:
        """Digest of all files but provenance and annotations: the dataset's identity."""
        return digest_tree(self.root, NOT_CONTENT)

    def verify(self) -> Digest:
        """Compare the files with the provenance.

        Raises:
            ProvenanceError: If there is none.
            ContentError: If the files are not those it speaks of.
            CountError: If it does not speak of every episode.
        """
        told = [source.episode for source in self.required_provenance.episodes]
        if told != list(range(self.num_episodes)):
            raise CountError(self.root / PROVENANCE, "episodes", len(told), self.num_episodes)
        expected, found = self.required_provenance.content, self.content_digest()
        if found != expected:
            raise ContentError(self.root, found, expected)
        return found

    def episode(self, index: int) -> dict[str, NDArray[Any]]:
        """All columns of one episode, the index columns too: shape (T, d), or (T,) if d is 1.

        A column that is not of numbers is an array of objects.
        """
        rows = self.rows(index)
        return {name: _numpy(name, rows[name], feature) for name, feature in self.info.columns.items()}

    def rows(self, index: int) -> pa.Table:
        """All columns of one episode as they are in the file."""
        table, start = self.located(index)
        return table.slice(start, self.lengths[index])

    def located(self, index: int) -> tuple[pa.Table, int]:
        """All rows of the data file that an episode is in, and its first row among them."""
        row = self._row(index)
        first = self._first_rows[row["data/chunk_index"], row["data/file_index"]]
        return self._table(self._data_file(row)), row["dataset_from_index"] - first

    def data_file(self, index: int) -> Path:
        """The file with the rows of an episode."""
        return self._data_file(self._row(index))

    def frames(self, index: int, camera: str) -> NDArray[np.uint8]:
        """Frames of one episode, RGB, shape (T, height, width, 3).

        Raises:
            FeatureError: If the camera's frames are distances.
            FrameError: If they are not at the times of their rows.
        """
        path, start = self.clip(index, camera)
        if self.info.features[camera].is_depth:
            raise FeatureError(camera, "is depth, which has no colours. Read it with `Dataset.depth`")
        return video.decode(path, start, self._row(index)["length"], self.fps, index)

    def depth(self, index: int, camera: str) -> NDArray[np.float32]:
        """Distances of one episode in m, shape (T, height, width); what was not measured is the nearest there can be.

        Raises:
            FeatureError: If the camera's frames are colours.
            FrameError: If they are not at the times of their rows.
        """
        path, start = self.clip(index, camera)
        feature = self.info.features[camera]
        if not feature.is_depth:
            raise FeatureError(camera, "is no depth. Read it with `Dataset.frames`")
        return video.decode_depth(path, start, self._row(index)["length"], self.fps, Scale.of(feature.info), index)

    def camera_stats(self, index: int, camera: str, first: int = 0, last: int | None = None) -> Stats:
        """Statistics of the rows `first` to `last`, the last excluded, of what one camera saw, colours or distances.

        Raises:
            FrameError: If a frame is missing, or not at the time of its row.
        """
        feature, (path, start) = self.info.features[camera], self.clip(index, camera)
        rows = len(range(self._row(index)["length"])[first:last])
        wanted = set(sample_indices(rows).tolist())
        counted = DepthCounts(feature.depth_unit or "mm") if feature.is_depth else ImageCounts()
        for row, frame in enumerate(video.walk(path, start + first, rows, self.fps, index)):
            if row in wanted:
                counted.add(_image(frame, feature))
        return counted.stats()

    def seen(self, index: int, camera: str) -> NDArray[np.uint8] | NDArray[np.float32]:
        """What a camera saw in one episode: colours as of `frames`, or distances as of `depth`."""
        self.clip(index, camera)
        return self.depth(index, camera) if self.info.features[camera].is_depth else self.frames(index, camera)

    def clip(self, index: int, camera: str) -> tuple[Path, int]:
        """The video file of an episode, and the frame at which the episode starts in it."""
        if camera not in self.info.cameras:
            raise FeatureError(camera, f"no such camera. Cameras: {', '.join(self.info.cameras) or 'none'}")
        row = self._row(index)
        return self._video_file(row, camera), round(row[f"videos/{camera}/from_timestamp"] * self.fps)

    def first_row(self, index: int) -> int:
        """Index of an episode's first row in the dataset."""
        return int(self._row(index)["dataset_from_index"])

    def episode_stats(self, index: int, feature: str) -> Stats | None:
        """Statistics of one feature in one episode, as stored; None if the dataset lacks them."""
        self._row(index)
        columns = {name: f"stats/{feature}/{name}" for name in NAMES}
        if any(column not in self._episodes.column_names for column in columns.values()):
            return None
        stored = {name: self._episodes[column][index].as_py() for name, column in columns.items()}
        return None if any(value is None for value in stored.values()) else {k: np.array(v) for k, v in stored.items()}

    def count_frames(self, camera: str) -> int:
        """Frames of a camera over all episodes, each at its row's time by the packets of its file; none is decoded.

        Raises:
            FrameError: If one is missing, or is not at its row's time.
        """
        files: dict[Path, NDArray[np.float64]] = {}
        for index, length in enumerate(self.lengths):
            path, start = self.clip(index, camera)
            if path not in files:
                files[path] = np.array(video.frame_rows(path, self.fps))
            if wrong := video.misplaced(files[path][start : start + length] - start, length, self.fps):
                raise FrameError(path, index, f"row {wrong[0]}: {wrong[1]}")
        return sum(self.lengths)

    def _row(self, index: int) -> dict[str, Any]:
        if not 0 <= index < self.num_episodes:
            raise EpisodeIndexError(self.root, index, self.num_episodes)
        return self._rows[index]

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        return self._episodes.select([c for c in self._episodes.column_names if not c.startswith("stats/")]).to_pylist()

    @cached_property
    def _first_rows(self) -> dict[tuple[int, int], int]:
        """Chunk and number of each data file → the first row of the dataset in it."""
        starts: dict[tuple[int, int], int] = {}
        for row in self._rows:
            starts.setdefault((row["data/chunk_index"], row["data/file_index"]), row["dataset_from_index"])
        return starts

    def _column(self, name: str) -> list[Any]:
        return [row[name] for row in self._rows]

    def _data_file(self, row: dict[str, Any]) -> Path:
        return self._data_path(row["data/chunk_index"], row["data/file_index"])

    def _video_file(self, row: dict[str, Any], camera: str) -> Path:
        numbers = {name: row[f"videos/{camera}/{name}"] for name in ("chunk_index", "file_index")}
        return self.root / (self.info.video_path or "").format(video_key=camera, **numbers)

    def _check_bounds(self) -> None:
        if len(self._episodes) != self.info.total_episodes:
            raise CountError(self.root / INFO, "episodes", self.info.total_episodes, len(self._episodes))
        end = 0
        for number, row in enumerate(self._rows):
            start, last = row["dataset_from_index"], row["dataset_to_index"]
            if (row["episode_index"], start, last - start) != (number, end, row["length"]) or row["length"] < 1:
                raise CountError(self.root / "meta/episodes", f"as first row of episode {number}", start, end)
            end = last
        if end != self.info.total_frames:
            raise CountError(self.root / INFO, "frames", self.info.total_frames, end)
        _read_table(self.root / TASKS)

    def _check_data(self) -> None:
        for path, rows in self._files("data", self.info.data_path).items():
            file = _open_parquet(path)
            if missing := sorted(set(self.info.columns).difference(file.schema_arrow.names)):
                raise FeatureError(missing[0], f"is in {INFO}, but no column of {path}")
            if file.metadata.num_rows != rows:
                raise CountError(path, "rows", file.metadata.num_rows, rows)

    def _check_videos(self) -> None:
        for camera in self.info.cameras:
            for path, rows in self._files(f"videos/{camera}", self.info.video_path or "", video_key=camera).items():
                if (frames := video.count_frames(path)) != rows:
                    raise CountError(path, "frames", frames, rows)

    def _files(self, kind: str, template: str, **fields: str) -> dict[Path, int]:
        """Files of a kind, and how many rows each must have."""
        expected: Counter[tuple[int, int]] = Counter()
        for row in self._rows:
            expected[row[f"{kind}/chunk_index"], row[f"{kind}/file_index"]] += row["length"]
        return {
            self.root / template.format(chunk_index=chunk, file_index=file, **fields): rows
            for (chunk, file), rows in expected.items()
        }


def read_ancestors(root: Path) -> dict[Digest, DatasetProvenance]:
    """Provenance of the ancestors of a dataset, by content digest; empty if it has none."""
    documents = [DatasetProvenance.read(path) for path in sorted((root / ANCESTORS).glob("*.json"))]
    return {document.content: document for document in documents}


def _open_parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise TornFileError(path, str(error).partition("\n")[0]) from error


def _read_table(path: Path) -> pa.Table:
    file = _open_parquet(path)
    try:
        return file.read()
    except (pa.ArrowException, OSError) as error:
        raise TornFileError(path, str(error).partition("\n")[0]) from error


def _image(frame: av.VideoFrame, feature: Feature) -> NDArray[Any]:
    """A decoded frame as its statistics are told: RGB, or distances in the camera's unit."""
    if not feature.is_depth:
        return frame.to_ndarray(format="rgb24")
    return in_unit(Scale.of(feature.info).metres(video.codes_in(frame)), feature.depth_unit)


def _numpy(name: str, column: "pa.ChunkedArray[Any]", feature: Feature) -> NDArray[Any]:
    if feature.dtype not in NUMBERS:  # strings, and pictures within the rows, which we do not write
        objects = np.empty(len(column), dtype=object)
        objects[:] = column.to_pylist()
        return objects
    flat: Any = column
    if isinstance(column.type, pa.BaseExtensionType):  # a grid, where Hugging Face `datasets` is imported
        flat = pa.chunked_array([chunk.storage for chunk in flat.chunks])
    shape = () if feature.shape == (1,) else feature.shape
    try:
        for _ in shape:
            flat = pc.list_flatten(flat)
        values: NDArray[Any] = np.asarray(flat.to_numpy()).reshape(len(column), *shape)
    except (pa.ArrowException, ValueError) as error:
        raise FeatureError(name, f"its column is {column.type}, {INFO} says {feature.dtype} {feature.shape}") from error
    if values.dtype.kind not in "biuf":
        raise FeatureError(name, f"its column is {column.type}, {INFO} says {feature.dtype}")
    return values

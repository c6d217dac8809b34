"""What is known of a dataset's episodes from its metadata alone, so that ten thousand of them are no burden."""

import hashlib
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from physai.infrastructure.contracts import Contract, DatasetProvenance, DatasetVerification, Digest, EpisodeSource
from physai.infrastructure.datasets import Dataset, Info
from physai.infrastructure.datasets.errors import TornFileError
from physai.infrastructure.datasets.info import NUMBERS, PROVENANCE, VERIFICATION, Feature
from physai.infrastructure.datasets.metadata import PLACE, read_episodes
from physai.infrastructure.datasets.reader import read_ancestors

from ..annotations import Annotations
from ..described import Described
from ..tools.outcome import SUCCESS_COLUMNS
from .errors import UnknownError
from .places import Entry

KEPT = 200_000  # episodes in memory; an episode's page looks through every dataset for its relatives
SHOWN = 5000  # points of a plot; a screen has fewer
STYLE = "subtask"  # of language rows. Source: lerobot 0.6.1, datasets/language.py


class Clip(Contract):
    """Where an episode is in a camera's video file, or of depth, in a clip of its own that is made of colours."""

    camera: str
    from_s: float
    to_s: float
    height: int
    width: int
    codec: str
    depth: bool = False


class Series(Contract):
    """A column of an episode, as it is plotted."""

    feature: str
    names: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    """One row per name, one value per shown row; None where it is not finite."""


class Mark(Contract):
    """A subtask: what the robot is doing from a time on."""

    at_s: float
    text: str


@dataclass(frozen=True)
class Columns:
    """The rows of one episode, for plots."""

    step: int
    """Every how many rows one is shown."""
    series: tuple[Series, ...]
    marks: tuple[Mark, ...]
    succeeded: bool | None
    """By a column of success; None if there is none."""


class Index:
    """The episodes of a dataset as its metadata has them."""

    def __init__(self, entry: Entry) -> None:
        """Read the metadata.

        Raises:
            DatasetError: If it is damaged.
        """
        self.entry = entry
        self.root = entry.folder
        """Where `meta/` lies on this machine; of a local dataset, all of it."""
        self.mark = _mark(self.root)
        self.info = Info.read(self.root)
        self._table = read_episodes(self.root, self.info, statistics=False).sort_by("episode_index")

    @property
    def count(self) -> int:
        """Number of episodes."""
        return len(self._table)

    @cached_property
    def dataset(self) -> Dataset:
        """The whole dataset, validated; only of a local one.

        Raises:
            DatasetError: If its parts do not agree.
        """
        return Dataset(self.root)

    @cached_property
    def described(self) -> Described:
        """What its metadata tells of its episodes, wherever it is.

        Raises:
            DatasetError: If it is damaged.
        """
        return Described(self.root, lambda file: self.entry.place.open(self.entry.path, file))

    @property
    def annotations(self) -> Annotations:
        """What is said of its episodes, kept where the dataset is."""
        return Annotations(self.described, self.entry.place.journal(self.entry.path))

    @property
    def version(self) -> str:
        """A word that is another one after every change."""
        return hashlib.sha256(repr(self.mark).encode()).hexdigest()[:16]

    @cached_property
    def lengths(self) -> list[int]:
        """Rows of each episode."""
        return [int(length) for length in self._column("length")]

    @cached_property
    def tasks(self) -> list[str]:
        """Language instruction of each episode."""
        return [", ".join(tasks) for tasks in self._column("tasks")]

    @cached_property
    def provenance(self) -> DatasetProvenance | None:
        """Where the episodes come from; None for a dataset that was made elsewhere."""
        path = self.root / PROVENANCE
        return DatasetProvenance.read(path) if path.exists() else None

    @cached_property
    def ancestors(self) -> dict[Digest, DatasetProvenance]:
        """Provenance of every dataset this one stems from, by content digest."""
        return read_ancestors(self.root)

    @cached_property
    def verification(self) -> DatasetVerification | None:
        """The verdicts on its generated episodes; None if there are none, or they were not written down."""
        path = self.root / VERIFICATION
        return DatasetVerification.read(path) if path.exists() else None

    def source(self, episode: int) -> EpisodeSource | None:
        """Where one episode comes from."""
        sources = self.provenance.episodes if self.provenance else ()
        return sources[episode] if episode < len(sources) else None

    def row(self, episode: int) -> dict[str, Any]:
        """What the metadata says of one episode.

        Raises:
            UnknownError: If there is no such episode.
        """
        if not 0 <= episode < self.count:
            raise UnknownError("episode", episode)
        return self._table.slice(episode, 1).to_pylist()[0]

    def clips(self, episode: int) -> list[Clip]:
        """One per camera."""
        row = self.row(episode)
        return [self._clip(name, feature, row) for name, feature in self.info.cameras.items()]

    def _clip(self, name: str, feature: Feature, row: dict[str, Any]) -> Clip:
        start = row[f"videos/{name}/from_timestamp"]
        end = row[f"videos/{name}/to_timestamp"]
        begins = start if not feature.is_depth else 0.0
        return Clip(
            camera=name,
            from_s=begins,
            to_s=begins + end - start,
            height=feature.shape[0],
            width=feature.shape[1],
            codec=str((feature.info or {}).get("video.codec", "unknown")),
            depth=feature.is_depth,
        )

    def start_s(self, episode: int, camera: str) -> float:
        """When an episode starts in the video file of a camera."""
        return float(self.row(episode)[f"videos/{camera}/from_timestamp"])

    def video(self, episode: int, camera: str) -> Path:
        """The video file of an episode, relative to the dataset.

        Raises:
            UnknownError: If there is no such episode or camera.
        """
        if camera not in self.info.cameras:
            raise UnknownError("camera", camera)
        row = self.row(episode)
        numbers = {name: row[f"videos/{camera}/{name}"] for name in PLACE}
        return Path((self.info.video_path or "").format(video_key=camera, **numbers))

    def columns(self, episode: int) -> Columns:
        """The rows of one episode, thinned out if there are more than a screen shows."""
        row = self.row(episode)
        numbers = {name: row[f"data/{name}"] for name in PLACE}
        path = self.entry.local(Path(self.info.data_path.format(**numbers)))
        table = read_rows(path, episode)
        step = -(-len(table) // SHOWN) or 1
        shown = {
            name: feature
            for name, feature in self.info.columns.items()
            if name in self.info.recorded and name in table.column_names and feature.dtype in NUMBERS
        }
        series = [_series(name, feature, table[name], step) for name, feature in shown.items()]
        told = next((table[name].to_pylist() for name in SUCCESS_COLUMNS if name in table.column_names), None)
        succeeded = None if told is None else bool(np.array(told, dtype=bool).any())
        return Columns(step, tuple(each for each in series if each), tuple(_marks(table)), succeeded)

    def _column(self, name: str) -> list[Any]:
        return self._table[name].to_pylist()


def read_rows(path: Path, episode: int) -> pa.Table:
    """The rows of an episode; only the row groups that hold some are read, if the file's statistics tell which.

    Raises:
        TornFileError: If the file cannot be read.
    """
    try:
        with pq.ParquetFile(path) as file:
            table = file.read_row_groups([*_groups(file.metadata, episode)])
        return table.filter(pc.equal(table["episode_index"], pa.scalar(episode)))
    except (pa.ArrowException, OSError, KeyError) as error:
        raise TornFileError(path, str(error).partition("\n")[0]) from error


def _groups(metadata: pq.FileMetaData, episode: int) -> range:
    """Row groups that hold rows of an episode, by halving: episodes follow one another."""
    groups = range(metadata.num_row_groups)
    try:
        column = metadata.schema.names.index("episode_index")

        def statistics(group: int) -> Any:
            return metadata.row_group(group).column(column).statistics

        first = bisect_left(groups, episode, key=lambda group: statistics(group).max)
        return range(first, bisect_right(groups, episode, key=lambda group: statistics(group).min))
    except (AttributeError, TypeError, ValueError):  # the file has no statistics
        return groups


def _series(name: str, feature: Feature, column: "pa.ChunkedArray[Any]", step: int) -> Series | None:
    rows = column.to_pylist()[::step]
    values = np.array(rows, dtype=np.float64).reshape(len(rows), -1)
    if not len(values):
        return None
    width = values.shape[1]
    names = feature.element_names if len(feature.element_names) == width else [str(number) for number in range(width)]
    if width == 1 and names == ["0"]:
        names = [name]
    clean = np.where(np.isfinite(values), np.round(values, 5), np.nan).T.tolist()
    shown = tuple(tuple(None if value != value else value for value in line) for line in clean)
    return Series(feature=name, names=tuple(names), values=shown)


def _marks(table: pa.Table) -> list[Mark]:
    """Subtasks that the dataset itself tells, in LeRobot's column for persistent language."""
    if "language_persistent" not in table.column_names or not len(table):
        return []
    told = {
        (float(row["timestamp"]), row["content"] or "")
        for rows in table["language_persistent"].to_pylist()
        for row in rows or []
        if row["style"] == STYLE
    }
    return [Mark(at_s=at, text=text) for at, text in sorted(told)]


class Indexes:
    """Indexes of the datasets that were looked at last, read again when their metadata has changed."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Index] = OrderedDict()
        self._episodes = 0
        self._lock = Lock()

    def of(self, entry: Entry) -> Index:
        """The index of a dataset.

        Raises:
            DatasetError: If its metadata is damaged.
        """
        mark = _mark(entry.folder)
        with self._lock:
            kept = self._kept.get(entry.id)
            if kept is None or kept.mark != mark:
                made = Index(entry)
                self._episodes += made.count - (kept.count if kept else 0)
                self._kept[entry.id] = kept = made
            self._kept.move_to_end(entry.id)
            while self._episodes > KEPT and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                self._episodes -= oldest.count
            return kept


def _mark(folder: Path) -> object:
    """Other whenever an episode or a fact is."""
    files = [folder / "meta/info.json", folder / PROVENANCE, *(folder / "meta/episodes").glob("*/*.parquet")]
    found = []
    for path in files:
        with suppress(FileNotFoundError):  # not there, or gone since it was listed
            stat = path.stat()
            found.append((str(path), stat.st_ino, stat.st_mtime_ns))
    return found

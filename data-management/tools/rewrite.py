"""Writes a dataset from pieces of others: the one engine under delete, filter, split, merge, trim and curate.

Rows are slices of the original tables: apart from the index columns, which the format numbers anew, they keep every
bit, whatever their type. Video packets are copied (`clips.py`). Statistics of untouched episodes are kept, those of cut
ones and of the index columns are computed from the new rows, the dataset's are aggregated from them as LeRobot does.
"""

import getpass
import json
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from physai.infrastructure.aside import whole_folder
from physai.infrastructure.contracts import (
    Contract,
    DatasetEdit,
    DatasetProvenance,
    Digest,
    DroppedEpisode,
    digest_tree,
)
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.files import FileNumber
from physai.infrastructure.datasets.identity import numbers
from physai.infrastructure.datasets.info import ANCESTORS, EPISODES, INFO, NOT_CONTENT, NUMBERS, PROVENANCE, STATS
from physai.infrastructure.datasets.metadata import write_tasks
from physai.infrastructure.datasets.stats import (
    NAMES,
    Stats,
    aggregate_stacked,
    column_stats,
    image_stats,
)

from ..annotations import Annotations, Moved
from ..errors import EmptyResultError, MergeError
from .clips import CameraFiles, Range
from .provenance import provenance_of

OWN = ("data", "videos", "images", "meta")
"""Folders that are written anew; other files of the first dataset are copied."""


@dataclass(frozen=True)
class Piece:
    """Consecutive rows of one episode."""

    dataset: Dataset
    episode: int
    first: int
    """Row within the episode."""
    last: int
    """The row after the last."""

    @classmethod
    def whole(cls, dataset: Dataset, episode: int) -> "Piece":
        """All of an episode."""
        return cls(dataset, episode, 0, dataset.lengths[episode])

    @property
    def rows(self) -> int:
        """How many."""
        return self.last - self.first

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the episode is left out."""
        return (self.first, self.last) == (0, self.dataset.lengths[self.episode])


class EditReport(Contract):
    """What an edit made."""

    operation: str
    dataset: str
    content: Digest
    parents: tuple[Digest, ...]
    episodes: int
    rows: int
    splits: dict[str, int]
    """Name → episodes."""
    dropped: tuple[DroppedEpisode, ...] = ()
    cut: int = 0
    """Episodes of which rows were left out."""
    encoded_frames: int = 0
    """Frames that were encoded again, because a cut fell inside a group of pictures; all others are copies."""
    undo: str | None = None
    """Where the dataset as it was is kept; None if it was not replaced."""


def rewrite(
    pieces: Sequence[Piece],
    output: Path,
    operation: str,
    *,
    arguments: Mapping[str, str] | None = None,
    splits: Mapping[str, int] | None = None,
    dropped: Sequence[DroppedEpisode] = (),
    edit_id: str | None = None,
) -> EditReport:
    """Write a dataset of these pieces, in this order; it appears whole or not at all.

    Args:
        pieces: Of datasets with the same features and rate.
        output: Where it appears.
        operation: Goes into the provenance, as do the next.
        arguments: What the operation was given.
        splits: Name → number of episodes, in the order of the pieces; by default all are `train`.
        dropped: What was left out, and why.
        edit_id: 32 hexadecimal digits.

    Raises:
        EmptyResultError: If there are no pieces.
        MergeError: If datasets do not fit together.
        DatasetError: If one cannot be read, or is not what its provenance says.
    """
    if not pieces:
        raise EmptyResultError(output, operation)
    datasets = list(dict.fromkeys(piece.dataset for piece in pieces))
    for dataset in datasets:
        check_mergeable(dataset, datasets[0])
    parents = {dataset.root: provenance_of(dataset) for dataset in datasets}
    first = datasets[0]
    with whole_folder(output) as part:
        _copy_other_files(first.root, part)
        tasks = _tasks(pieces)
        rows = _RowFiles(part, first)
        described = [rows.add(number, piece, tasks) for number, piece in enumerate(pieces)]
        rows.close()
        encoded = 0
        for camera in first.info.cameras:
            files = CameraFiles(
                part,
                first.info.video_path or "",
                camera,
                fps=first.fps,
                limit_mb=first.info.video_files_size_in_mb,
                per_chunk=first.info.chunks_size,
            )
            for row, more in zip(described, files.write([_range(piece, camera) for piece in pieces]), strict=True):
                row |= more
            encoded += files.encoded
        counts = dict(splits or {"train": len(pieces)})
        _write_info(part, first, described, tasks, counts)
        write_tasks(part, {task: number for number, task in enumerate(tasks)})
        _write_episodes(part, _episodes(part, first, pieces, described, rows.stats))
        for digest, ancestor in _ancestors(datasets, parents).items():
            ancestor.write(part / ANCESTORS / f"{digest.replace(':', '-')}.json")
        written = Dataset(part)
        edit = DatasetEdit(
            id=edit_id or uuid.uuid4().hex,
            operation=operation,
            arguments=dict(arguments or {}),
            author=getpass.getuser(),
            encoded_frames=encoded,
        )
        provenance = _provenance(part, pieces, parents, edit, dropped)
        provenance.write(part / PROVENANCE)
        _carry(written, pieces)
    return EditReport(
        operation=operation,
        dataset=str(output),
        content=provenance.content,
        parents=provenance.parents,
        episodes=len(pieces),
        rows=described[-1]["dataset_to_index"],
        splits=counts,
        dropped=tuple(dropped),
        cut=sum(not piece.is_whole for piece in pieces),
        encoded_frames=encoded,
    )


def check_mergeable(dataset: Dataset, first: Dataset) -> None:
    """Refuse datasets whose episodes cannot be in one.

    Raises:
        MergeError: If rate, robot or features differ.
    """
    for what in ("fps", "robot_type"):
        if getattr(dataset.info, what) != getattr(first.info, what):
            raise MergeError(dataset.root, what, getattr(dataset.info, what), getattr(first.info, what))
    found, expected = dataset.info.features, first.info.features
    for name in sorted(found.keys() | expected.keys()):
        here = found[name].merge_key if name in found else "absent"
        there = expected[name].merge_key if name in expected else "absent"
        if here != there:
            raise MergeError(dataset.root, f"feature '{name}'", here, there)


class _RowFiles:
    """The data files, one row group per episode."""

    def __init__(self, part: Path, first: Dataset) -> None:
        self._part, self._info = part, first.info
        self._schema = first.rows(0).schema
        self._number = FileNumber(self._info.chunks_size)
        self._writer: pq.ParquetWriter | None = None
        self._end = 0
        self._task_numbers: dict[Path, NDArray[np.int64]] = {}
        self.stats: list[dict[str, Stats]] = []
        """Of the columns that changed, by episode."""

    def add(self, episode: int, piece: Piece, tasks: Sequence[str]) -> dict[str, Any]:
        """Write the rows of one episode; returns what its row in the episodes file says of them."""
        table = piece.dataset.rows(piece.episode).slice(piece.first, piece.rows)
        root = piece.dataset.root
        if root not in self._task_numbers:
            self._task_numbers[root] = np.array([tasks.index(task) for task in piece.dataset.task_names])
        changed = _index_columns(piece, table, episode, self._end, self._task_numbers[root])
        for name, values in changed.items():
            field = self._schema.field(name)
            table = table.set_column(table.column_names.index(name), field, pa.array(values, field.type))
        self._write(table.select(self._schema.names).cast(self._schema))
        self.stats.append(_new_stats(piece, changed))
        self._end += piece.rows
        return {
            "episode_index": episode,
            "length": piece.rows,
            **{f"data/{name}": number for name, number in self._number.fields.items()},
            "dataset_from_index": self._end - piece.rows,
            "dataset_to_index": self._end,
        }

    def _write(self, table: pa.Table) -> None:
        if self._writer is not None and self._path.stat().st_size >= self._info.data_files_size_in_mb * 2**20:
            self.close()
            self._number.count += 1
        if self._writer is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self._path, self._schema, compression="snappy")
        self._writer.write_table(table)

    @property
    def _path(self) -> Path:
        return self._part / self._info.data_path.format(**self._number.fields)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _index_columns(
    piece: Piece, table: pa.Table, episode: int, start: int, task_numbers: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Columns that number rows, episodes and tasks, as far as they change."""
    frames = np.arange(piece.rows)
    columns: dict[str, NDArray[Any]] = {"index": start + frames, "episode_index": np.full(piece.rows, episode)}
    columns["task_index"] = task_numbers[table["task_index"].to_numpy()]
    if piece.first:
        columns |= {"frame_index": frames, "timestamp": (frames / piece.dataset.fps).astype(np.float32)}
    return columns


def _new_stats(piece: Piece, changed: Mapping[str, NDArray[Any]]) -> dict[str, Stats]:
    """Statistics of what is not as it was: of all features if the episode was cut."""
    stats = {name: column_stats(values) for name, values in changed.items()}
    if piece.is_whole:
        return stats
    columns = piece.dataset.episode(piece.episode)
    for name, feature in piece.dataset.info.features.items():
        if feature.is_video:
            frames = piece.dataset.frames(piece.episode, name)
            stats[name] = image_stats(frames[piece.first : piece.last])
        elif name not in stats and feature.dtype in NUMBERS:
            stats[name] = column_stats(columns[name][piece.first : piece.last])
    return stats


def _range(piece: Piece, camera: str) -> Range:
    path, start = piece.dataset.clip(piece.episode, camera)
    return Range(path, start + piece.first, piece.rows)


def _tasks(pieces: Sequence[Piece]) -> list[str]:
    """All tasks of the first dataset, so that its task_index stays, then those of the others."""
    return list(dict.fromkeys(task for piece in pieces for task in piece.dataset.task_names))


def _episodes(
    part: Path,
    first: Dataset,
    pieces: Sequence[Piece],
    described: Sequence[Mapping[str, Any]],
    changed: Sequence[Mapping[str, Stats]],
) -> pa.Table:
    """The episodes file, and the dataset's statistics, which are written."""
    kept = [piece.dataset.episodes_table.slice(piece.episode, 1).replace_schema_metadata(None) for piece in pieces]
    table = pa.concat_tables(kept, promote_options="permissive").combine_chunks()
    for name in described[0]:
        table = _set(table, name, pa.array([row[name] for row in described]))
    for name in ("chunk_index", "file_index"):
        table = _set(table, f"meta/episodes/{name}", pa.array(np.zeros(len(pieces), np.int64)))
    for feature in first.info.features:
        for name in NAMES:
            if (column := f"stats/{feature}/{name}") in table.column_names:
                table = _set(table, column, _replaced(table[column], [s.get(feature) for s in changed], name))
    totals = {feature: _total(table, feature) for feature in first.info.features}
    stored = {f: {k: v.tolist() for k, v in stats.items()} for f, stats in totals.items() if stats is not None}
    (part / STATS).write_text(json.dumps(stored, indent=4))
    return table


def _replaced(column: "pa.ChunkedArray[Any]", changed: Sequence[Stats | None], name: str) -> "pa.Array[Any]":
    """A column of statistics in which those that changed are replaced."""
    if all(stats is None for stats in changed):
        return pa.concat_arrays(column.chunks)
    old = column.to_pylist() if any(stats is None for stats in changed) else [None] * len(changed)
    values = [o if s is None else s[name].tolist() for o, s in zip(old, changed, strict=True)]
    replaced: pa.Array[Any] = pa.array(values, column.type)
    return replaced


def _total(table: pa.Table, feature: str) -> Stats | None:
    """Statistics of one feature of the dataset; None if an episode lacks them."""
    names = [name for name in NAMES if f"stats/{feature}/{name}" in table.column_names]
    columns = {name: table[f"stats/{feature}/{name}"] for name in names}
    if not {"min", "max", "mean", "std", "count"} <= columns.keys() or any(c.null_count for c in columns.values()):
        return None
    stacked = {name: numbers(column) for name, column in columns.items()}
    return aggregate_stacked(stacked | {"count": stacked["count"].astype(np.int64)})


def _set(table: pa.Table, name: str, values: "pa.Array[Any]") -> pa.Table:
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, values)
    return table.append_column(name, values)


def _write_episodes(part: Path, table: pa.Table) -> None:
    path = part / EPISODES.format(chunk_index=0, file_index=0)
    path.parent.mkdir(parents=True)
    pq.write_table(table, path)


def _write_info(
    part: Path, first: Dataset, rows: Sequence[Mapping[str, Any]], tasks: Sequence[str], splits: Mapping[str, int]
) -> None:
    """The first dataset's info, keys of others included, with the new numbers."""
    content = json.loads((first.root / INFO).read_bytes())
    ends = accumulate(splits.values())
    ranges = {name: f"{end - count}:{end}" for (name, count), end in zip(splits.items(), ends, strict=True) if count}
    content |= {
        "total_episodes": len(rows),
        "total_frames": rows[-1]["dataset_to_index"],
        "total_tasks": len(tasks),
        "splits": ranges,
    }
    (part / "meta").mkdir(exist_ok=True)
    (part / INFO).write_text(json.dumps(content, indent=4, ensure_ascii=False))


def _copy_other_files(source: Path, part: Path) -> None:
    """What people put beside the data, e.g. README.md or a licence."""
    for path in sorted(source.iterdir()):
        if path.name in OWN or path.name.startswith("."):
            continue
        (shutil.copytree if path.is_dir() else shutil.copy2)(path, part / path.name)


def _ancestors(
    datasets: Sequence[Dataset], parents: Mapping[Path, DatasetProvenance]
) -> dict[Digest, DatasetProvenance]:
    found: dict[Digest, DatasetProvenance] = {}
    for dataset in datasets:
        found |= {parents[dataset.root].content: parents[dataset.root], **dataset.ancestors}
    return found


def _provenance(
    part: Path,
    pieces: Sequence[Piece],
    parents: Mapping[Path, DatasetProvenance],
    edit: DatasetEdit,
    dropped: Sequence[DroppedEpisode],
) -> DatasetProvenance:
    sources = []
    for number, piece in enumerate(pieces):
        parent = parents[piece.dataset.root]
        changes = {"episode": number, "source": parent.content, "source_episode": piece.episode}
        cut = {"rows": None if piece.is_whole else (piece.first, piece.last)}
        sources.append(parent.episodes[piece.episode].model_copy(update=changes | cut))
    first = parents[pieces[0].dataset.root]
    return DatasetProvenance(
        content=digest_tree(part, NOT_CONTENT),
        task=first.task,
        robot=first.robot,
        created_at=datetime.now(UTC),
        parents=tuple(dict.fromkeys(parent.content for parent in parents.values())),
        episodes=tuple(sources),
        dropped=tuple(dropped),
        edit=edit,
    )


def _carry(written: Dataset, pieces: Sequence[Piece]) -> None:
    """Take along what people said of the episodes."""
    store = Annotations(written)
    for dataset in dict.fromkeys(piece.dataset for piece in pieces):
        moved: dict[Digest, list[Moved]] = {}
        for number, piece in enumerate(pieces):
            if piece.dataset is dataset:
                move = Moved(key=written.keys[number], from_row=piece.first, to_row=piece.last)
                moved.setdefault(dataset.keys[piece.episode], []).append(move)
        store.carry(Annotations(dataset), moved)

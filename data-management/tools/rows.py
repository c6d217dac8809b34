"""The data files of an edited dataset: rows are moved a file at a time, and a file that stays as it is is linked.

Rows are slices of the original tables: apart from the index columns, which the format numbers anew, they keep every
bit, whatever their type. One row group per episode, as LeRobot writes them.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.files import FileNumber, row_writer
from physai.infrastructure.datasets.info import NUMBERS
from physai.infrastructure.datasets.stats import Stats, column_stats

from .clips import link_file
from .pieces import Piece, Tasks

COUNTING = ("index", "episode_index")
"""Columns that are numbered anew in every episode; their statistics follow from that."""

FULL = 0.5  # of the size at which a file is full: smaller ones are written together


class RowFiles:
    """Writes the data files."""

    def __init__(self, part: Path, first: Dataset, tasks: Tasks) -> None:
        """Prepare to write.

        Args:
            part: Folder of the dataset.
            first: The dataset whose types and limits it has.
            tasks: Of the new dataset.
        """
        self._part, self._info, self._tasks = part, first.info, tasks
        self._schema = pq.read_schema(first.data_file(0))
        self._number = FileNumber(self._info.chunks_size)
        self._limit = self._info.data_files_size_in_mb * 2**20
        self._path: Path | None = None
        """The last file."""
        self._writer: pq.ParquetWriter | None = None
        self._episodes = self._end = 0
        self.stats: dict[str, dict[int, Stats]] = {}
        """Feature → episode → statistics, of what is neither as it was nor counts the rows and episodes."""

    def write(self, pieces: Sequence[Piece], done: Callable[[int], None]) -> list[dict[str, Any]]:
        """Write the rows of all episodes in order.

        Args:
            pieces: One per episode.
            done: Is told of episodes that are written.

        Returns:
            What each episode's row in the episodes file says of them.
        """
        described: list[dict[str, Any]] = []
        for file, group in groupby(pieces, lambda piece: (piece.dataset, piece.dataset.data_file(piece.episode))):
            together = list(group)
            described += (self._link if self._stays(file[1], together) else self._rewrite)(together, done)
        self._close()
        return described

    def _stays(self, path: Path, pieces: Sequence[Piece]) -> bool:
        """Whether a file is full, and all of it is kept under the numbers that it has."""
        dataset, first = pieces[0].dataset, pieces[0].episode
        if path.stat().st_size < FULL * self._limit or dataset not in self._tasks.staying:
            return False
        file = pq.ParquetFile(path)
        same = [piece.is_whole and piece.episode == self._episodes + i for i, piece in enumerate(pieces)]
        rows = sum(piece.rows for piece in pieces)
        numbers = (dataset.first_row(first), file.metadata.num_rows)
        return all(same) and numbers == (self._end, rows) and file.schema_arrow.equals(self._schema, True)

    def _link(self, pieces: Sequence[Piece], done: Callable[[int], None]) -> list[dict[str, Any]]:
        self._close()
        link_file(pieces[0].dataset.data_file(pieces[0].episode), self._next())
        done(len(pieces))
        return [self._described(piece) for piece in pieces]

    def _rewrite(self, pieces: Sequence[Piece], done: Callable[[int], None]) -> list[dict[str, Any]]:
        table = self._renumbered(pieces, _selected(pieces))
        described, start = [], 0
        for piece in pieces:
            self._write(table.slice(start, piece.rows))
            self._note_stats(piece)
            described.append(self._described(piece))
            start += piece.rows
            done(1)
        return described

    def _renumbered(self, pieces: Sequence[Piece], table: pa.Table) -> pa.Table:
        """The table with its index columns numbered anew, in the types of the dataset."""
        dataset = pieces[0].dataset
        lengths = [piece.rows for piece in pieces]
        columns: dict[str, Any] = {
            "index": self._end + np.arange(len(table)),
            "episode_index": np.repeat(self._episodes + np.arange(len(pieces)), lengths),
        }
        if dataset not in self._tasks.staying:
            columns["task_index"] = self._tasks.renumbered(dataset, table["task_index"].to_numpy())
        start = 0
        for piece in pieces:
            for name, values in piece.renumbered().items():
                columns.setdefault(name, np.array(table[name].to_numpy()))[start : start + piece.rows] = values
            start += piece.rows
        for name, values in columns.items():
            field = self._schema.field(name)
            table = table.set_column(table.column_names.index(name), field, pa.array(values, field.type))
        return table.select(self._schema.names).cast(self._schema).combine_chunks()

    def _write(self, table: pa.Table) -> None:
        if self._path is not None and self._writer is not None and self._path.stat().st_size >= self._limit:
            self._close()
        if self._writer is None:
            self._writer = row_writer(self._next(), self._schema)
        self._writer.write_table(table)

    def _described(self, piece: Piece) -> dict[str, Any]:
        """What the episodes file says of the next episode."""
        self._episodes += 1
        self._end += piece.rows
        return {
            "episode_index": self._episodes - 1,
            "length": piece.rows,
            **{f"data/{name}": number for name, number in self._number.fields.items()},
            "dataset_from_index": self._end - piece.rows,
            "dataset_to_index": self._end,
        }

    def _note_stats(self, piece: Piece) -> None:
        """Compute statistics of what is not as it was: of all features if the episode was cut."""
        dataset = piece.dataset
        if piece.is_whole:
            if dataset not in self._tasks.staying:
                values = dataset.rows(piece.episode)["task_index"].to_numpy()
                self._keep("task_index", column_stats(self._tasks.renumbered(dataset, values)))
            return
        columns = {name: values[piece.first : piece.last] for name, values in dataset.episode(piece.episode).items()}
        columns |= piece.renumbered()
        columns["task_index"] = self._tasks.renumbered(dataset, columns["task_index"])
        for name, feature in dataset.info.features.items():
            if feature.is_video:
                self._keep(name, dataset.camera_stats(piece.episode, name, piece.first, piece.last))
            elif feature.dtype in NUMBERS and name not in COUNTING:
                self._keep(name, column_stats(columns[name]))

    def _keep(self, feature: str, stats: Stats) -> None:
        self.stats.setdefault(feature, {})[self._episodes] = stats

    def _next(self) -> Path:
        if self._path is not None:
            self._number.count += 1
        self._path = self._part / self._info.data_path.format(**self._number.fields)
        return self._path

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _selected(pieces: Sequence[Piece]) -> pa.Table:
    """The rows of pieces that lie in one file; those that follow one another are one slice."""
    dataset, episode = pieces[0].dataset, pieces[0].episode
    table, start = dataset.located(episode)
    before = dataset.first_row(episode) - start  # rows of the dataset in earlier files
    slices, begin, end = [], 0, 0
    for piece in pieces:
        first = dataset.first_row(piece.episode) - before
        if first + piece.first != end:
            slices.append(table.slice(begin, end - begin))
            begin = first + piece.first
        end = first + piece.last
    return pa.concat_tables([*slices, table.slice(begin, end - begin)])

"""Reads and writes the metadata of a dataset as LeRobot does: statistics, tasks and episodes."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .errors import TornFileError
from .info import EPISODES, STATS, TASKS, Info
from .stats import Stats, aggregate

PLACE = ("chunk_index", "file_index")
"""Of an episode's file, within its columns `data/` and `videos/CAMERA/`."""


def read_stats(root: Path) -> dict[str, Stats]:
    """Statistics of each feature over the whole dataset; empty if it has none.

    Raises:
        TornFileError: If they cannot be understood.
    """
    path = root / STATS
    try:
        told = json.loads(path.read_bytes())
        return {name: {key: np.array(v, np.float64) for key, v in stats.items()} for name, stats in told.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        raise TornFileError(path, error) from error


def read_episodes(root: Path, info: Info, *, statistics: bool = True) -> pa.Table:
    """One row per episode: where its rows and frames are, and its statistics.

    Args:
        root: The dataset.
        info: Of the same dataset.
        statistics: Read them too; they are most of the file.

    Raises:
        TornFileError: If the file is absent or torn, or a column is, or is of another type.
    """
    folder = root / EPISODES.partition("/chunk")[0]
    tables = [_episodes_of(path, statistics) for path in sorted(folder.glob("*/*.parquet"))]
    if not tables:
        raise TornFileError(folder, "no episodes file")
    try:
        table = pa.concat_tables(tables, promote_options="default")
    except pa.ArrowException as error:  # of files that disagree
        raise TornFileError(folder, _line(error)) from error
    cameras = [f"videos/{name}" for name in info.cameras]
    whole = ["episode_index", "length", "dataset_from_index", "dataset_to_index"]
    whole += [f"{kind}/{name}" for kind in ("data", *cameras) for name in PLACE]
    times = [f"{camera}/{name}_timestamp" for camera in cameras for name in ("from", "to")]
    for name in (*whole, *times, "tasks"):
        if name not in table.column_names:
            raise TornFileError(folder, f"no column {name}")
        column = table[name]
        fits = _are_tasks(column) if name == "tasks" else _are_numbers(column.type, whole=name in whole)
        if column.null_count or not fits:
            raise TornFileError(folder, f"column {name} is {column.type} with {column.null_count} empty values")
    for name in table.column_names:
        if name.startswith("stats/") and not _are_alike(table[name]):
            raise TornFileError(folder, f"column {name} is {table[name].type}, or of rows that are not alike")
    return table


def _episodes_of(path: Path, statistics: bool) -> pa.Table:
    try:
        names = pq.read_schema(path).names
        return pq.read_table(path, columns=[name for name in names if statistics or not name.startswith("stats/")])
    except (pa.ArrowException, OSError) as error:
        raise TornFileError(path, _line(error)) from error


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _are_tasks(column: "pa.ChunkedArray[Any]") -> bool:
    """Whether each row has tasks."""
    if not pa.types.is_list(column.type) or str(column.type.value_type) not in ("string", "large_string"):
        return False
    least = pc.min(pc.list_value_length(column)).as_py()
    return least is None or least > 0


def _are_numbers(kind: "pa.DataType", *, whole: bool = False) -> bool:
    return pa.types.is_integer(kind) or (pa.types.is_floating(kind) and not whole)


def _are_alike(column: "pa.ChunkedArray[Any]") -> bool:
    """Whether each row is a number, or as many of them as the others; or there are none at all."""
    flat: Any = column.drop_null()
    while pa.types.is_list(flat.type) or pa.types.is_fixed_size_list(flat.type):
        lengths = pc.min_max(pc.list_value_length(flat))
        if lengths["min"] != lengths["max"]:
            return False
        flat = pc.list_flatten(flat)
    return _are_numbers(flat.type) or pa.types.is_boolean(flat.type) or pa.types.is_null(flat.type)


def write_stats(root: Path, episodes: Sequence[Mapping[str, Stats]]) -> None:
    """Write the statistics of the whole dataset."""
    total = {name: {key: value.tolist() for key, value in stat.items()} for name, stat in aggregate(episodes).items()}
    (root / STATS).write_text(json.dumps(total, indent=4))


def write_episodes(root: Path, rows: Sequence[Mapping[str, Any]], stats: Sequence[Mapping[str, Stats]]) -> None:
    """Write one row per episode: where its rows and frames are, and its statistics."""
    path = root / EPISODES.format(chunk_index=0, file_index=0)
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([_episode_row(*both) for both in zip(rows, stats, strict=True)]), path)


def write_tasks(root: Path, tasks: Mapping[str, int]) -> None:
    """Write task names as the index of a pandas frame, which is how LeRobot reads them."""
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
    pq.write_table(table.replace_schema_metadata({"pandas": json.dumps(pandas)}), root / TASKS)


def _episode_row(row: Mapping[str, Any], stats: Mapping[str, Stats]) -> dict[str, Any]:
    """One row of the episodes file, columns in LeRobot's order."""
    flat = {f"stats/{name}/{key}": value.tolist() for name, stat in stats.items() for key, value in stat.items()}
    return {**row, **flat, "meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0}

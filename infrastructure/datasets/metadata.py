"""Writes the metadata of a dataset as LeRobot does: statistics, tasks and episodes."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .info import EPISODES, STATS, TASKS
from .stats import Stats, aggregate


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

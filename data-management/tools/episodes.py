"""The episodes file of an edited dataset, and the statistics of the dataset.

Statistics of untouched episodes are kept, those of cut ones and of the index columns are the new rows', the dataset's
are aggregated from them as LeRobot does.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.identity import numbers
from physai.infrastructure.datasets.info import EPISODES, STATS
from physai.infrastructure.datasets.stats import NAMES, Stats, aggregate_stacked, counting_stats

from .pieces import Piece

NEEDED = frozenset({"min", "max", "mean", "std", "count"})


def write_episodes(
    part: Path,
    first: Dataset,
    pieces: Sequence[Piece],
    described: Sequence[Mapping[str, Any]],
    changed: Mapping[str, Mapping[int, Stats]],
) -> None:
    """Write the episodes file and the dataset's statistics.

    Args:
        part: Folder of the dataset.
        first: The dataset whose features it has.
        pieces: One per episode.
        described: Of each episode, where its rows and frames are.
        changed: Feature → episode → statistics that are not as they were.
    """
    table = _kept(pieces)
    for name in described[0]:
        table = _set(table, name, pa.array([row[name] for row in described]))
    for name in ("chunk_index", "file_index"):
        table = _set(table, f"meta/episodes/{name}", pa.array(np.zeros(len(pieces), np.int64)))
    starts, rows = (np.array([row[name] for row in described]) for name in ("dataset_from_index", "length"))
    table = _replace_all(table, "index", counting_stats(starts, rows))
    table = _replace_all(table, "episode_index", counting_stats(np.arange(len(pieces)), rows, step=0))
    for feature, stats in changed.items():
        table = _replace_some(table, feature, stats)
    path = part / EPISODES.format(chunk_index=0, file_index=0)
    path.parent.mkdir(parents=True)
    pq.write_table(table, path)
    _write_totals(part, first, table)


def _kept(pieces: Sequence[Piece]) -> pa.Table:
    """What the datasets say of the episodes, in the new order."""
    datasets = list(dict.fromkeys(piece.dataset for piece in pieces))
    tables = [dataset.episodes_table.replace_schema_metadata(None) for dataset in datasets]
    first = dict(zip(datasets, np.cumsum([0, *map(len, tables)]).tolist(), strict=False))
    together = pa.concat_tables(tables, promote_options="permissive")
    return together.take(pa.array([first[piece.dataset] + piece.episode for piece in pieces]))


def _replace_all(table: pa.Table, feature: str, stats: Stats) -> pa.Table:
    """Other statistics of a feature in every episode, shape (E, 1) each; those that the datasets lack stay away."""
    bounds: Any = pa.array(range(len(table) + 1), pa.int32())
    for name, values in stats.items():
        if (column := f"stats/{feature}/{name}") in table.column_names:
            each: Any = pa.array(values.ravel())
            lists = pa.ListArray.from_arrays(bounds, each)
            table = _set(table, column, lists.cast(table.schema.field(column).type))
    return table


def _replace_some(table: pa.Table, feature: str, stats: Mapping[int, Stats]) -> pa.Table:
    """Other statistics of a feature in some episodes."""
    for name in NAMES:
        if (column := f"stats/{feature}/{name}") in table.column_names:
            values = table[column].to_pylist()
            for episode, found in stats.items():
                values[episode] = found[name].tolist()
            table = _set(table, column, pa.array(values, table.schema.field(column).type))
    return table


def _set(table: pa.Table, name: str, values: "pa.Array[Any]") -> pa.Table:
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, values)
    return table.append_column(name, values)


def _write_totals(part: Path, first: Dataset, table: pa.Table) -> None:
    totals = {feature: _total(table, feature) for feature in first.info.features}
    stored = {f: {k: v.tolist() for k, v in stats.items()} for f, stats in totals.items() if stats is not None}
    (part / STATS).write_text(json.dumps(stored, indent=4))


def _total(table: pa.Table, feature: str) -> Stats | None:
    """Statistics of one feature of the dataset; None if an episode lacks them."""
    names = [name for name in NAMES if f"stats/{feature}/{name}" in table.column_names]
    columns = {name: table[f"stats/{feature}/{name}"] for name in names}
    if not columns.keys() >= NEEDED or any(column.null_count for column in columns.values()):
        return None
    stacked = {name: numbers(column) for name, column in columns.items()}
    return aggregate_stacked(stacked | {"count": stacked["count"].astype(np.int64)})

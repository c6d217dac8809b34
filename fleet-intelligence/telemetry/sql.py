"""The store's tables in DuckDB: how they are made, filled with every event once, and read back as events."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from physai.infrastructure.contracts import CloudEvent

from .tables import ENVELOPE, TABLES, Table

if TYPE_CHECKING:
    import duckdb

VERSION = 2
OWN = {"received_at": "TIMESTAMPTZ", "key": "UHUGEINT", "content": "UBIGINT"}
"""Columns that only this store has: when an event came, what names it, and a hash that tells contradictions."""


def _create(table: Table) -> str:
    columns = {column.name: column.duckdb for column in table.columns} | OWN
    return f"CREATE TABLE {table.name} ({', '.join(f'{name} {kind}' for name, kind in columns.items())});"


CREATE = " ".join(
    [
        *map(_create, TABLES.values()),
        "CREATE TABLE refusals (reason VARCHAR PRIMARY KEY, events BIGINT, last TIMESTAMPTZ);",
        "CREATE TABLE store (version INTEGER);",
        f"INSERT INTO store VALUES ({VERSION});",  # noqa: S608 - a number of ours
    ]
)


def _structure(table: Table) -> str:
    """The shape of an event, as DuckDB's `from_json` wants it."""
    kinds = {column.path: column.duckdb for column in table.columns}
    shape: dict[str, Any] = {attribute: kinds[f"$.{attribute}"] for attribute in ENVELOPE}
    shape["data"] = {column.name: ["DOUBLE"] if column.duckdb == "DOUBLE[]" else column.duckdb for column in table.data}
    return json.dumps(shape)


def _stage(table: Table) -> str:
    """Rows of `lines`, with key and content, under the name `staged`; the first of a key only."""
    envelope = ", ".join(f"e.{attribute} AS {name}" for attribute, name in ENVELOPE.items())
    data = ", ".join(f"e.data.{column.name}" for column in table.data)
    return (
        f"CREATE OR REPLACE TEMP TABLE staged AS "  # noqa: S608 - names are ours
        f"SELECT {envelope}, {data}, ?::TIMESTAMPTZ AS received_at, "
        f"md5_number(e.source || chr(31) || e.id) AS key, hash(e) AS content "
        f"FROM (SELECT from_json(line, '{_structure(table)}') AS e FROM lines)"
    )


def _insert(table: Table) -> str:
    names = ", ".join([column.name for column in table.columns] + list(OWN))
    return (
        f"INSERT INTO {table.name} "  # noqa: S608 - names are ours
        f"SELECT {names} FROM (SELECT *, row_number() OVER (PARTITION BY key) AS nth FROM staged) "
        f"WHERE nth = 1 AND key NOT IN (SELECT key FROM {table.name} WHERE key IN (SELECT key FROM staged))"
    )


def add(
    connection: "duckdb.DuckDBPyConnection", table: Table, lines: Sequence[bytes]
) -> tuple[int, int, tuple[str, ...]]:
    """Keep what is new, inside a transaction of the caller's.

    Args:
        connection: May write.
        table: What the lines hold.
        lines: Events that came through the door.

    Returns:
        How many were added, how many were known word for word, and the ids of those known with another content.
    """
    import pyarrow

    connection.register("lines", pyarrow.table({"line": pyarrow.array(lines, pyarrow.string())}))
    connection.execute(_stage(table), [datetime.now(UTC)])
    connection.unregister("lines")
    (added,) = connection.execute(_insert(table)).fetchone() or (0,)
    if added == len(lines):
        return added, 0, ()
    other = connection.execute(
        f"SELECT staged.event_id FROM staged JOIN {table.name} AS kept USING (key) "  # noqa: S608 - names are ours
        "WHERE staged.content != kept.content ORDER BY 1"
    ).fetchall()
    return added, len(lines) - added - len(other), tuple(event_id for (event_id,) in other)


def event_of[Event: CloudEvent](table: Table, row: dict[str, Any], kind: type[Event]) -> Event:
    """An event from its row."""
    data = {
        column.name: tuple(row[column.name]) if isinstance(row[column.name], list) else row[column.name]
        for column in table.data
    }
    envelope = {attribute: row[name] for attribute, name in ENVELOPE.items()}
    return kind.model_validate({**envelope, "data": data})

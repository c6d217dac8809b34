"""The store's tables in DuckDB: how they are made, filled with every event once, and read back as events."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from physai.infrastructure.contracts import CloudEvent
from physai.infrastructure.kusto import ENVELOPE, Table

from .tables import TABLES

if TYPE_CHECKING:
    import duckdb
    import pyarrow

VERSION = 2
OWN = {"received_at": "TIMESTAMPTZ", "key": "UHUGEINT", "content": "UBIGINT"}
"""Columns that only this store has: when an event came, what names it, and a hash that tells contradictions."""


def create(table: Table) -> str:
    """Statement that makes a table."""
    columns = {column.name: column.duckdb for column in table.columns} | OWN
    return f"CREATE TABLE {table.name} ({', '.join(f'{name} {kind}' for name, kind in columns.items())});"


CREATE = " ".join(
    [
        *map(create, TABLES.values()),
        "CREATE TABLE refusals (reason VARCHAR PRIMARY KEY, events BIGINT, last TIMESTAMPTZ);",
        "CREATE TABLE store (version INTEGER);",
        f"INSERT INTO store VALUES ({VERSION});",  # noqa: S608 - a number of ours
    ]
)


def _keyed(table: Table) -> str:
    """The rows of `arrived`, with key and content. The content is hashed in the shape of the event."""
    envelope = ", ".join(f"{attribute} := {name}" for attribute, name in ENVELOPE.items())
    data = ", ".join(f"{column.name} := {column.name}" for column in table.data)
    return (
        f"SELECT *, md5_number(source || chr(31) || event_id) AS key, "  # noqa: S608 - names are ours
        f"hash(struct_pack({envelope}, data := struct_pack({data}))) AS content FROM arrived"
    )


def _insert(table: Table) -> str:
    names = ", ".join([column.name for column in table.columns] + list(OWN))
    return (
        f"WITH keyed AS MATERIALIZED ({_keyed(table)}) "  # noqa: S608 - names are ours
        f"INSERT INTO {table.name} ({names}) SELECT {names.replace('received_at', '?::TIMESTAMPTZ')} FROM keyed "
        f"WHERE key NOT IN (SELECT key FROM {table.name} WHERE key IN (SELECT key FROM keyed))"
    )


def add(
    connection: "duckdb.DuckDBPyConnection", table: Table, arrived: "pyarrow.Table"
) -> tuple[int, int, tuple[str, ...]]:
    """Keep what is new, inside a transaction of the caller's.

    Args:
        connection: May write.
        table: What the events are of.
        arrived: Events that came through the door, one a row.

    Returns:
        How many were added, how many were known word for word, and the ids of those known with another content.
    """
    connection.register("arrived", _first_of_each(arrived))
    (added,) = connection.execute(_insert(table), [datetime.now(UTC)]).fetchone() or (0,)
    if added == len(arrived):
        return added, 0, ()
    connection.register("arrived", arrived)
    other = connection.execute(
        f"SELECT keyed.event_id FROM ({_keyed(table)}) AS keyed JOIN {table.name} AS kept USING (key) "  # noqa: S608 - names are ours
        "WHERE keyed.content != kept.content ORDER BY 1"
    ).fetchall()
    return added, len(arrived) - added - len(other), tuple(event_id for (event_id,) in other)


def _first_of_each(arrived: "pyarrow.Table") -> "pyarrow.Table":
    """Of events with one name, that which came first."""
    import pyarrow
    import pyarrow.compute

    if pyarrow.compute.count_distinct(arrived["event_id"]).as_py() == len(arrived):
        return arrived
    name = ["source", "event_id"]
    numbered = arrived.select(name).append_column("nth", pyarrow.array(range(len(arrived)), pyarrow.int64()))
    firsts = numbered.group_by(name).aggregate([("nth", "min")])["nth_min"]
    return arrived if len(firsts) == len(arrived) else arrived.take(firsts)


def event_of[Event: CloudEvent](table: Table, row: dict[str, Any], kind: type[Event]) -> Event:
    """An event from its row."""
    data = {
        column.name: tuple(row[column.name]) if isinstance(row[column.name], list) else row[column.name]
        for column in table.data
    }
    envelope = {attribute: row[name] for attribute, name in ENVELOPE.items()}
    return kind.model_validate({**envelope, "data": data})

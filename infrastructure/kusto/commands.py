"""What makes the tables in Kusto (Azure Data Explorer, Fabric Eventhouse), as one script to run there.

Each event is kept once by a materialized view that takes one row per source and id, since Kusto's tables have no keys.
Source: learn.microsoft.com/kusto/management/materialized-views/materialized-view-create-or-alter.
"""

import json
from collections.abc import Iterable

from .tables import Table

RETENTION_DAYS = 90


def raw(table: Table) -> str:
    """Name of the table that takes events in, some of them perhaps twice."""
    return f"{table.name}Raw"


def mapping(table: Table) -> str:
    """Name of the table's JSON mapping."""
    return f"{table.name}Events"


def create_table(table: Table) -> str:
    """Command that makes the raw table, or adds the columns that it lacks."""
    columns = ", ".join(f"{column.name}: {column.kusto}" for column in table.columns)
    return f".create-merge table {raw(table)} ({columns})"


def create_mapping(table: Table) -> str:
    """Command that says where in an event each column is."""
    paths = [{"column": column.name, "Properties": {"Path": column.path}} for column in table.columns]
    return f".create-or-alter table {raw(table)} ingestion json mapping '{mapping(table)}' '{json.dumps(paths)}'"


def create_view(table: Table) -> str:
    """Command that makes the view which holds each event once; it is what one queries."""
    return (
        f".create-or-alter materialized-view {table.name} on table {raw(table)} "
        f"{{ {raw(table)} | summarize take_any(*) by source, event_id }}"
    )


def policies(table: Table) -> tuple[str, ...]:
    """Commands that let events stream in and age out."""
    return (
        f".alter table {raw(table)} policy streamingingestion enable",
        f".alter-merge table {raw(table)} policy retention softdelete = {RETENTION_DAYS}d recoverability = disabled",
    )


def commands(tables: Iterable[Table]) -> tuple[str, ...]:
    """Everything, in order; running it again changes nothing."""
    made: list[str] = []
    for table in tables:
        made += [create_table(table), create_mapping(table), *policies(table), create_view(table)]
    return tuple(made)


def script(tables: Iterable[Table]) -> str:
    """The commands as one script."""
    return ".execute database script with (ContinueOnErrors=false) <|\n" + "\n\n".join(commands(tables)) + "\n"

"""The tables that telemetry becomes: the same names in DuckDB, Kusto and every dashboard."""

from physai.infrastructure.contracts import ControlEvent, EpisodeEvent, HealthEvent, SignalEvent
from physai.infrastructure.kusto import EVALUATIONS, table_of

TABLES = {
    table.name: table
    for table in (
        table_of("Episodes", EpisodeEvent),
        table_of("Control", ControlEvent),
        table_of("Health", HealthEvent),
        table_of("Signals", SignalEvent),
    )
}
BY_EVENT = {table.event: table for table in TABLES.values()}
BY_TOPIC = {table.topic: table for table in TABLES.values()}
IN_KUSTO = (*TABLES.values(), EVALUATIONS)
"""In one database, so that a query can lay production beside the evaluation of the same policy."""

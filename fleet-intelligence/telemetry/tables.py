"""The tables that telemetry becomes: the same names in DuckDB, Kusto and every dashboard."""

from physai.infrastructure.contracts import ControlEvent, DriftEvent, EpisodeEvent, HealthEvent, SignalEvent
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
DRIFT = table_of("Drift", DriftEvent)
"""Written by `drift watch`; the store computes drift itself."""
IN_KUSTO = (*TABLES.values(), EVALUATIONS, DRIFT)
"""In one database, so that a query can lay production beside evaluation and drift of the same policy."""

"""Tables of events in Kusto (Azure Data Explorer, Fabric Eventhouse), made from the contracts, and the way in."""

from .commands import commands, mapping, raw, script
from .stream import MAX_BODY_BYTES, connect, stream
from .tables import ENVELOPE, EVALUATIONS, Column, Table, table_of

__all__ = [
    "ENVELOPE",
    "EVALUATIONS",
    "MAX_BODY_BYTES",
    "Column",
    "Table",
    "commands",
    "connect",
    "mapping",
    "raw",
    "script",
    "stream",
    "table_of",
]

"""Events on to Kusto: Azure Data Explorer, or an Eventhouse in Fabric, by streaming ingestion."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from physai.infrastructure import kusto

from .door import Passed
from .sql import event_of

if TYPE_CHECKING:
    from azure.kusto.data import KustoClient


class Eventhouse:
    """Takes what came through the door. A batch told twice is in the raw table twice, and in the view once."""

    def __init__(self, client: "KustoClient", database: str) -> None:
        self._client, self._database = client, database

    @classmethod
    def at(cls, uri: str, database: str) -> Self:
        """The database of a cluster, as whoever this machine is logged in as."""
        return cls(kusto.connect(uri), database)

    def take(self, batch: Passed) -> int:
        """Send the events of one table, and return how many; after an exception of the SDK's none may be forgotten."""
        lines = list(_lines(batch))
        kusto.stream(self._client, self._database, batch.table, lines)
        return len(lines)


def _lines(batch: Passed) -> Iterator[bytes]:
    for row in batch.columns.to_pylist(maps_as_pydicts="strict"):
        yield event_of(batch.table, row, batch.table.event).model_dump_json().encode()

"""Events on to Kusto: Azure Data Explorer, or an Eventhouse in Fabric, by streaming ingestion."""

import gzip
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from .door import Passed
from .kusto import mapping, raw
from .sql import event_of

if TYPE_CHECKING:
    from azure.kusto.data import KustoClient

MAX_BODY_BYTES = 4 * 2**20  # of one streaming request; learn.microsoft.com/kusto/management/streaming-ingestion


class Eventhouse:
    """Takes what came through the door. A batch told twice is in the raw table twice, and in the view once."""

    def __init__(self, client: "KustoClient", database: str) -> None:
        self._client, self._database = client, database

    @classmethod
    def at(cls, uri: str, database: str) -> Self:
        """The database of a cluster, as whoever this machine is logged in as."""
        from azure.identity import DefaultAzureCredential
        from azure.kusto.data import KustoClient, KustoConnectionStringBuilder

        who = KustoConnectionStringBuilder.with_azure_token_credential(uri, DefaultAzureCredential())
        return cls(KustoClient(who), database)

    def take(self, batch: Passed) -> int:
        """Send the events of one table, and return how many; after an exception of the SDK's none may be forgotten."""
        lines, start = list(_lines(batch)), 0
        while start < len(lines):
            size, stop = 0, start
            while stop < len(lines) and (stop == start or size + len(lines[stop]) < MAX_BODY_BYTES):
                size += len(lines[stop]) + 1
                stop += 1
            content = gzip.compress(b"\n".join(lines[start:stop]), compresslevel=1)
            self._client.execute_streaming_ingest(
                self._database,
                raw(batch.table),
                stream=io.BytesIO(content),
                blob_url=None,
                stream_format="multijson",
                mapping_name=mapping(batch.table),
            )
            start = stop
        return len(lines)


def _lines(batch: Passed) -> Iterator[bytes]:
    for row in batch.columns.to_pylist(maps_as_pydicts="strict"):
        yield event_of(batch.table, row, batch.table.event).model_dump_json().encode()

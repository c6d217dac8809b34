"""Events into Kusto by streaming ingestion. Needs `azure-kusto-data`."""

import gzip
import io
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from ..errors import PhysaiError
from .commands import mapping, raw
from .tables import Table

if TYPE_CHECKING:
    from azure.kusto.data import KustoClient

MAX_BODY_BYTES = 4 * 2**20  # of one streaming request; learn.microsoft.com/kusto/management/streaming-ingestion


class ClusterUriError(PhysaiError):
    """What was given is the address of no Kusto cluster."""

    exit_code = 2

    def __init__(self, uri: str) -> None:
        super().__init__(
            f"'{uri}' is the address of no Kusto cluster. Write https://NAME.kusto.windows.net, "
            "or the query URI of an Eventhouse."
        )


def connect(uri: str) -> "KustoClient":
    """A client of the cluster at `uri`, as whoever this machine is logged in as.

    Raises:
        ClusterUriError: If `uri` is the address of no cluster.
    """
    if not uri.startswith("https://") or len(uri) == len("https://"):
        raise ClusterUriError(uri)
    from azure.identity import DefaultAzureCredential
    from azure.kusto.data import KustoClient, KustoConnectionStringBuilder

    return KustoClient(KustoConnectionStringBuilder.with_azure_token_credential(uri, DefaultAzureCredential()))


def stream(client: "KustoClient", database: str, table: Table, lines: Sequence[bytes], timeout_s: float = 600) -> None:
    """Send events, one JSON document a line, in bodies that Kusto takes.

    Events told twice are in the raw table twice, and in the view once.
    After an exception of the SDK's none may be forgotten.

    Args:
        client: From `connect`.
        database: Its name.
        table: Where they belong.
        lines: One event each.
        timeout_s: For the server, of each body; the SDK itself waits half a minute longer.
    """
    from azure.kusto.data import ClientRequestProperties

    properties = ClientRequestProperties()  # type: ignore[no-untyped-call] # it is not annotated
    properties.set_option(ClientRequestProperties.request_timeout_option_name, timedelta(seconds=timeout_s))
    start = 0
    while start < len(lines):
        size, stop = 0, start
        while stop < len(lines) and (stop == start or size + len(lines[stop]) < MAX_BODY_BYTES):
            size += len(lines[stop]) + 1
            stop += 1
        content = gzip.compress(b"\n".join(lines[start:stop]), compresslevel=1)
        client.execute_streaming_ingest(
            database,
            raw(table),
            stream=io.BytesIO(content),
            blob_url=None,
            stream_format="multijson",
            properties=properties,
            mapping_name=mapping(table),
        )
        start = stop

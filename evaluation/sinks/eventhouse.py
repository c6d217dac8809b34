"""A report into Kusto: an Eventhouse of Fabric, or Azure Data Explorer."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from physai.infrastructure import kusto
from physai.infrastructure.contracts import EvaluationEvent

from ..errors import SinkError

if TYPE_CHECKING:
    from azure.kusto.data import KustoClient

TIMEOUT_S = 30.0
MEND = "Check --eventhouse, --database and `az login`; `physai fleet-intelligence setup tables` makes the table"


class EventhouseSink:
    """Streams into the table `Evaluations`, whose view holds what was told twice once."""

    def __init__(self, client: "KustoClient", uri: str, database: str) -> None:
        self._client, self._uri, self._database = client, uri, database

    @classmethod
    def at(cls, uri: str, database: str) -> Self:
        """The database of a cluster, as whoever this machine is logged in as."""
        return cls(kusto.connect(uri), uri, database)

    @property
    def name(self) -> str:
        """What it is and where."""
        return f"eventhouse at {self._uri}, database '{self._database}'"

    def send(self, events: Sequence[EvaluationEvent], report: Path) -> None:
        """Stream the events; nothing but an answer of the service counts as taken.

        Raises:
            SinkError: If the service does not answer in time, or refuses.
        """
        from azure.core.exceptions import AzureError
        from azure.kusto.data.exceptions import KustoError

        lines = [event.model_dump_json().encode() for event in events]
        try:
            kusto.stream(self._client, self._database, kusto.EVALUATIONS, lines, TIMEOUT_S)
        except (KustoError, AzureError, OSError) as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise SinkError(self.name, f"{report.name} was not taken: {reason[:200]}", f"{MEND}.") from error

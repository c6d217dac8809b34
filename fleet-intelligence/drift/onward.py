"""Drift on to Kusto, into the table `Drift`, where the dashboards of Azure and Fabric find it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Self

from physai.infrastructure import kusto
from physai.infrastructure.contracts import Digest, DriftData, DriftEvent, DriftReport
from physai.infrastructure.errors import one_line

from ..telemetry.tables import DRIFT
from .states import DriftState, place_of

if TYPE_CHECKING:
    from azure.kusto.data import KustoClient

EVERY_S = 60.0  # between two events of a policy of which only the numbers have changed
TIMEOUT_S = 30.0


class DriftSink:
    """Streams the state of each policy: when it turns, else once a minute at most, and the last at the end.

    A service that is down stops nobody from watching: what was not taken is told again, and `trouble` says why.
    """

    def __init__(self, client: "KustoClient", uri: str, database: str, clock: Callable[[], float] = monotonic) -> None:
        self._client, self._uri, self._database, self._clock = client, uri, database, clock
        self._told: dict[Digest, tuple[DriftReport, float]] = {}
        self._last: Sequence[DriftState] = ()
        self.trouble = ""
        """Why the newest states were not taken; empty if they were."""

    @classmethod
    def at(cls, uri: str, database: str) -> Self:
        """The database of a cluster, as whoever this machine is logged in as."""
        return cls(kusto.connect(uri), uri, database)

    def take(self, states: Sequence[DriftState]) -> None:
        """Send what is due."""
        self._last = states
        self._send([state.report for state in states if state.report is not None and self._is_due(state.report)])

    def close(self) -> None:
        """Send what waits for its minute."""
        reports = [state.report for state in self._last if state.report is not None]
        self._send([report for report in reports if not self._is_told(report)])

    def _is_told(self, report: DriftReport) -> bool:
        told = self._told.get(report.policy)
        return told is not None and told[0] == report

    def _is_due(self, report: DriftReport) -> bool:
        if report.policy not in self._told:
            return True
        before, at_s = self._told[report.policy]
        turned = (before.detected_at is None) != (report.detected_at is None) or before.spells != report.spells
        return turned or (report != before and self._clock() - at_s >= EVERY_S)

    def _send(self, reports: Sequence[DriftReport]) -> None:
        from azure.core.exceptions import AzureError
        from azure.kusto.data.exceptions import KustoError

        if not reports:
            return
        lines = [drift_event(report, datetime.now(UTC)).model_dump_json().encode() for report in reports]
        try:
            kusto.stream(self._client, self._database, DRIFT, lines, TIMEOUT_S)
        except (KustoError, AzureError, OSError) as error:
            self.trouble = f"{self._uri}, database '{self._database}': {one_line(error):.200}"
            return
        self.trouble = ""
        self._told |= {report.policy: (report, self._clock()) for report in reports}


def drift_event(report: DriftReport, time: datetime) -> DriftEvent:
    """The newest state that a report holds; the same report has the same id whenever it is told."""
    return DriftEvent(
        id=report.digest,
        source=f"/drift/{report.policy}",
        time=time,
        data=DriftData(
            drift=report.digest,
            report=report.report,
            policy=report.policy,
            episodes=report.production.episodes,
            baseline=report.baseline.value,
            production=report.production.value,
            excess=report.statistic[-1],
            threshold=report.threshold,
            drifting=report.detected_at is not None,
            place=place_of(report.attribution) if report.attribution else None,
            spells=len(report.spells),
        ),
    )

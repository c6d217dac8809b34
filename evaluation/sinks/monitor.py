"""A report as metrics of Azure Monitor, by Microsoft's exporter for OpenTelemetry.

Azure Monitor keeps what it is sent twice as two points. Every point carries the `event_id` of its policy and report,
so `workbook.json` beside this module takes one per id and name.
"""

import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, override

from physai.infrastructure.contracts import EvaluationEvent

from ..errors import SinkError
from .events import measures

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import Metric, MetricsData

CONNECTION = "APPLICATIONINSIGHTS_CONNECTION_STRING"
PREFIX = "physai.evaluation."
LABELS = ("report", "conditions", "policy", "role", "task", "world")
EXPORTER = "azure.monitor.opentelemetry.exporter"
QUIET = ("STATSBEAT_DISABLED_ALL", "CONTROLPLANE_DISABLED", "SDKSTATS_DISABLED")
"""What the exporter would tell Microsoft of itself, and ask it, in threads that outlive a command."""


class MonitorSink:
    """Sends one gauge per number of each policy. Nothing is left to the exporter's own queue: refused is said."""

    def __init__(self, connection_string: str, *, timeout_s: float = 30.0, retries: int = 3) -> None:
        self._connection, self._timeout_s, self._retries = connection_string, timeout_s, retries

    @property
    def name(self) -> str:
        """What it is and where; the instrumentation key is left out."""
        parts = dict(part.partition("=")[::2] for part in self._connection.split(";"))
        return f"azure-monitor at {parts.get('IngestionEndpoint', 'the global endpoint')}"

    def send(self, events: Sequence[EvaluationEvent], report: Path) -> None:
        """Send all metrics in one request, and wait for the answer.

        Raises:
            SinkError: If the service does not answer in time, refuses, or takes only a part.
        """
        for name in QUIET:
            os.environ.setdefault(f"APPLICATIONINSIGHTS_{name}", "true")
        from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter
        from opentelemetry.sdk.metrics.export import MetricExportResult

        said = _Said()
        logging.getLogger(EXPORTER).addHandler(said)
        try:
            exporter = AzureMonitorMetricExporter(
                connection_string=self._connection,
                disable_offline_storage=True,
                timeout=self._timeout_s,
                read_timeout=self._timeout_s,
                retry_total=self._retries,
                retry_backoff_factor=0.5,
            )
            result = exporter.export(metrics_data(events))
        except ValueError as error:
            raise SinkError(self.name, str(error).rstrip("."), f"Mend {CONNECTION}.") from error
        finally:
            logging.getLogger(EXPORTER).removeHandler(said)
        if result is not MetricExportResult.SUCCESS:
            raise SinkError(self.name, f"{report.name} was not taken: {said.last}", f"Check {CONNECTION}.")


class _Said(logging.Handler):
    """The last complaint of the exporter, which returns no reason."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = "no reason given"

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.last = " ".join(record.getMessage().split()).rstrip(".")[:200]


def metrics_data(events: Sequence[EvaluationEvent]) -> "MetricsData":
    """The numbers of all events, as what an OpenTelemetry reader would collect."""
    from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    resource = Resource({"service.namespace": "physai", "service.name": "evaluation"})
    scope = ScopeMetrics(InstrumentationScope("physai.evaluation"), [g for e in events for g in _gauges(e)], "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _gauges(event: EvaluationEvent) -> list["Metric"]:
    from opentelemetry.sdk.metrics.export import Gauge, Metric, NumberDataPoint

    said = event.data.model_dump(include=set(LABELS), exclude_none=True)
    labels = {"event_id": event.id, **{name: str(value) for name, value in said.items()}}
    now_ns = time.time_ns()
    return [
        Metric(PREFIX + name, None, None, Gauge([NumberDataPoint(labels, now_ns, now_ns, value)]))
        for name, value in measures(event.data).items()
    ]

"""The store in Prometheus' text format. Source: prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..drift.states import DriftState
from ..telemetry.store import TelemetryStore

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metric(NamedTuple):
    """One metric and the query that gives its samples: labels, and `value`."""

    name: str
    kind: str
    help: str
    sql: str


NEWEST = "QUALIFY row_number() OVER (PARTITION BY robot, site ORDER BY timestamp DESC) = 1"
METRICS = (
    Metric(
        "physai_episodes_total",
        "counter",
        "Production episodes.",
        "SELECT policy, site, coalesce(cohort, '') AS cohort, robot, "
        "if(success, 'success', 'failure') AS outcome, count(*) AS value FROM Episodes GROUP BY ALL",
    ),
    Metric(
        "physai_inferences_total",
        "counter",
        "Inferences of the policy.",
        "SELECT site, robot, sum(steps) AS value FROM Control GROUP BY ALL",
    ),
    Metric(
        "physai_inference_failures_total",
        "counter",
        "Inferences with an error or over a control period.",
        "SELECT site, robot, sum(errors + deadline_misses) AS value FROM Control GROUP BY ALL",
    ),
    Metric(
        "physai_inference_p99_ms",
        "gauge",
        "99th percentile of the last window in which an inference gave an action.",
        f"SELECT site, robot, inference_p99_ms AS value FROM Control WHERE inference_p99_ms IS NOT NULL {NEWEST}",  # noqa: S608 - text is ours
    ),
    Metric(
        "physai_cpu_ratio",
        "gauge",
        "Share of the robot's CPU in use.",
        f"SELECT site, robot, cpu_share AS value FROM Health {NEWEST}",  # noqa: S608 - text is ours
    ),
    Metric(
        "physai_dropped_events",
        "gauge",
        "Events the robot's full queue has ever dropped.",
        f"SELECT site, robot, dropped_events AS value FROM Health {NEWEST}",  # noqa: S608 - text is ours
    ),
    Metric(
        "physai_last_event_timestamp_seconds",
        "gauge",
        "When the robot was last heard of.",
        "SELECT site, robot, max(epoch(timestamp)) AS value FROM (SELECT site, robot, timestamp FROM Episodes "
        "UNION ALL SELECT site, robot, timestamp FROM Control UNION ALL SELECT site, robot, timestamp FROM Health) "
        "GROUP BY ALL",
    ),
    Metric(
        "physai_release_started_timestamp_seconds",
        "gauge",
        "First episode of a release.",
        "SELECT release, policy, min(epoch(started_at)) AS value FROM Episodes GROUP BY ALL",
    ),
)


def exposition(store: TelemetryStore, drift: Sequence[DriftState]) -> str:
    """All metrics as text."""
    lines: list[str] = []
    for metric in METRICS:
        rows = sorted(store.rows(metric.sql), key=str)
        lines += _metric(metric.name, metric.kind, metric.help, rows)
    known = [(state.policy, state.report) for state in drift if state.report is not None]
    excess = [{"policy": policy, "value": report.statistic[-1]} for policy, report in known]
    threshold = [{"policy": policy, "value": report.threshold} for policy, report in known]
    lines += _metric("physai_drift_excess_failures", "gauge", "Failures beyond the allowance.", excess)
    lines += _metric("physai_drift_threshold_failures", "gauge", "The excess at which drift is called.", threshold)
    return "\n".join(lines) + "\n"


def _metric(name: str, kind: str, help_: str, rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield f"# HELP {name} {help_}"
    yield f"# TYPE {name} {kind}"
    for row in rows:
        labels = ",".join(f'{key}="{_escape(value)}"' for key, value in row.items() if key != "value")
        yield f"{name}{{{labels}}} {float(row['value'])!r}"


def _escape(value: object) -> str:
    return str(value).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

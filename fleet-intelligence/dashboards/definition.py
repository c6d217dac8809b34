"""What is watched: panels with their queries in KQL, over the telemetry tables, and in PromQL, over `/metrics`."""

from dataclasses import dataclass
from typing import Literal

WINDOW = "WINDOW"
"""Stands in a KQL query for the condition on `timestamp` in each product's own words."""


@dataclass(frozen=True)
class Panel:
    """One picture, from Kusto, Prometheus or both."""

    name: str
    """Kebab-case; names the generated KQL file."""
    title: str
    kind: Literal["timeseries", "table", "barchart"]
    unit: str
    """Of Grafana: `percentunit`, `ms`, `short`."""
    kql: str | None = None
    promql: str | None = None


def _success(column: str) -> str:
    return (
        f"Episodes\n| where {WINDOW}\n"
        f"| summarize episodes = count(), success = avg(todouble(success)) by {column}\n"
        "| order by success asc"
    )


_PERCENTILES = ", ".join(f"p{part} = min(iff(upto >= 0.{part} * total, bucket, 512))" for part in (50, 95, 99))
_MIDDLES = ", ".join(f"p{part} = exp2((p{part} - 0.5) / 32)" for part in (50, 95, 99))
_LATENCY_OF_ALL = (
    f"let counted = Signals\n| where {WINDOW}\n| where signal == 'inference_ms'\n"
    "| mv-expand bucket to typeof(long), bucket_samples to typeof(long)\n"
    "| summarize samples = sum(bucket_samples) by bin(timestamp, 5m), bucket;\n"
    "counted\n| join kind=inner (counted | project timestamp, below = bucket, more = samples) on timestamp\n"
    "| summarize upto = sumif(more, below <= bucket), total = sum(more) by timestamp, bucket\n"
    f"| summarize {_PERCENTILES} by timestamp\n| project timestamp, {_MIDDLES}\n| order by timestamp asc"
)
"""From the histograms of all robots, which add: bucket b ends at 2**(b/32). 512 is the last."""

PANELS = (
    Panel(
        "policy-versions",
        "Robots by policy version",
        "barchart",
        "short",
        f"Episodes\n| where {WINDOW}\n| summarize robots = dcount(robot), episodes = count() by policy, release\n"
        "| order by robots desc",
        "count by (policy) (count by (policy, robot) (physai_episodes_total))",
    ),
    Panel(
        "success-over-time",
        "Success by policy over time",
        "timeseries",
        "percentunit",
        f"Episodes\n| where {WINDOW}\n"
        "| summarize success = avg(todouble(success)) by bin(timestamp, 1h), policy\n| order by timestamp asc",
        "physai:success:ratio",
    ),
    Panel("success-by-policy", "Success by policy", "table", "percentunit", _success("policy"), "physai:success:ratio"),
    Panel("success-by-site", "Success by site", "table", "percentunit", _success("site"), "physai:success:site_ratio"),
    Panel("success-by-cohort", "Success by cohort", "table", "percentunit", _success("cohort")),
    Panel("success-by-robot", "Success by robot", "table", "percentunit", _success("robot")),
    Panel(
        "error-rate",
        "Inferences with an error or a missed deadline",
        "timeseries",
        "percentunit",
        f"Control\n| where {WINDOW}\n"
        "| summarize failed = sum(errors) + sum(deadline_misses), total = sum(steps) by bin(timestamp, 5m), site\n"
        "| extend rate = todouble(failed) / todouble(total)\n| project timestamp, site, rate\n"
        "| order by timestamp asc",
        "physai:inference_errors:ratio",
    ),
    Panel(
        "latency",
        "Inference latency",
        "timeseries",
        "ms",
        f"Control\n| where {WINDOW}\n"
        "| summarize p50 = percentile(inference_p50_ms, 50), p95 = percentile(inference_p95_ms, 95), "
        "p99 = percentile(inference_p99_ms, 99) by bin(timestamp, 5m)\n| order by timestamp asc",
        "quantile(0.99, physai_inference_p99_ms)",
    ),
    Panel("latency-of-all", "Inference latency, all inferences of the fleet", "timeseries", "ms", _LATENCY_OF_ALL),
    Panel(
        "temperatures",
        "Hottest part of each robot",
        "timeseries",
        "celsius",
        f"Signals\n| where {WINDOW}\n| where signal startswith 'joint_temperature_c' or signal == 'temperature_c'\n"
        "| summarize hottest_c = max(todouble(maximum[0])) by bin(timestamp, 5m), robot\n| order by timestamp asc",
    ),
    Panel(
        "hardware",
        "Hardware utilisation",
        "timeseries",
        "percentunit",
        f"Health\n| where {WINDOW}\n"
        "| summarize cpu = avg(cpu_share), memory = avg(memory_share), gpu = avg(gpu_share) by bin(timestamp, 5m)\n"
        "| order by timestamp asc",
        "avg by (site) (physai_cpu_ratio)",
    ),
    Panel(
        "dropped-events",
        "Events dropped on robots",
        "table",
        "short",
        f"Health\n| where {WINDOW}\n| summarize dropped = max(dropped_events), queued = max(queued_events) by robot\n"
        "| order by dropped desc",
        "topk(10, physai_dropped_events)",
    ),
    Panel(
        "drift",
        "Drift: failures in excess, in parts of the threshold",
        "timeseries",
        "percentunit",
        f"Drift\n| where {WINDOW}\n"
        "| summarize share = max(excess / threshold) by bin(timestamp, 5m), policy\n| order by timestamp asc",
        "physai_drift_excess_failures / physai_drift_threshold_failures",
    ),
    Panel(
        "drift-state",
        "Drift: state of each policy",
        "table",
        "short",
        f"Drift\n| where {WINDOW}\n"
        "| summarize arg_max(timestamp, drifting, place, episodes, production, baseline, excess, threshold, spells) "
        "by policy\n| order by drifting desc",
        "physai_drift_excess_failures >= bool physai_drift_threshold_failures",
    ),
    Panel(
        "rollout",
        "Rollout: first episode of each release",
        "table",
        "short",
        f"Episodes\n| where {WINDOW}\n"
        "| summarize started = min(started_at), robots = dcount(robot) by release, policy\n"
        "| order by started asc",
        "physai_release_started_timestamp_seconds",
    ),
)


@dataclass(frozen=True)
class Alert:
    """What calls a person, in KQL (rows are what is wrong) and in PromQL."""

    name: str
    summary: str
    severity: Literal["critical", "warning"]
    for_minutes: int
    kql: str | None
    promql: str | None


ALERTS = (
    Alert(
        "RobotSilent",
        "A robot has told nothing for an hour",
        "warning",
        5,
        "Health\n| summarize heard = max(timestamp) by robot, site\n| where heard < ago(1h)",
        "time() - physai_last_event_timestamp_seconds > 3600",
    ),
    Alert(
        "DeadlinesMissed",
        "Over 1 % of inferences fail or take longer than a control period",
        "warning",
        10,
        "Control\n| where timestamp > ago(15m)\n"
        "| summarize failed = sum(errors) + sum(deadline_misses), total = sum(steps) by robot\n"
        "| where todouble(failed) > 0.01 * todouble(total)",
        "physai:inference_errors:ratio > 0.01",
    ),
    Alert(
        "PolicyDrift",
        "Production of a policy has dropped below its evaluation",
        "critical",
        0,
        "Drift\n| summarize arg_max(timestamp, drifting) by policy\n| where drifting",
        "physai_drift_excess_failures >= physai_drift_threshold_failures",
    ),
    Alert(
        "EventsDropped",
        "A robot's queue is full and it has dropped events",
        "warning",
        0,
        "Health\n| where timestamp > ago(1h)\n"
        "| summarize most = max(dropped_events), least = min(dropped_events) by robot\n| where most > least",
        "increase(physai_dropped_events[1h]) > 0",
    ),
)

RECORDING = (
    (
        "physai:success:ratio",
        'sum by (policy) (physai_episodes_total{outcome="success"}) / sum by (policy) (physai_episodes_total)',
    ),
    (
        "physai:success:site_ratio",
        'sum by (policy, site) (physai_episodes_total{outcome="success"})'
        " / sum by (policy, site) (physai_episodes_total)",
    ),
    (
        "physai:inference_errors:ratio",
        "sum by (site) (increase(physai_inference_failures_total[15m]))"
        " / sum by (site) (increase(physai_inferences_total[15m]))",
    ),
)

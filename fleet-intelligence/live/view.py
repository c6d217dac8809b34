"""What the live page shows: counts of one moment, and the drift test of each policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from physai.infrastructure.contracts import EvaluationReport, Rate
from physai.infrastructure.rates import rate_of

from ..drift.cusum import Level
from ..drift.states import DriftState, drift_states
from ..telemetry.buckets import quantile
from ..telemetry.store import TelemetryStore

if TYPE_CHECKING:
    import duckdb

type By = Literal["policy", "site", "cohort", "robot"]
BY: tuple[By, ...] = ("policy", "site", "cohort", "robot")
WORST = 12  # groups a table shows
LATEST = 12
COUNTS = "sum(success::INT) AS successes, count(*) AS episodes"
RECENT = "timestamp > (SELECT max(timestamp) FROM Episodes) - to_days(?)"


@dataclass(frozen=True)
class Group:
    """Production success of a part of the fleet."""

    name: str
    success: Rate


@dataclass(frozen=True)
class View:
    """The fleet over the last days that were told of."""

    days: int
    total: Rate | None
    """All policies together; None if there is no episode."""
    groups: Mapping[By, Sequence[Group]]
    hourly: Sequence[dict[str, Any]]
    """`hour`, `policy`, `success`, `episodes`, in order of time."""
    latency: dict[str, Any]
    """`p50`, `p95`, `p99` in ms, `failed` of `steps`; None where nothing was told.

    The percentiles are those of all inferences, from the histograms of robots that tell some; else of windows.
    """
    hardware: dict[str, Any]
    """`cpu`, `memory`, `gpu` as shares, `dropped`."""
    latest: Sequence[dict[str, Any]]
    drift: Sequence[DriftState]


def look(store: TelemetryStore, reports: Sequence[EvaluationReport], level: Level, days: int) -> View:
    """Read the fleet's state.

    Args:
        store: Where telemetry is.
        reports: Evaluations to hold production against.
        level: Of the drift test.
        days: Before the newest episode.
    """
    latency = (
        "SELECT median(inference_p50_ms) AS p50, quantile_cont(inference_p95_ms, 0.95) AS p95, "  # noqa: S608 - text is ours
        "quantile_cont(inference_p99_ms, 0.99) AS p99, sum(errors + deadline_misses) AS failed, sum(steps) AS steps "
        f"FROM Control WHERE {RECENT}"
    )
    hardware = (
        "SELECT avg(cpu_share) AS cpu, avg(memory_share) AS memory, avg(gpu_share) AS gpu, "  # noqa: S608 - text is ours
        f"max(dropped_events) AS dropped FROM Health WHERE {RECENT}"
    )
    histogram = (
        "SELECT bucket, sum(samples)::BIGINT AS samples FROM (SELECT unnest(bucket) AS bucket, "  # noqa: S608 - text is ours
        f"unnest(bucket_samples) AS samples FROM Signals WHERE signal = 'inference_ms' AND {RECENT}) GROUP BY bucket"
    )
    hourly = (
        "SELECT time_bucket(INTERVAL 1 HOUR, timestamp) AS hour, policy, avg(success::INT) AS success, "  # noqa: S608 - text is ours
        f"count(*) AS episodes FROM Episodes WHERE {RECENT} GROUP BY ALL ORDER BY hour"
    )
    latest = f"SELECT timestamp, site, robot, release, episode, success, duration_s FROM Episodes WHERE {RECENT} "  # noqa: S608 - text is ours
    latest += f"ORDER BY timestamp DESC, robot LIMIT {LATEST}"
    with store.reading() as connection:
        counts = _rows(connection, f"SELECT {COUNTS} FROM Episodes WHERE {RECENT}", days)  # noqa: S608 - text is ours
        groups = {by: _groups(connection, by, days) for by in BY}
        hours, last = _rows(connection, hourly, days), _rows(connection, latest, days)
        (late,), (hard,) = _rows(connection, latency, days), _rows(connection, hardware, days)
        if counted := {row["bucket"]: row["samples"] for row in _rows(connection, histogram, days)}:
            late |= {f"p{part}": quantile(counted, part / 100) for part in (50, 95, 99)}
    return View(
        days=days,
        total=_rate(counts[0]) if counts[0]["episodes"] else None,
        groups=groups,
        hourly=hours,
        latency=late,
        hardware=hard,
        latest=last,
        drift=drift_states(store, reports, level),
    )


def _rows(connection: "duckdb.DuckDBPyConnection", sql: str, days: int) -> list[dict[str, Any]]:
    cursor = connection.execute(sql, [days])
    names = [name for name, *_ in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _rate(row: Mapping[str, Any]) -> Rate:
    return rate_of(int(row["successes"]), int(row["episodes"]))


def _groups(connection: "duckdb.DuckDBPyConnection", by: By, days: int) -> list[Group]:
    query = (
        f"SELECT {by} AS name, {COUNTS} FROM Episodes WHERE {RECENT} AND {by} IS NOT NULL "  # noqa: S608 - text is ours
        f"GROUP BY {by} ORDER BY avg(success::INT), {by} LIMIT {WORST}"
    )
    return [Group(row["name"], _rate(row)) for row in _rows(connection, query, days)]

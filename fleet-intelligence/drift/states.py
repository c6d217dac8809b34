"""The drift test of every policy in the store."""

from collections.abc import Sequence
from dataclasses import dataclass

from physai.infrastructure.contracts import Attribution, Digest, DriftReport, EvaluationReport

from ..errors import ShortEvaluationError, TooFewEpisodesError
from ..telemetry.store import TelemetryStore
from .check import check_drift, find_baseline
from .cusum import Level


@dataclass(frozen=True)
class DriftState:
    """Of one policy."""

    policy: Digest
    report: DriftReport | None
    why: str
    """Why there is no report; empty if there is one."""


def place_of(part: Attribution) -> str:
    """Where the failures are: `everywhere`, or e.g. `site plant-1`."""
    return "everywhere" if part.level == "policy" else f"{part.level} {part.name}"


def drift_states(store: TelemetryStore, reports: Sequence[EvaluationReport], level: Level) -> list[DriftState]:
    """The drift test of every policy in the store; the last report that speaks of it counts."""
    return [_drift(store, policy, reports, level) for policy in store.policies()]


def _drift(store: TelemetryStore, policy: Digest, reports: Sequence[EvaluationReport], level: Level) -> DriftState:
    speaking = [report for report in reports if any(result.package == policy for result in report.policies)]
    if not speaking:
        return DriftState(policy, None, "no evaluation report given")
    report = speaking[-1]
    try:
        baseline = find_baseline(report, policy, "its report")
        return DriftState(policy, check_drift(report, baseline, store.events(policy=policy), level), "")
    except (TooFewEpisodesError, ShortEvaluationError) as error:
        return DriftState(policy, None, str(error))

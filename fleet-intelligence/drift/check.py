"""Production of one package against its own evaluation."""

from collections.abc import Sequence

import numpy as np

from physai.infrastructure.contracts import Digest, DriftReport, EpisodeEvent, EvaluationReport, PolicyResult
from physai.infrastructure.rates import rate_of

from ..errors import OtherPolicyError, TooFewEpisodesError
from .attribution import attribute
from .cusum import LEAST_FAILURES, METHOD, UNITS, Level, design, design_recovery, follow

LEAST_BASELINE = 20  # evaluation episodes; with fewer a drop from 0.9 to 0.5 takes over 25 to find, in the median


def find_baseline(report: EvaluationReport, policy: Digest, where: str) -> PolicyResult:
    """What a report says of one package.

    Args:
        report: Any evaluation report.
        policy: The package.
        where: The report's path, for errors.

    Raises:
        OtherPolicyError: If the report judges other packages only.
        TooFewEpisodesError: If its evaluation is too short to compare with.
    """
    found = next((result for result in report.policies if result.package == policy), None)
    if found is None:
        raise OtherPolicyError(where, policy, [f"{result.role} {result.package or ''}" for result in report.policies])
    if found.success.episodes < LEAST_BASELINE:
        raise TooFewEpisodesError(f"{where}: evaluation of {policy}", found.success.episodes, LEAST_BASELINE)
    return found


def in_order_of_start(events: Sequence[EpisodeEvent]) -> list[EpisodeEvent]:
    """Production episodes of one package in the order in which they began.

    They end in another order: of those that run side by side the successes end first and the failures, which take all
    the time there is, last; a test that went by that order would see streaks where there are none.
    """
    return sorted(events, key=lambda event: (event.data.started_at, event.data.episode, event.data.robot))


def check_drift(
    report: EvaluationReport, baseline: PolicyResult, events: Sequence[EpisodeEvent], level: Level
) -> DriftReport:
    """Look for a drop, from the first production episode to the last, in the order in which they began.

    Args:
        report: Where the baseline is from.
        baseline: One package's result in it.
        events: Production episodes of that package, at least one.
        level: How sure a call must be.

    Raises:
        TooFewEpisodesError: If so few episodes could not be called drift even if all had failed.
        ShortEvaluationError: If the evaluation is too short for that level.
    """
    assert baseline.package is not None
    counts = (baseline.success.successes, baseline.success.episodes)
    chart = design(counts, level)
    if len(events) < chart.least_episodes:
        raise TooFewEpisodesError(f"production of {baseline.package}", len(events), chart.least_episodes)
    ordered = in_order_of_start(events)
    outcomes = np.array([event.data.success for event in ordered])
    course = follow(chart, design_recovery(counts, level), outcomes)
    return DriftReport(
        policy=baseline.package,
        report=report.digest,
        baseline=baseline.success,
        production=rate_of(int(outcomes.sum()), len(outcomes)),
        method=METHOD,
        allowance=chart.allowance,
        statistic=tuple(float(value) / UNITS for value in course.statistic),
        threshold=chart.threshold,
        least_failures=LEAST_FAILURES,
        false_alarm=level.false_alarm,
        horizon=level.horizon,
        detected_at=course.detected_at,
        changed_at=course.changed_at,
        attribution=None if course.detected_at is None else attribute(ordered[course.changed_at :]),
        spells=course.spells,
    )

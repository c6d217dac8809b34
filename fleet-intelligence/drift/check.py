"""Production of one package against its own evaluation."""

from collections.abc import Sequence

import numpy as np

from physai.infrastructure.contracts import Digest, DriftReport, EpisodeEvent, EvaluationReport, PolicyResult

from ..errors import OtherPolicyError, TooFewEpisodesError
from ..rates import success_rate
from .evidence import METHOD, first_call, least_episodes, log_evidence, log_threshold

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

    A robot numbers its episodes when they begin. They end in another order: of those that run side by side the
    successes end first and the failures, which take all the time there is, last; a test that went by that order would
    see streaks where there are none.
    """
    releases: dict[str, int] = {}
    for event in events:
        releases.setdefault(event.data.release, len(releases))
    return sorted(events, key=lambda event: (releases[event.data.release], event.data.episode, event.data.robot))


def check_drift(
    report: EvaluationReport, baseline: PolicyResult, events: Sequence[EpisodeEvent], false_alarm: float
) -> DriftReport:
    """Look for a drop, from the first production episode to the last, in the order in which they began.

    Args:
        report: Where the baseline is from.
        baseline: One package's result in it.
        events: Production episodes of that package, at least one, releases in order of time.
        false_alarm: Bound on the probability that drift is called when nothing has changed.

    Raises:
        TooFewEpisodesError: If so few episodes could not be called drift even if all had failed.
    """
    assert baseline.package is not None
    counts = (baseline.success.successes, baseline.success.episodes)
    outcomes = np.array([event.data.success for event in in_order_of_start(events)])
    least = least_episodes(counts, false_alarm)
    if len(events) < least:
        raise TooFewEpisodesError(f"production of {baseline.package}", len(events), least)
    evidence = log_evidence(counts, outcomes)
    return DriftReport(
        policy=baseline.package,
        report=report.digest,
        baseline=baseline.success,
        production=success_rate(int(outcomes.sum()), len(outcomes)),
        method=METHOD,
        statistic=tuple(float(value) for value in evidence),
        threshold=log_threshold(false_alarm),
        false_alarm=false_alarm,
        detected_at=first_call(evidence, false_alarm),
    )

"""An evaluation report, put together and checked for contradictions."""

from pathlib import Path

from physai.infrastructure.contracts import (
    ConditionSet,
    Digest,
    EvaluationReport,
    PairedComparison,
    PolicyResult,
    SequentialComparison,
)

from .errors import ReportError
from .metrics import compare_sequentially, paired_comparison, success_rate

CLOSE = 1e-9  # between a number in a report and the same number computed again


def compare(candidate: PolicyResult, others: tuple[PolicyResult, ...]) -> tuple[PairedComparison, ...]:
    """The candidate against each other policy, on the same conditions."""
    return tuple(paired_comparison(candidate, other) for other in others if other.role != candidate.role)


def make_report(
    conditions: ConditionSet,
    results: tuple[PolicyResult, ...],
    sequential: SequentialComparison | None = None,
    device_profile: Digest | None = None,
) -> EvaluationReport:
    """The report on policies that met `conditions`, on a device like this; the first result is the candidate."""
    return EvaluationReport(
        task=conditions.task,
        world=conditions.world.name,
        conditions=conditions.digest,
        device_profile=device_profile,
        policies=results,
        comparisons=compare(results[0], results[1:]),
        sequential=sequential,
    )


def check_report(report: EvaluationReport, path: Path) -> None:
    """Refuse a report whose summary does not follow from its own episodes.

    Args:
        report: What was read.
        path: Of the report, for the message; `conditions.json` beside it is checked too if it is there.

    Raises:
        ReportError: If anything contradicts.
    """
    met = [sorted(episode.condition for episode in result.episodes) for result in report.policies]
    roles = [result.role for result in report.policies]
    if len(set(roles)) != len(roles):
        raise ReportError(path, f"a role takes part twice ({', '.join(roles)})")
    for result, conditions in zip(report.policies, met, strict=True):
        if not conditions:
            raise ReportError(path, f"{result.role} has no episodes")
        if conditions != list(range(len(met[0]))):
            raise ReportError(path, f"{result.role} did not meet each of the {len(met[0])} conditions once")
        _check_rate(result, path)
    for stated in report.comparisons:
        _check_comparison(report, stated, path)
    if report.sequential is not None:
        _check_sequential(report, report.sequential, path)
    _check_conditions(report, len(met[0]), path)


def _check_rate(result: PolicyResult, path: Path) -> None:
    stated = result.success
    again = success_rate([episode.success for episode in result.episodes], stated.confidence, stated.method)
    numbers = zip((stated.value, stated.lower, stated.upper), (again.value, again.lower, again.upper), strict=True)
    counts = (stated.successes, stated.episodes) == (again.successes, again.episodes)
    if not counts or any(abs(a - b) > CLOSE for a, b in numbers):
        raise ReportError(path, f"{result.role}: the stated success rate does not follow from the episodes")


def _check_comparison(report: EvaluationReport, stated: PairedComparison, path: Path) -> None:
    candidate, reference = report.result(stated.candidate), report.result(stated.reference)
    if candidate is None or reference is None:
        raise ReportError(path, f"compares {stated.candidate} with {stated.reference}, and one of them is not there")
    again = paired_comparison(candidate, reference, stated.confidence)
    counts = (stated.wins, stated.losses, stated.ties) == (again.wins, again.losses, again.ties)
    if not counts or abs(stated.lower - again.lower) > CLOSE or abs(stated.upper - again.upper) > CLOSE:
        raise ReportError(path, f"{stated.candidate} against {stated.reference} does not follow from the episodes")


def _check_sequential(report: EvaluationReport, stated: SequentialComparison, path: Path) -> None:
    candidate, reference = report.result(stated.candidate), report.result(stated.reference)
    if candidate is None or reference is None:
        raise ReportError(path, f"compares {stated.candidate} with {stated.reference}, and one of them is not there")
    again = compare_sequentially(candidate, reference, stated.plan.design)
    counts = (stated.episodes, stated.wins, stated.losses, stated.decision)
    if counts != (again.episodes, again.wins, again.losses, again.decision):
        raise ReportError(path, "the stated sequential decision does not follow from the episodes")


def _check_conditions(report: EvaluationReport, episodes: int, path: Path) -> None:
    beside = path.with_name("conditions.json")
    if not beside.exists():
        return
    conditions = ConditionSet.read(beside)
    if conditions.digest != report.conditions or len(conditions.conditions) != episodes:
        raise ReportError(path, f"{beside.name} beside it is not the condition set that was played")

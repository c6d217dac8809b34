"""The summary of the laps, and the page that shows it."""

from collections.abc import Sequence
from pathlib import Path

from physai.infrastructure.contracts import FlywheelSummary, LapSummary, Rate, Role, VerdictSummary, write_whole
from physai.infrastructure.rates import success_rate

from ..errors import NothingToTellError
from .artifacts import LapArtifacts
from .lap import Lap, read_lap
from .lineage import trace
from .render import render

SUMMARY = "summary.json"


def write_page(laps: Sequence[LapArtifacts], output: Path) -> FlywheelSummary:
    """Write the page, and `summary.json` beside it.

    Args:
        laps: In order.
        output: The page, e.g. `out/index.html`.

    Raises:
        NothingToTellError: If there is no lap.
    """
    read = read_laps(laps)
    summary = summarize(read)
    write_whole(output, render(read, summary).encode())
    summary.write(output.with_name(SUMMARY))
    return summary


def read_laps(laps: Sequence[LapArtifacts]) -> list[Lap]:
    """Read the artifacts of all laps."""
    if not laps:
        raise NothingToTellError("page", "no lap was named")
    return [read_lap(number, artifacts) for number, artifacts in enumerate(laps, start=1)]


def summarize(laps: Sequence[Lap]) -> FlywheelSummary:
    """The same laps in numbers."""
    summaries = tuple(summarize_lap(lap, laps) for lap in laps)
    ends = [time.started_at.timestamp() + time.seconds for lap in laps for time in lap.tasks]
    starts = [time.started_at.timestamp() for lap in laps for time in lap.tasks]
    return FlywheelSummary(
        laps=summaries,
        episodes_recorded=sum(len(lap.recorded) for lap in laps),
        production_episodes=sum(lap.production.episodes for lap in summaries if lap.production),
        training_s=sum(lap.training.seconds for lap in laps if lap.training),
        tasks_s=sum(time.seconds for lap in laps for time in lap.tasks),
        wall_s=max(ends) - min(starts) if starts else None,
    )


def summarize_lap(lap: Lap, laps: Sequence[Lap]) -> LapSummary:
    """One lap in numbers."""
    policy, production = _rate(lap, "candidate"), _production(lap)
    lineage = trace(lap, laps)
    unknown = len(lineage.unknown) if lineage else 0
    lost = (f"lap {lap.number}: no recording is found for {unknown} episodes of the dataset.",) if unknown else ()
    return LapSummary(
        lap=lap.number,
        world=lap.report.world if lap.report else None,
        episodes_recorded=len(lap.recorded) or None,
        dataset=lap.dataset.content if lap.dataset else None,
        dataset_episodes=len(lap.dataset.episodes) if lap.dataset else None,
        run_id=lap.training.run_id if lap.training else None,
        training_steps=lap.package.training_steps if lap.package else None,
        training_s=lap.training.seconds if lap.training else None,
        package=lap.digest,
        report=lap.report.digest if lap.report else None,
        expert=_rate(lap, "expert"),
        policy=policy,
        untrained=_rate(lap, "untrained"),
        champion=_rate(lap, "champion"),
        comparison=next(
            (each for each in lap.report.comparisons if (each.candidate, each.reference) == ("candidate", "champion")),
            None,
        )
        if lap.report
        else None,
        verdicts=tuple(
            VerdictSummary(
                role=verdict.role,
                package=verdict.package,
                verdict=verdict.verdict,
                failed=tuple(rule.rule for rule in verdict.rules if rule.verdict != "PASS"),
            )
            for verdict in lap.verdicts
        ),
        release=lap.release.name if lap.release else None,
        release_digest=lap.release.digest if lap.release else None,
        production=production,
        drop=policy.value - production.value if policy and production else None,
        drift=lap.drift.digest if lap.drift else None,
        detected_at=lap.drift.detected_at if lap.drift else None,
        request=lap.request.digest if lap.request else None,
        requested_episodes=lap.request.collect.episodes if lap.request else None,
        tasks=lap.tasks,
        problems=(*lap.problems, *lost),
    )


def _rate(lap: Lap, role: Role) -> Rate | None:
    result = lap.report.result(role) if lap.report else None
    return result.success if result else None


def _production(lap: Lap) -> Rate | None:
    """What the drift report says of production; without one, what the robots' own files say."""
    if lap.drift is not None:
        return lap.drift.production
    if not lap.events:
        return None
    return success_rate([event.data.success for event in lap.events])

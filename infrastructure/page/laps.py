"""The laps of a loop as rows of text, for a terminal and for pages."""

from collections.abc import Iterator

from ..contracts import FlywheelSummary, LapSummary, Rate
from .svg import duration, points


def lap_rows(summary: FlywheelSummary) -> Iterator[tuple[str, ...]]:
    """What is told of a lap, then each lap's; a dash where nothing is known."""
    columns = [_column(lap) for lap in summary.laps]
    for name in columns[0]:
        yield name, *(column[name] for column in columns)


def _column(lap: LapSummary) -> dict[str, str]:
    comparison = lap.comparison
    gain = (
        f"{points(comparison.difference)} points ({points(comparison.lower)} to {points(comparison.upper)})"
        if comparison
        else None
    )
    called = f"after {lap.detected_at} episodes" if lap.detected_at else "none" if lap.drift else None
    spent = duration(sum(time.seconds for time in lap.tasks)) if lap.tasks else None
    trained = f"{lap.training_steps} steps, {duration(lap.training_s)}" if lap.training_s is not None else None
    rows = {
        "episodes recorded": str(lap.episodes_recorded) if lap.episodes_recorded else None,
        "training": trained,
        "evaluated in": lap.world,
        "expert": _rate(lap.expert),
        "policy": _rate(lap.policy),
        "policy of the lap before": _rate(lap.champion),
        "untrained": _rate(lap.untrained),
        "gain, paired": gain,
        "gate": ", ".join(f"{verdict.role} {verdict.verdict}" for verdict in lap.verdicts) or None,
        "production": _rate(lap.production),
        "drop": f"{points(-lap.drop)} points" if lap.drop is not None else None,
        "drift": called,
        "all tasks": spent,
        "problems": str(len(lap.problems)) if lap.problems else None,
    }
    return {name: value or "-" for name, value in rows.items()}


def _rate(rate: Rate | None) -> str | None:
    if rate is None:
        return None
    return f"{rate.value:.0%} ({rate.lower:.0%} to {rate.upper:.0%}), {rate.successes} of {rate.episodes}"

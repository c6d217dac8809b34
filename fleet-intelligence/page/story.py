"""What the numbers say, in words that follow from them."""

from typing import NamedTuple

from physai.infrastructure.contracts import FlywheelSummary, LapSummary
from physai.infrastructure.page.svg import percent, points


class Figure(NamedTuple):
    """A number and what it means."""

    number: str
    meaning: str
    note: str
    role: str


def headline(summary: FlywheelSummary) -> str:
    """One sentence that no number contradicts."""
    first, last = summary.laps[0], summary.laps[-1]
    if len(summary.laps) > 1 and first.detected_at:
        met = "met a changed world" if first.world != last.world else "did worse at work than promised"
        again = "learned again" if _better(last) else "tried again; the gain is not certain"
        return f"It learned, {met}, noticed, and {again}."
    if last.detected_at:
        return "It learned, did worse at work than its evaluation promised, and noticed."
    if last.drift is not None:
        return "It learned, went to work, and works as its evaluation promised."
    return "A lap that did not come to its end."


def _better(lap: LapSummary) -> bool:
    return lap.comparison is not None and lap.comparison.lower > 0


def key_figures(summary: FlywheelSummary) -> list[Figure]:
    """The story in a row of numbers; only those that are known."""
    figures: list[Figure] = []
    for lap in summary.laps:
        figures += _policy_figures(lap)
        if lap.production:
            drop = f"{points(-lap.drop)} points" if lap.drop is not None else ""
            figures.append(
                Figure(percent(lap.production.value), f"of production succeeds in lap {lap.lap}", drop, "production")
            )
        if lap.detected_at:
            figures.append(Figure(str(lap.detected_at), "production episodes until drift was called", "", "alarm"))
    return figures


def _policy_figures(lap: LapSummary) -> list[Figure]:
    if lap.policy is None:
        return []
    where = f"succeeds in evaluation, world “{lap.world}”"
    gained = lap.comparison
    note = (
        f"{points(gained.difference)} points over lap {lap.lap - 1}, paired "
        f"({points(gained.lower)} to {points(gained.upper)})"
        if gained
        else ""
    )
    return [Figure(percent(lap.policy.value), f"The policy of lap {lap.lap} {where}", note, "policy")]

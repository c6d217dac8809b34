"""How many production episodes a rollout takes to find a bad policy, and how often it stops a good one."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from physai.infrastructure.console import tracked

from ..rollout.simulate import Operating, Scenario, simulate
from .rows import Row

ROLLOUTS = 10_000
GOALS = {500: 30, 200: 37}  # median episodes to stop, by episodes of the evaluation


def measure(folder: Path) -> list[Row]:
    """Rollouts over three cohorts (2, 4 and 8 robots), the evaluation's own error drawn anew for each."""
    assert folder.is_dir(), "nothing is written there"
    rows: list[Row] = []
    for episodes, goal in GOALS.items():
        bad, good = (_play(episodes, production) for production in (0.7, 0.9))
        rows += _rows(episodes, goal, bad, good)
    middle = _play(500, 0.8)
    share = middle.stopped / middle.rollouts
    note = f"half the drop that the test looks for; {middle.done} of {middle.rollouts} done"
    rows.append(Row(name="canary 0.9 -> 0.8, stopped", value=100 * share, unit="%", goal="told", met=True, note=note))
    return rows


def _rows(episodes: int, goal: int, bad: Operating, good: Operating) -> list[Row]:
    median = bad.median_to_stop if bad.median_to_stop is not None else float("inf")
    false_stop = 100 * good.stopped / good.rollouts
    of = f"baseline {episodes}"
    told = f"p90 {bad.p90_to_stop:g}; {bad.undecided} undecided after 500 episodes" if bad.p90_to_stop else ""
    return [
        _row(f"canary 0.9 -> 0.7, {of}: median to stop", median, "episodes", f"<= {goal}", median <= goal, told),
        _row(
            f"canary 0.9 -> 0.7, {of}: past the first cohort",
            bad.past_first,
            "rollouts",
            "0 (design: 1 in 10,000)",
            bad.past_first <= 2 * bad.rollouts // 10_000 + 1,
            f"of {bad.rollouts}",
        ),
        _row(
            f"canary 0.9 -> 0.9, {of}: false stops",
            false_stop,
            "%",
            "<= 1",
            false_stop <= 1,
            f"{good.stopped} of {good.rollouts}; done after {good.median_to_done:g} episodes (median)",
        ),
    ]


def _row(name: str, value: float, unit: Literal["episodes", "rollouts", "%"], goal: str, met: bool, note: str) -> Row:
    return Row(name=name, value=float(value), unit=unit, goal=goal, met=met, note=note)


def _play(baseline_episodes: int, production: float) -> Operating:
    def track(items: Iterable[int]) -> Iterable[int]:
        return tracked(f"rollouts, 0.9 -> {production:g}, baseline {baseline_episodes}")(items)

    scenario = Scenario(evaluated=0.9, production=production, baseline_episodes=baseline_episodes)
    return simulate(scenario, ROLLOUTS, seed=20, track=track)

"""How many production episodes a rollout takes to find a bad policy, and how often it stops a good one."""

from collections.abc import Iterable
from pathlib import Path

from physai.infrastructure.benchmark import Result
from physai.infrastructure.console import tracked

from ..rollout.simulate import Operating, Scenario, simulate

ROLLOUTS = 10_000
GOALS = {500: 30, 200: 37}  # median episodes to stop, by episodes of the evaluation


def measure(folder: Path) -> list[Result]:
    """Rollouts over three cohorts (2, 4 and 8 robots), the evaluation's own error drawn anew for each."""
    assert folder.is_dir(), "nothing is written there"
    results: list[Result] = []
    for episodes, goal in GOALS.items():
        bad, good = (_play(episodes, production) for production in (0.7, 0.9))
        results += _results(episodes, goal, bad, good)
    middle = _play(500, 0.8)
    share = 100 * middle.stopped / middle.rollouts
    note = f"half the drop that the test looks for; {middle.done} of {middle.rollouts} done"
    results.append(Result(what="0.9 → 0.8, stopped", ours=share, unit="% of rollouts", note=note))
    return results


def _results(episodes: int, goal: int, bad: Operating, good: Operating) -> list[Result]:
    median = bad.median_to_stop if bad.median_to_stop is not None else float("inf")
    of = f"baseline {episodes}"
    told = f"p90 {bad.p90_to_stop:g}; {bad.undecided} undecided after 500 episodes" if bad.p90_to_stop else ""
    return [
        Result(
            what=f"0.9 → 0.7, {of}: median to stop",
            ours=float(median),
            unit="episodes",
            goal=goal,
            higher_is_better=False,
            note=told,
        ),
        Result(
            what=f"0.9 → 0.7, {of}: past the first cohort",
            ours=float(bad.past_first),
            unit=f"of {bad.rollouts} rollouts",
            note="designed for 1 in 10,000",
        ),
        Result(
            what=f"0.9 → 0.9, {of}: false stops",
            ours=100 * good.stopped / good.rollouts,
            unit="% of rollouts",
            goal=1,
            higher_is_better=False,
            note=f"{good.stopped} of {good.rollouts}; done after {good.median_to_done:g} episodes (median)",
        ),
    ]


def _play(baseline_episodes: int, production: float) -> Operating:
    def track(items: Iterable[int]) -> Iterable[int]:
        return tracked(f"rollouts, 0.9 -> {production:g}, baseline {baseline_episodes}")(items)

    scenario = Scenario(evaluated=0.9, production=production, baseline_episodes=baseline_episodes)
    return simulate(scenario, ROLLOUTS, seed=20, track=track)

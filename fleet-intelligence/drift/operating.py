"""What the drift test does, computed exactly: how often it calls in vain, and how soon it calls a real drop."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from physai.infrastructure.contracts import Contract

from ..errors import ShortEvaluationError
from .cusum import Chart, Level, advance, design

NEGLIGIBLE = 1e-4  # evaluations rarer than this are left out
DROPS = (0.0, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)


class Operating(Contract):
    """The test's behaviour for one true success rate in production."""

    production_rate: float
    found: float
    """Probability of a call within the episodes; if nothing has changed, that of a false alarm."""
    median_episodes: int | None
    """Episodes within which half of all cases are called; None if they are not."""
    p90_episodes: int | None


class Power(Contract):
    """What the test can find."""

    baseline_rate: float
    baseline_episodes: int
    production_episodes: int
    false_alarm: float
    """The level the test is set to, over the horizon."""
    horizon: int
    rows: tuple[Operating, ...]
    """By production rate, unchanged first."""


def operating(
    baseline_rate: float, baseline_episodes: int, production_rate: float, episodes: int, level: Level
) -> Operating:
    """Sum over every evaluation and every course of production.

    Args:
        baseline_rate: True success probability during the evaluation.
        baseline_episodes: Length of the evaluation.
        production_rate: True success probability in production.
        episodes: Length of production.
        level: What the test is set to.

    Raises:
        ShortEvaluationError: If most evaluations of that length are too short for the level.
    """
    found, covered = np.zeros(episodes), 0.0
    for chart, probability in charts(baseline_rate, baseline_episodes, level):
        found += probability * first_passage(chart, production_rate, episodes)
        covered += probability
    if covered < 0.5:
        raise ShortEvaluationError(baseline_episodes, level.false_alarm, level.horizon)
    found /= covered
    return Operating(
        production_rate=production_rate,
        found=float(found[-1]),
        median_episodes=_quantile(found, 0.5),
        p90_episodes=_quantile(found, 0.9),
    )


def charts(rate: float, episodes: int, level: Level) -> list[tuple[Chart, float]]:
    """The charts of all likely evaluations, with their probabilities; those that refuse the level are left out."""
    found = []
    probabilities = binom.pmf(np.arange(episodes + 1), episodes, rate)
    for successes in np.flatnonzero(probabilities > NEGLIGIBLE):
        try:
            found.append((design((int(successes), episodes), level), float(probabilities[successes])))
        except ShortEvaluationError:
            continue
    return found


def first_passage(chart: Chart, rate: float, episodes: int) -> NDArray[np.float64]:
    """Probability of a call within 1, 2, … episodes, shape (N,)."""
    states: NDArray[np.float64] = np.zeros((1, chart.limit))
    states[0, 0] = 1
    called = np.empty(episodes)
    for index in range(episodes):
        states = advance(chart, states, np.array([[1 - rate]]))
        called[index] = 1 - states.sum()
    return called


def power(baseline_rate: float, baseline_episodes: int, episodes: int, level: Level) -> Power:
    """What the test finds for drops of 0, 0.1, … 0.5; arguments as those of `operating`."""
    rates = [baseline_rate - drop for drop in DROPS if baseline_rate - drop >= 0]
    return Power(
        baseline_rate=baseline_rate,
        baseline_episodes=baseline_episodes,
        production_episodes=episodes,
        false_alarm=level.false_alarm,
        horizon=level.horizon,
        rows=tuple(operating(baseline_rate, baseline_episodes, rate, episodes, level) for rate in rates),
    )


def _quantile(found: NDArray[np.float64], share: float) -> int | None:
    reached = np.flatnonzero(found >= share)
    return int(reached[0]) + 1 if len(reached) else None

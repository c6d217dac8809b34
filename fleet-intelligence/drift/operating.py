"""What the drift test does, computed exactly: how often it calls in vain, and how soon it calls a real drop."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, xlog1py, xlogy

from physai.infrastructure.contracts import Contract

from .evidence import log_bayes_factor, log_threshold

NEGLIGIBLE = 1e-9  # evaluations rarer than this are left out
DROPS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)


class Operating(Contract):
    """The test's behaviour for one true success rate in production."""

    production_rate: float
    found: float
    """Probability of a call within the episodes; if nothing has changed, that of a false alarm."""
    median_episodes: int | None
    """Episodes within which half of all cases are called; None if they are not."""


class Power(Contract):
    """What the test can find."""

    baseline_rate: float
    baseline_episodes: int
    production_episodes: int
    false_alarm: float
    """The bound the test is set to."""
    rows: tuple[Operating, ...]
    """By production rate, unchanged first."""


def operating(
    baseline_rate: float, baseline_episodes: int, production_rate: float, episodes: int, alpha: float
) -> Operating:
    """Sum over every evaluation and every course of production.

    Args:
        baseline_rate: True success probability during the evaluation.
        baseline_episodes: Length of the evaluation.
        production_rate: True success probability in production.
        episodes: Length of production.
        alpha: False-alarm probability the test is set to.
    """
    evaluations = _binomial(baseline_episodes, baseline_rate)
    called = np.zeros(episodes)
    for successes in np.flatnonzero(evaluations > NEGLIGIBLE):
        boundary = call_boundary((int(successes), baseline_episodes), episodes, alpha)
        called += evaluations[successes] * _first_passage(boundary, production_rate)
    so_far = np.cumsum(called)
    half = np.flatnonzero(so_far >= 0.5)
    return Operating(
        production_rate=production_rate,
        found=min(float(so_far[-1]), 1.0),
        median_episodes=int(half[0]) + 1 if len(half) else None,
    )


def call_boundary(baseline: tuple[int, int], episodes: int, alpha: float) -> NDArray[np.int64]:
    """For each number of production episodes the most successes at which drift is called, -1 if none; shape (N,).

    More successes are always less evidence, so each boundary is found by bisection, all of them at once.
    """
    counts: NDArray[np.int64] = np.arange(1, episodes + 1)
    low: NDArray[np.int64] = np.full(episodes, -1)
    high: NDArray[np.int64] = counts + 1
    while (high - low > 1).any():  # called at low, or nowhere; not called at high
        middle = np.clip((low + high) // 2, 0, counts)
        called = log_bayes_factor(baseline, middle, counts) >= log_threshold(alpha)
        moving = high - low > 1
        low = np.where(moving & called, middle, low)
        high = np.where(moving & ~called, middle, high)
    return low


def power(baseline_rate: float, baseline_episodes: int, episodes: int, alpha: float) -> Power:
    """What the test finds for drops of 0, 0.1, … 0.5; arguments as those of `operating`."""
    rates = [baseline_rate - drop for drop in DROPS if baseline_rate - drop >= 0]
    return Power(
        baseline_rate=baseline_rate,
        baseline_episodes=baseline_episodes,
        production_episodes=episodes,
        false_alarm=alpha,
        rows=tuple(operating(baseline_rate, baseline_episodes, rate, episodes, alpha) for rate in rates),
    )


def _binomial(episodes: int, rate: float) -> NDArray[np.float64]:
    """Probability of 0, 1, … `episodes` successes, shape (episodes + 1,)."""
    successes = np.arange(episodes + 1)
    log_ways = -betaln(episodes - successes + 1, successes + 1) - np.log(episodes + 1)
    return np.asarray(np.exp(log_ways + xlogy(successes, rate) + xlog1py(episodes - successes, -rate)))


def _first_passage(boundary: NDArray[np.int64], rate: float) -> NDArray[np.float64]:
    """Probability that the first call is after each episode, shape (N,)."""
    alive = np.array([1.0])  # by number of successes so far
    called = np.zeros(len(boundary))
    for index, most in enumerate(boundary):
        alive = np.append(alive, 0.0) * (1 - rate) + np.append(0.0, alive) * rate
        called[index] = alive[: most + 1].sum()
        alive[: most + 1] = 0.0
    return called

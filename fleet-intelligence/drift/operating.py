"""What the drift test does, computed exactly: how often it calls in vain, and how soon it calls a real drop."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from physai.infrastructure.contracts import Contract

from .evidence import log_bayes_factor, log_threshold

NEGLIGIBLE = 1e-9  # evaluations rarer than this are left out


class Operating(Contract):
    """The test's behaviour for one true success rate in production."""

    production_rate: float
    found: float
    """Probability of a call within the episodes; if nothing has changed, that of a false alarm."""
    median_episodes: int | None
    """Episodes within which half of all cases are called; None if they are not."""


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
    evaluations = binom.pmf(np.arange(baseline_episodes + 1), baseline_episodes, baseline_rate)
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


def _first_passage(boundary: NDArray[np.int64], rate: float) -> NDArray[np.float64]:
    """Probability that the first call is after each episode, shape (N,)."""
    alive = np.array([1.0])  # by number of successes so far
    called = np.zeros(len(boundary))
    for index, most in enumerate(boundary):
        alive = np.append(alive, 0.0) * (1 - rate) + np.append(0.0, alive) * rate
        called[index] = alive[: most + 1].sum()
        alive[: most + 1] = 0.0
    return called

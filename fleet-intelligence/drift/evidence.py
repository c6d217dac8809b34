"""Evidence, episode by episode, that success has dropped below what the evaluation showed.

The statistic is the logarithm of a Bayes factor. "Nothing has changed": one success probability p, unknown, is behind
evaluation and production. "It has dropped": production has its own q, anywhere below p. What the evaluation says of p
is a Beta posterior, wide for a short evaluation, so a baseline of 60 episodes counts as what it is.

Under "nothing has changed" a Bayes factor is a nonnegative martingale that starts at 1. So the probability that it
ever exceeds 1/alpha is at most alpha (Ville's inequality), whenever one looks and however often: averaged over p with
the prior below. What holds for every single p is computed exactly by `operating.py`.

Sources: Robbins 1970, doi:10.1214/aoms/1177696786 (mixtures); Ville 1939; Ramdas et al. 2023, arXiv:2210.01948,
sections 2-3 (test martingales, anytime validity); Jeffreys 1946, doi:10.1098/rspa.1946.0056 (the prior of p).
"""

from functools import cache
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, betaln, logsumexp

METHOD = "Beta-Bernoulli Bayes factor against a drop, as a test martingale (Robbins 1970; Ramdas et al. 2023)"
PRIOR = 0.5  # both parameters of the Beta prior of p (Jeffreys)
NODES = 48  # of the quadrature; good to 1e-4 wherever a call is near, and on the quiet side where none is
TINY = 1e-300


def log_threshold(alpha: float) -> float:
    """The evidence at which drift is called, for a false-alarm probability."""
    return log(1 / alpha)


def log_evidence(baseline: tuple[int, int], outcomes: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Logarithm of the Bayes factor after each production episode.

    Args:
        baseline: Successes and episodes of the evaluation.
        outcomes: Success of the production episodes in the order in which they began, shape (N,).

    Returns:
        Shape (N,); 0 is no evidence either way.
    """
    episodes = np.arange(1, len(outcomes) + 1)
    return log_bayes_factor(baseline, np.cumsum(outcomes), episodes)


def log_bayes_factor(
    baseline: tuple[int, int], successes: NDArray[np.integer], episodes: NDArray[np.integer]
) -> NDArray[np.float64]:
    """The same for counts, which are all that matters; arrays of one shape."""
    good, bad = baseline[0] + PRIOR, baseline[1] - baseline[0] + PRIOR
    failures = episodes - successes
    rates, weights = _posterior(good, bad)
    below = np.maximum(betainc(successes[..., None] + 1, failures[..., None] + 1, rates), TINY)
    dropped = betaln(successes + 1, failures + 1) + logsumexp(np.log(below / rates), b=weights, axis=-1)
    unchanged = betaln(good + successes, bad + failures) - betaln(good, bad)
    return np.asarray(dropped - unchanged, dtype=np.float64)


@cache
def _posterior(good: float, bad: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights for means over Beta(good, bad), by Gauss-Legendre on its quantiles."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return np.maximum(betaincinv(good, bad, (nodes + 1) / 2), TINY), weights / 2


def first_call(evidence: NDArray[np.float64], alpha: float) -> int | None:
    """Number of episodes after which drift was called; None if it was not."""
    called = np.flatnonzero(evidence >= log_threshold(alpha))
    return int(called[0]) + 1 if len(called) else None


def least_episodes(baseline: tuple[int, int], alpha: float, limit: int = 10_000) -> int:
    """Number of episodes below which not even failure in each of them would be called drift."""
    called = first_call(log_evidence(baseline, np.zeros(limit, dtype=np.bool_)), alpha)
    return called if called is not None else limit

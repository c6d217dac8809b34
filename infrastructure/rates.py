"""A success rate with its interval."""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

from .contracts import Interval, Rate


def success_rate(outcomes: Sequence[bool], confidence: float = 0.95, method: Interval = "wilson") -> Rate:
    """The rate of these episodes; other arguments as those of `rate_of`."""
    return rate_of(sum(outcomes), len(outcomes), confidence, method)


def rate_of(successes: int, episodes: int, confidence: float = 0.95, method: Interval = "wilson") -> Rate:
    """The share of successes with Wilson's score interval, or Clopper and Pearson's exact one, which needs SciPy.

    Sources: Wilson 1927, doi:10.1080/01621459.1927.10502953; Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404.

    Args:
        successes: At most `episodes`.
        episodes: At least 1.
        confidence: Of the two-sided interval.
        method: Of the interval.
    """
    assert episodes, "a rate needs at least one episode"
    bounds = _wilson if method == "wilson" else _clopper_pearson
    lower, upper = bounds(successes, episodes, confidence)
    return Rate(
        successes=successes,
        episodes=episodes,
        value=successes / episodes,
        lower=lower,
        upper=upper,
        confidence=confidence,
        method=method,
    )


def _wilson(successes: int, episodes: int, confidence: float) -> tuple[float, float]:
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, scale = successes / episodes, 1 + z**2 / episodes
    middle = (share + z**2 / (2 * episodes)) / scale
    half = z / scale * sqrt(share * (1 - share) / episodes + z**2 / (4 * episodes**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def _clopper_pearson(successes: int, episodes: int, confidence: float) -> tuple[float, float]:
    from scipy.stats import binomtest

    interval = binomtest(successes, episodes).proportion_ci(confidence, method="exact")
    return float(interval.low), float(interval.high)

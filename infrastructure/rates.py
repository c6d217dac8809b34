"""A success rate with its interval. Needs SciPy, which `physai-infrastructure[simulation]` brings."""

from collections.abc import Sequence
from typing import Literal

from scipy.stats import binomtest

from .contracts import Interval, Rate

SCIPY: dict[Interval, Literal["wilson", "exact"]] = {"wilson": "wilson", "clopper-pearson": "exact"}


def success_rate(successes: Sequence[bool], confidence: float = 0.95, method: Interval = "wilson") -> Rate:
    """The share of successes with Wilson's score interval, or Clopper and Pearson's exact one."""
    assert successes, "a rate needs at least one episode"
    test = binomtest(sum(successes), len(successes))
    interval = test.proportion_ci(confidence, method=SCIPY[method])
    return Rate(
        successes=sum(successes),
        episodes=len(successes),
        value=sum(successes) / len(successes),
        lower=float(interval.low),
        upper=float(interval.high),
        confidence=confidence,
        method=method,
    )

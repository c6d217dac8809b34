"""A success rate with its interval."""

from collections.abc import Sequence

from scipy.stats import binomtest

from physai.infrastructure.contracts import Rate


def success_rate(successes: Sequence[bool], confidence: float = 0.95) -> Rate:
    """The share of successes with Wilson's score interval.

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953.
    """
    assert successes, "a rate needs at least one episode"
    test = binomtest(sum(successes), len(successes))
    interval = test.proportion_ci(confidence, method="wilson")
    return Rate(
        successes=sum(successes),
        episodes=len(successes),
        value=sum(successes) / len(successes),
        lower=float(interval.low),
        upper=float(interval.high),
        confidence=confidence,
    )

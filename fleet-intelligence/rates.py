"""Success rates with their intervals."""

from math import sqrt
from statistics import NormalDist

from physai.infrastructure.contracts import Rate


def success_rate(successes: int, episodes: int, confidence: float = 0.95) -> Rate:
    """Wilson's score interval of a success rate.

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953.

    Args:
        successes: At most `episodes`.
        episodes: At least 1.
        confidence: Of the two-sided interval.
    """
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / episodes
    middle = (share + z**2 / (2 * episodes)) / (1 + z**2 / episodes)
    half = z / (1 + z**2 / episodes) * sqrt(share * (1 - share) / episodes + z**2 / (4 * episodes**2))
    return Rate(
        successes=successes,
        episodes=episodes,
        value=share,
        lower=max(0.0, middle - half),
        upper=min(1.0, middle + half),
        confidence=confidence,
    )

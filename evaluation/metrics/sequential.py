"""Two policies on the same conditions, played only until it is clear whether one is better.

Wald's sequential probability ratio test on the discordant pairs: of the conditions on which only one of the two
succeeds, is it the candidate more often than a coin would have it? Its statistic is a likelihood ratio, so it may be
looked at after every episode. Boundaries and operating characteristics are exact: the discordant pairs are a random
walk on a lattice, and the probability of every path is added up.

Source: Wald 1945, doi:10.1214/aoms/1177731118; for pairs: McNemar 1947, doi:10.1007/BF02295996; valid at any time:
Ville's inequality, see Ramdas et al. 2023, doi:10.1214/23-STS894.
"""

from collections.abc import Callable, Sequence
from functools import cache
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from physai.infrastructure.contracts import (
    OperatingCharacteristic,
    PolicyResult,
    SequentialComparison,
    SequentialDesign,
    SequentialPlan,
)

LONGEST = 20_000
"""Discordant pairs after which a walk is given up; what has not ended by then is less than `REST`."""
REST = 1e-9
FAR = -14.0
"""Log likelihood ratio from which the upper boundary is reached with a probability below e^(-14 - upper)."""


class Walk(NamedTuple):
    """A likelihood ratio that steps up at a win and down at a loss, between two boundaries."""

    up: float
    down: float
    upper: float
    lower: float

    def ends(self, win: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Probability of ending at the upper, and at the lower boundary, at each number of discordant pairs (from 1).

        Args:
            win: Probability that a discordant pair is a win.
        """
        at_upper, at_lower = [], []
        inside = np.ones(1)  # by the number of wins
        for pairs in range(1, LONGEST):
            moved = np.zeros(pairs + 1)
            moved[1:] += inside * win
            moved[:-1] += inside * (1 - win)
            wins = np.arange(pairs + 1)
            ratio = wins * self.up - (pairs - wins) * self.down
            above, below = ratio >= self.upper, ratio <= self.lower
            at_upper.append(moved[above].sum())
            at_lower.append(moved[below].sum())
            moved[above | below] = 0
            inside = moved
            if inside.sum() < REST:
                break
        return np.array(at_upper), np.array(at_lower)


@cache
def plan(design: SequentialDesign) -> SequentialPlan:
    """The boundaries of a design, and how many episodes it will need.

    The upper boundary is the lowest that an equal candidate crosses with probability `alpha` at most, even if one never
    gave up; the lower one is the highest that leaves the candidate of the design its `power`.
    """
    win = _win(design.reference, design.candidate)
    up, down = steps(design)

    def crosses(upper: float) -> bool:
        return float(Walk(up, down, upper, FAR).ends(0.5)[0].sum()) > design.alpha

    ceiling = log(1 / design.alpha)
    upper = _boundary(crosses, ceiling - 2 * up, ceiling)  # Ville: the ceiling always holds

    def too_weak(lower: float) -> bool:
        return float(Walk(up, down, upper, lower).ends(win)[0].sum()) < design.power

    lower = -_boundary(lambda depth: too_weak(-depth), 0.0, -FAR)
    walk = Walk(up, down, upper, lower)
    return SequentialPlan(
        design=design,
        upper=upper,
        lower=lower,
        better=operating(walk, design.reference, design.candidate),
        equal=operating(walk, design.reference, design.reference),
        worse=operating(walk, design.reference, max(0.0, design.reference - design.improvement)),
    )


def steps(design: SequentialDesign) -> tuple[float, float]:
    """How far the log likelihood ratio goes up at a win, and down at a loss."""
    win = _win(design.reference, design.candidate)
    return log(2 * win), -log(2 * (1 - win))


def _boundary(too_low: Callable[[float], bool], low: float, high: float, tolerance: float = 1e-3) -> float:
    """The least value, to `tolerance`, that is not too low; `high` is not."""
    while high - low > tolerance:
        middle = (low + high) / 2
        low, high = (middle, high) if too_low(middle) else (low, middle)
    return high


def _win(reference: float, candidate: float) -> float:
    """Probability that a discordant pair is a win, if the two succeed independently of each other."""
    wins, losses = candidate * (1 - reference), reference * (1 - candidate)
    return wins / (wins + losses)


def operating(walk: Walk, reference: float, candidate: float) -> OperatingCharacteristic:
    """What the test does for these two success rates, if the two succeed independently of each other."""
    discordant = candidate * (1 - reference) + reference * (1 - candidate)
    at_upper, at_lower = walk.ends(_win(reference, candidate))
    ends = at_upper + at_lower
    pairs = np.arange(1, len(ends) + 1)

    def ended_by(episodes: int) -> float:
        return float((ends * binom.sf(pairs - 1, episodes, discordant)).sum())

    return OperatingCharacteristic(
        reference=reference,
        candidate=candidate,
        called_better=float(at_upper.sum()),
        mean_episodes=float((ends * pairs).sum() / discordant),
        median_episodes=_first(ended_by, 0.5),
        p90_episodes=_first(ended_by, 0.9),
    )


def _first(share: Callable[[int], float], wanted: float) -> int:
    """The least number at which a growing share reaches `wanted`."""
    high = 1
    while share(high) < wanted:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if share(middle) >= wanted else (middle, high)
    return high


def compare_sequentially(
    candidate: PolicyResult, reference: PolicyResult, design: SequentialDesign
) -> SequentialComparison:
    """Go through the conditions in their order, and stop where the test does; later episodes do not count."""
    ours, theirs = _by_condition(candidate), _by_condition(reference)
    planned = plan(design)
    up, down = steps(design)
    wins = losses = episodes = 0
    statistic, decision = 0.0, "undecided"
    for ok, other in zip(ours, theirs, strict=True):
        episodes += 1
        wins += ok and not other
        losses += other and not ok
        statistic = wins * up - losses * down
        if statistic >= planned.upper or statistic <= planned.lower:
            decision = "better" if statistic > 0 else "not-better"
            break
    return SequentialComparison.model_validate(
        {
            "candidate": candidate.role,
            "reference": reference.role,
            "plan": planned,
            "episodes": episodes,
            "wins": wins,
            "losses": losses,
            "statistic": statistic,
            "decision": decision,
        }
    )


def _by_condition(result: PolicyResult) -> Sequence[bool]:
    return [episode.success for episode in sorted(result.episodes, key=lambda episode: episode.condition)]

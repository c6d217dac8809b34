"""Episodes to a decision: the sequential comparison beside a fixed number, in simulated comparisons."""

from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from physai.infrastructure.benchmark import Result
from physai.infrastructure.contracts import SequentialDesign, SequentialPlan

from ..metrics import plan
from ..metrics.sequential import steps

TRIALS = 20_000
LONGEST = 1_500
"""Conditions drawn for a trial; the longest walk of the design ends within it but for one in a million."""
DESIGN = SequentialDesign(reference=0.6, improvement=0.2)


def measure() -> list[Result]:
    """Both sides of 0.6 against 0.8, and the error of calling an equal candidate better."""
    rng = np.random.default_rng(0)
    better = _trials(rng, DESIGN.reference, DESIGN.candidate)
    equal = _trials(rng, DESIGN.reference, DESIGN.reference)
    fixed = fixed_number(DESIGN)
    note = f"mean of {TRIALS} simulated comparisons; 9 of 10 end within {np.percentile(better.episodes, 90):.0f}"
    return [
        Result(
            what="0.6 → 0.8, until decided",
            ours=float(better.episodes.mean()),
            goal=58,
            note=note,
            unit="conditions",
            higher_is_better=False,
            peer=fixed,
            peer_name="fixed number",
        ),
        Result(
            what="0.6 → 0.6, until decided",
            ours=float(equal.episodes.mean()),
            goal=36,
            note=f"9 of 10 end within {np.percentile(equal.episodes, 90):.0f}",
            unit="conditions",
            higher_is_better=False,
            peer=fixed,
            peer_name="fixed number",
        ),
        Result(what="power at 0.6 → 0.8", ours=float(better.called.mean()), unit="of comparisons", goal=DESIGN.power),
        Result(
            what="an equal candidate called better (one-sided 0.025)",
            ours=float(equal.called.mean()),
            unit="of comparisons",
            goal=DESIGN.alpha,
            higher_is_better=False,
        ),
    ]


class _Trials(NamedTuple):
    """How simulated comparisons ended."""

    called: NDArray[np.bool_]
    """Whether the candidate was called better."""
    episodes: NDArray[np.intp]


def _trials(rng: np.random.Generator, reference: float, candidate: float) -> _Trials:
    planned = plan(DESIGN)
    called, episodes = [], []
    for _ in range(TRIALS // 1000):
        ours = rng.random((1000, LONGEST)) < candidate
        theirs = rng.random((1000, LONGEST)) < reference
        better, end = _ends(planned, ours & ~theirs, theirs & ~ours)
        called.append(better)
        episodes.append(end)
    return _Trials(np.concatenate(called), np.concatenate(episodes))


def _ends(
    planned: SequentialPlan, wins: NDArray[np.bool_], losses: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Whether each row of pairs ends at the upper boundary, and after how many."""
    up, down = steps(planned.design)
    path = np.cumsum(wins * up - losses * down, axis=1)
    out = (path >= planned.upper) | (path <= planned.lower)
    first = out.argmax(axis=1)
    ended = out[np.arange(len(out)), first]
    at = np.where(ended, first, path.shape[1] - 1)
    return ended & (path[np.arange(len(path)), at] > 0), at + 1


def fixed_number(design: SequentialDesign) -> int:
    """Episodes of each policy that a test of two independent proportions needs.

    Source: Fleiss, Levin and Paik 2003, Statistical Methods for Rates and Proportions, eq. 4.14 without correction.
    """
    p, q = design.reference, design.candidate
    z = norm.ppf(1 - design.alpha) + norm.ppf(design.power)
    return ceil(z**2 * (p * (1 - p) + q * (1 - q)) / (q - p) ** 2)

"""Whether production succeeds as the evaluation promised: a sequential test that knows how large the evaluation was.

A likelihood ratio after each episode: "the success rate has dropped" over "it is the baseline's". The baseline is not
a number but a distribution: the posterior of its rate given the evaluation's counts, which both sides average over.
A small evaluation so takes more episodes to contradict, and does not raise false alarms by its own error.

Source: Wald 1945, doi:10.1214/aoms/1177731118; the average over a nuisance parameter keeps the ratio a martingale, and
Ville's inequality bounds the chance that it ever reaches 1/alpha by alpha.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import log
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from physai.infrastructure.contracts import Contract

type Verdict = Literal["stop", "pass", "continue"]

GRID = 400  # rates between 0 and 1; halving it moves no boundary of a baseline of 2,000 episodes


class TrialRules(Contract):
    """What counts as worse, and how sure the test must be."""

    drop: float = Field(default=0.2, gt=0, lt=1)
    """Drop of the success rate that matters."""
    false_stop: float = Field(default=0.01, gt=0, lt=0.5)
    """Greatest chance to stop a policy that is as good as evaluated."""
    miss: float = Field(default=1e-4, gt=0, lt=0.5)
    """Chance to confirm a policy that has dropped."""
    max_episodes: int = Field(default=500, ge=1, le=5000)
    """Undecided after so many, a person decides."""


class Baseline(Contract):
    """What the evaluation counted."""

    successes: int = Field(ge=0)
    episodes: int = Field(ge=1)


@dataclass(frozen=True)
class Boundaries:
    """By number of episodes: the fewest failures that stop, and the most that pass."""

    stop: NDArray[np.int64]
    """Shape (max_episodes + 1,)."""
    ok: NDArray[np.int64]
    """Shape (max_episodes + 1,); -1 where no count passes yet."""

    @cached_property
    def _rows(self) -> tuple[list[int], list[int]]:
        """The same as lists, which are quicker to index one by one."""
        return self.stop.tolist(), self.ok.tolist()

    def verdict(self, episodes: int, failures: int) -> Verdict:
        """What the counts say. Beyond the last row, the last row's verdicts need as many failures, or as few."""
        stop, ok = self._rows
        row = min(episodes, len(stop) - 1)
        if failures >= stop[row]:
            return "stop"
        return "pass" if episodes == row and failures <= ok[row] else "continue"


@lru_cache(maxsize=512)
def boundaries(baseline: Baseline, rules: TrialRules) -> Boundaries:
    """Both boundaries of a test, worked out once.

    Args:
        baseline: Of the policy's own evaluation.
        rules: What to detect.
    """
    ratio = _Ratio(baseline, rules.drop)
    size = rules.max_episodes + 1
    stop, ok = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64)
    failures_stop, failures_ok = 0, -1
    for episodes in range(size):  # one more episode moves a boundary by at most one failure
        while failures_stop <= episodes and ratio(episodes, failures_stop) < -log(rules.false_stop):
            failures_stop += 1
        while failures_ok + 1 <= episodes and ratio(episodes, failures_ok + 1) <= log(rules.miss):
            failures_ok += 1
        stop[episodes], ok[episodes] = failures_stop, failures_ok
    return Boundaries(stop, ok)


class _Ratio:
    """Log likelihood ratio of counts, averaged over what the baseline may be."""

    def __init__(self, baseline: Baseline, drop: float) -> None:
        rate = (np.arange(GRID) + 0.5) / GRID
        failures = baseline.episodes - baseline.successes
        weight = baseline.successes * np.log(rate) + failures * np.log1p(-rate)  # uniform prior
        self._weight = weight - np.logaddexp.reduce(weight)
        dropped = np.maximum(rate - drop, 0.5 / GRID)
        self._same = np.log(rate), np.log1p(-rate)
        self._dropped = np.log(dropped), np.log1p(-dropped)

    def __call__(self, episodes: int, failures: int) -> float:
        def average(rates: tuple[NDArray[np.float64], NDArray[np.float64]]) -> float:
            return float(np.logaddexp.reduce(self._weight + (episodes - failures) * rates[0] + failures * rates[1]))

        return average(self._dropped) - average(self._same)


@dataclass(frozen=True, slots=True)
class Tally:
    """Which production episodes were heard of, and which of them failed. Told twice or out of order, it is the same."""

    seen: int = 0
    """Bit n is episode n."""
    failed: int = 0

    @property
    def episodes(self) -> int:
        """How many were heard of."""
        return self.seen.bit_count()

    @property
    def failures(self) -> int:
        """How many of them failed."""
        return self.failed.bit_count()

    def add(self, episode: int, success: bool) -> "Tally":
        """With one more episode; of one told twice, the first telling counts."""
        bit = 1 << episode
        if self.seen & bit:
            return self
        return Tally(self.seen | bit, self.failed if success else self.failed | bit)

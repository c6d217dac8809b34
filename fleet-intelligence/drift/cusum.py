"""A CUSUM of failures, episode by episode, that knows how long the evaluation was.

After each production episode the statistic is `S = max(0, S + failed - allowance)`: the failures beyond what was to be
expected since the last time all was well. Drift is called when it reaches the threshold. It restarts from zero, so a
change is found as soon after a year as after a day. From a call on, the same test looks the other way: successes beyond
those of the smallest drop worth a call, until recovery is as sure as drift was.

The allowance lies between the failure rate of the evaluation and that of the smallest drop worth a call; it is the one
of Wald's likelihood ratio. The threshold is such that, if nothing has changed, the probability of any call within
`horizon` episodes is at most `false_alarm`, averaged over the success rates which the evaluation leaves open (a Beta
posterior): a short evaluation gets a high threshold. Statistic and allowance are multiples of 1/24, so that they are
the states of a Markov chain, and every probability here is computed, not simulated.

Sources: Page 1954, doi:10.1093/biomet/41.1-2.100; Reynolds & Stoumbos 1999, doi:10.1080/00224065.1999.11979900 (the
allowance of a Bernoulli CUSUM); Brook & Evans 1972, doi:10.1093/biomet/59.3.539 (the Markov chain); Jeffreys 1946,
doi:10.1098/rspa.1946.0056 (the prior).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import ceil, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from physai.infrastructure.contracts import Spell

from ..errors import ShortEvaluationError

METHOD = "Bernoulli CUSUM, its threshold set for the length of the evaluation (Page 1954; Reynolds & Stoumbos 1999)"
PRIOR = 0.5  # both parameters of the Beta prior of the success rate (Jeffreys)
NODES = 32  # of the quadrature over the posterior; with 16 one threshold of ten tried was 9 % lower
UNITS = 24  # an episode's failure in units of the chain
LEAST_FAILURES = 5  # what a call rests on at least: a retraining costs hours of collection
MOST = 60 * UNITS  # a threshold beyond it would be reached by nothing but hundreds of failures
SETTLED = 1e-7  # relative change of the probability of a call from episode to episode, once the chain forgot its start
GONE = 1e-12  # probability that is left out
TINY = 1e-300
DROP = 0.15  # of the success rate: the smallest worth a call

type Counts = tuple[int, int]
"""Successes and episodes of the evaluation."""


@dataclass(frozen=True)
class Level:
    """How sure a call must be."""

    false_alarm: float = 0.05
    """Probability of any call within the horizon if nothing has changed."""
    horizon: int = 1000
    """Production episodes."""


@dataclass(frozen=True)
class Chart:
    """A designed CUSUM, in units of 1/24 failure."""

    down: int
    limit: int

    @property
    def up(self) -> int:
        """What a failure adds."""
        return UNITS - self.down

    @property
    def allowance(self) -> float:
        """Failures an episode that are no evidence."""
        return self.down / UNITS

    @property
    def threshold(self) -> float:
        """Excess failures at which drift is called."""
        return self.limit / UNITS

    @property
    def least_episodes(self) -> int:
        """With fewer not even failure in each of them would be called drift."""
        return ceil(self.limit / self.up)


@cache
def design(baseline: Counts, level: Level) -> Chart:
    """The chart for one evaluation.

    Raises:
        ShortEvaluationError: If the evaluation is too short for that level.
    """
    down = _down(baseline)
    failure_rates, weights = _posterior(baseline)

    def quiet(limit: int) -> bool:
        alarms = false_alarms(Chart(down, limit), failure_rates, level.horizon)
        return bool(weights @ alarms <= level.false_alarm)

    adrift = np.clip(failure_rates - down / UNITS, 0, None) * level.horizon > MOST / UNITS
    if weights @ adrift > level.false_alarm:  # rates so far above the allowance that any threshold is reached
        raise ShortEvaluationError(baseline[1], level.false_alarm, level.horizon)
    low = (LEAST_FAILURES - 1) * (UNITS - down)  # so many failures can be reached, and do not suffice
    limit = _least(quiet, low)
    if limit is None:
        raise ShortEvaluationError(baseline[1], level.false_alarm, level.horizon)
    return Chart(down, limit)


@cache
def design_recovery(baseline: Counts, level: Level) -> Chart:
    """The chart that looks for recovery: it goes up with a success, by what a failure would be held against.

    While success stays at the smallest drop worth a call, recovery is called within the horizon with the probability
    of a false alarm at most.
    """
    down = UNITS - _down(baseline)
    succeeding = np.array([1 - _dropped(baseline)])

    def quiet(limit: int) -> bool:
        return bool(false_alarms(Chart(down, limit), succeeding, level.horizon)[0] <= level.false_alarm)

    limit = _least(quiet, 0)
    return Chart(down, MOST if limit is None else limit)


def _least(quiet: Callable[[int], bool], low: int) -> int | None:
    """The least limit above `low` that is quiet; None if it is beyond `MOST`."""
    high = low + 1
    while not quiet(high):
        low, high = high, high + max(high // 2, UNITS)
        if low > MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if quiet(middle) else (middle, high)
    return high


def _down(baseline: Counts) -> int:
    """Reynolds & Stoumbos 1999, r1/r2, rounded to a unit."""
    failing, dropped = _failing(baseline), _dropped(baseline)
    success = -log((1 - dropped) / (1 - failing))
    both = success + log(dropped / failing)
    return min(max(round(success / both * UNITS), 1), UNITS - 1)


def _failing(baseline: Counts) -> float:
    return 1 - (baseline[0] + PRIOR) / (baseline[1] + 2 * PRIOR)


def _dropped(baseline: Counts) -> float:
    """Failure rate of the smallest drop worth a call."""
    return _failing(baseline) + min(DROP, (1 - _failing(baseline)) / 2)


def _posterior(baseline: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Failure rates and weights for means over the posterior, by Gauss-Legendre on its quantiles."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    good, bad = baseline[0] + PRIOR, baseline[1] - baseline[0] + PRIOR
    return betaincinv(bad, good, (nodes + 1) / 2), weights / 2


def statistic(chart: Chart, outcomes: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The chart after each episode, in units; `outcomes` is success, shape (..., N), in the order of their start."""
    steps = np.where(outcomes, -chart.down, chart.up)
    walk = np.cumsum(steps, axis=-1)
    floor = np.minimum.accumulate(np.minimum(walk, 0), axis=-1)
    return np.asarray(walk - floor, dtype=np.int64)


def first_call(chart: Chart, values: NDArray[np.int64]) -> int | None:
    """Number of episodes after which drift was called; None if it was not."""
    called = np.flatnonzero(values >= chart.limit)
    return int(called[0]) + 1 if len(called) else None


class Course(NamedTuple):
    """Production as the two charts see it, by number of episodes."""

    statistic: NDArray[np.int64]
    """Of the chart that looks for drift, from zero again after a recovery."""
    spells: tuple[Spell, ...]
    changed_at: int | None
    detected_at: int | None
    """Of a drift that is not over."""


def follow(drift: Chart, recovery: Chart, outcomes: NDArray[np.bool_]) -> Course:
    """Watch production from drift to recovery and on to the next drift; `outcomes` has shape (N,)."""
    start = 0
    done: list[NDArray[np.int64]] = []
    spells: list[Spell] = []
    while True:
        values = statistic(drift, outcomes[start:])
        called = first_call(drift, values)
        if called is None:
            return Course(np.concatenate([*done, values]), tuple(spells), None, None)
        changed = start + int(np.max(np.flatnonzero(values[:called] == 0), initial=-1)) + 1
        well = first_call(recovery, statistic(recovery, ~outcomes[start + called :]))
        if well is None:
            return Course(np.concatenate([*done, values]), tuple(spells), changed, start + called)
        done.append(values[: called + well])
        spells.append(Spell(changed_at=changed, detected_at=start + called, recovered_at=start + called + well))
        start += called + well


def advance(chart: Chart, states: NDArray[np.float64], failing: NDArray[np.float64]) -> NDArray[np.float64]:
    """One episode on: probabilities of the states below the threshold, shape (K, limit); `failing` has shape (K, 1)."""
    after = np.zeros_like(states)
    succeeded = states * (1 - failing)
    down = min(chart.down, chart.limit)
    after[:, : chart.limit - down] = succeeded[:, down:]
    after[:, 0] += succeeded[:, :down].sum(axis=1)
    if chart.up < chart.limit:
        after[:, chart.up :] += (states * failing)[:, : chart.limit - chart.up]
    return after


def false_alarms(chart: Chart, failing: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
    """Probability of a call within the horizon, for each failure rate, shape (K,).

    The chain soon forgets where it began; from then on each episode calls with the same probability.
    """
    states: NDArray[np.float64] = np.zeros((len(failing), chart.limit))
    states[:, 0] = 1
    called, hazard = np.zeros(len(failing)), np.zeros(len(failing))
    for episode in range(1, horizon + 1):
        alive = states.sum(axis=1)
        now = states[:, -chart.up :].sum(axis=1) * failing
        called += now
        before, hazard = hazard, now / np.maximum(alive, TINY)
        states = advance(chart, states, failing[:, None])
        settled = (alive < GONE) | ((before > 0) & (abs(hazard - before) <= SETTLED * hazard))
        if settled.all():
            rest = -np.expm1(np.log1p(-np.minimum(hazard, 1 - GONE)) * (horizon - episode))
            return np.asarray(called + states.sum(axis=1) * rest)
    return called

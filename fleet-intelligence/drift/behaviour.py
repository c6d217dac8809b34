"""Whether what robots see and do has changed: features of episodes, before and after, valid for series with a memory.

Neighbouring episodes are alike (the same shift, the same parts), so a thousand of them may say no more than twenty
independent ones. The difference of the two means is held against how far each period's own running mean strays: that
measure grows with the memory as the error of the mean does, so neither a memory nor a bandwidth has to be known, and
the ratio has one distribution for every series whose periods are long beside its memory. Where one is shorter than
25 memories the answer is "unknown": no number of correlated values stands in for independent ones.

Sources: Shao 2010, doi:10.1111/j.1467-9868.2009.00737.x, and Shao & Zhang 2010, doi:10.1198/jasa.2010.tm10103
(self-normalisation); Sokal 1997, doi:10.1007/978-1-4899-0319-8_6, section 3 (memory, by an automatic window).
"""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from physai.infrastructure.contracts import EpisodeEvent

from .attribution import holm
from .change import Change

LEAST_MEMORIES = (
    25  # in either period; then AR(0.7) to AR(0.99) are flagged at the nominal rate, with 10 at nearly twice it
)
DRAWS = 50_000  # of the limit distribution
TERMS = 60  # of its series; the rest is put in by its mean
WINDOW = 5.0  # memories, Sokal's automatic window
LEVEL = 0.05


def compare(before: Mapping[str, NDArray[np.float64]], after: Mapping[str, NDArray[np.float64]]) -> list[Change]:
    """Test every feature that both periods have, the surest change first.

    Args:
        before: Values by feature, in order of time, each of shape (N,).
        after: The same of the later period, each of shape (M,).
    """
    names = sorted(set(before) & set(after))
    memories = [max(memory(before[name]), memory(after[name])) for name in names]
    raw = [_p_value(before[name], after[name], long) for name, long in zip(names, memories, strict=True)]
    known = [value for value in raw if value is not None]
    adjusted = iter(holm(known))
    changes = []
    for name, long, value in zip(names, memories, raw, strict=True):
        sure = None if value is None else next(adjusted)
        changes.append(
            Change(
                feature=name,
                before=float(before[name].mean()),
                after=float(after[name].mean()),
                memory=long,
                p_value=sure,
                changed=sure is not None and sure <= LEVEL,
            )
        )
    return sorted(changes, key=lambda change: (2.0 if change.p_value is None else change.p_value, change.feature))


def memory(values: NDArray[np.float64]) -> float:
    """Integrated autocorrelation time, at least 1; of a constant 1."""
    centred = values - values.mean()
    spectrum = np.fft.rfft(centred, 2 * len(values))
    covariance = np.fft.irfft(spectrum * spectrum.conj())[: len(values)]
    if covariance[0] <= 0:
        return 1.0
    times = 2 * np.cumsum(covariance / covariance[0]) - 1
    enough = np.flatnonzero(np.arange(len(times)) >= WINDOW * times)
    return max(float(times[enough[0] if len(enough) else -1]), 1.0)


def _p_value(before: NDArray[np.float64], after: NDArray[np.float64], long: float) -> float | None:
    """Twice the smaller of the p-values of level and of spread (Bonferroni)."""
    if min(len(before), len(after)) < LEAST_MEMORIES * long:
        return None
    middle = np.median(np.concatenate([before, after]))
    return min(2 * min(_differ(before, after), _differ(np.abs(before - middle), np.abs(after - middle))), 1.0)


def _differ(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """P-value of equal means."""
    distance = float(before.mean() - after.mean()) ** 2
    strayed = _strayed(before) + _strayed(after)
    if strayed <= 1e-24 * max(distance, 1e-276):  # constants: nothing strays
        return 1.0 if distance == 0 else 0.0
    first, second = _bridges()
    weight = len(before) / (len(before) + len(after))
    return float(erfc(np.sqrt(distance / strayed * ((1 - weight) * first + weight * second) / 2)).mean())


def _strayed(values: NDArray[np.float64]) -> float:
    """Mean square of how far the running sum strays from a straight line, as a variance of the mean."""
    return float((np.cumsum(values - values.mean()) ** 2).sum() / len(values) ** 3)


@cache
def _bridges() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draws of the integral of a squared Brownian bridge, twice, each of shape (DRAWS,).

    The Karhunen-Loeve series: sum of chi-squared variables of one degree, over (pi k) squared; its mean is 1/6.
    """
    rng = np.random.default_rng(0)
    shares = 1 / (np.pi * np.arange(1, TERMS + 1)) ** 2
    first, second = (rng.standard_normal((DRAWS, TERMS)) ** 2 @ shares + 1 / 6 - shares.sum() for _ in range(2))
    return first, second


def features(events: Sequence[EpisodeEvent]) -> dict[str, NDArray[np.float64]]:
    """Numbers that all of these episodes tell: features, KPIs, actions by joint, latency; by name, shape (N,)."""
    told = [_numbers(event) for event in events]
    shared = set.intersection(*(set(each) for each in told)) if told else set()
    return {name: np.array([each[name] for each in told]) for name in sorted(shared)}


def _numbers(event: EpisodeEvent) -> dict[str, float]:
    data = event.data
    found = {f"features.{name}": value for name, value in data.features.items()}
    found |= {f"kpis.{name}": value for name, value in data.kpis.items()}
    for field in ("command", "action_mean", "action_std"):
        found |= {f"{field}[{joint}]": value for joint, value in enumerate(getattr(data, field))}
    for field in ("duration_s", "inference_p50_ms", "inference_p99_ms", "clamped_actions"):
        if getattr(data, field) is not None:
            found[field] = float(getattr(data, field))
    return found

"""Whether what robots see and do has changed: features of episodes, before and after, valid for series with a memory.

Neighbouring episodes are alike (the same shift, the same parts), so their values must not be shuffled one by one. Each
series is cut into blocks much longer than its memory, and whole blocks are permuted between the two periods. Where too
few blocks remain the answer is "unknown": no number of correlated values stands in for independent ones.

Sources: Sokal 1997, doi:10.1007/978-1-4899-0319-8_6, section 3 (memory, by an automatic window); Kirch 2007,
doi:10.1016/j.jspi.2006.05.004 (block permutation); Phipson & Smyth 2010, doi:10.2202/1544-6115.1585 (the p-value).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import EpisodeEvent

from .attribution import holm
from .change import Change

BLOCK = 10  # memories: the means of blocks that long are nearly independent; with 5, 8 % of AR(0.7) series were flagged
LEAST_BLOCKS = 6  # on either side: 924 ways to part twelve, the least for p-values near 0.001
DRAWS = 4999
WINDOW = 5.0  # memories, Sokal's automatic window
LEVEL = 0.05


def compare(
    before: Mapping[str, NDArray[np.float64]], after: Mapping[str, NDArray[np.float64]], seed: int = 0
) -> list[Change]:
    """Test every feature that both periods have, the surest change first.

    Args:
        before: Values by feature, in order of time, each of shape (N,).
        after: The same of the later period, each of shape (M,).
        seed: Of the permutations.
    """
    rng = np.random.default_rng(seed)
    names = sorted(set(before) & set(after))
    memories = [max(memory(before[name]), memory(after[name])) for name in names]
    raw = [_p_value(before[name], after[name], long, rng) for name, long in zip(names, memories, strict=True)]
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


def _p_value(
    before: NDArray[np.float64], after: NDArray[np.float64], long: float, rng: np.random.Generator
) -> float | None:
    """Twice the smaller of the p-values of level and of spread (Bonferroni)."""
    block = 1 if long < 1.0 + 1e-9 else int(np.ceil(BLOCK * long))
    parts = (len(before) // block, len(after) // block)
    if min(parts) < LEAST_BLOCKS:
        return None
    middle = np.median(np.concatenate([before, after]))
    found = [
        _permuted(_means(first, block), _means(second, block), rng)
        for first, second in ((before, after), (np.abs(before - middle), np.abs(after - middle)))
    ]
    return min(2 * min(found), 1.0)


def _means(values: NDArray[np.float64], block: int) -> NDArray[np.float64]:
    """Of whole blocks, the newest values kept; shape (blocks,)."""
    whole = len(values) // block * block
    blocks = values[len(values) - whole :].reshape(-1, block)
    return np.asarray(blocks.mean(axis=1))


def _permuted(before: NDArray[np.float64], after: NDArray[np.float64], rng: np.random.Generator) -> float:
    """P-value of the difference of means when blocks change sides."""
    blocks = np.concatenate([before, after])
    drawn = rng.permuted(np.tile(blocks, (DRAWS, 1)), axis=1)[:, : len(before)].mean(axis=1)
    centre = blocks.mean()
    as_far = np.abs(drawn - centre) >= abs(before.mean() - centre) - 1e-12
    return float((as_far.sum() + 1) / (DRAWS + 1))


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

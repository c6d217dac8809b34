"""Statistics of an episode and of a dataset, as LeRobot computes them.

Same definitions as lerobot 0.6.1 `datasets/compute_stats.py`: population standard deviation, quantiles read from a
histogram of 5000 bins, images per channel in 0..1 and of depth in its own unit, on
evenly spaced sample frames, datasets aggregated from episodes.
Sums are in float64 where LeRobot's are in float32, so numbers agree to float32's precision.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .depth import DepthImage, in_unit, unit_of

Stats = dict[str, NDArray[Any]]
"""`min max mean std count q01 q10 q50 q90 q99` → one value per element, shape (d,); of a camera (3, 1, 1),
of a depth camera (1, 1, 1)."""

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
BINS = 5000
NAMES = ("min", "max", "mean", "std", "count", *QUANTILES)
SAMPLES_MIN, SAMPLES_MAX, SAMPLES_POWER = 100, 10_000, 0.75
LARGE_PX, TARGET_PX = 300, 150
MOST_TICKS = 1 << 20  # 105 m in 0.1 mm, farther than any depth camera sees


def column_stats(values: NDArray[Any]) -> Stats:
    """Statistics of one column of one episode.

    Args:
        values: Shape (T,) or (T, d), any number type.
    """
    columns = values.reshape(len(values), -1).astype(np.float64)
    each = [_weighted_stats(*np.unique(column, return_counts=True)) for column in columns.T]
    return _collect(each, np.array([len(values)]))


def counting_stats(first: NDArray[np.int64], rows: NDArray[np.int64], step: int = 1) -> Stats:
    """What `column_stats` says of columns that count up or stay as they are, for many episodes at once.

    Args:
        first: Value in the first row of each episode, shape (E,).
        rows: How many each has, shape (E,).
        step: From row to row: 1 as in `index`, 0 as in `episode_index`.

    Returns:
        One row per episode, shape (E, 1).
    """
    low = first.astype(np.float64)
    high = low + step * (rows - 1)
    mean = low + step * (rows - 1) / 2
    std = step * np.sqrt((rows * rows - 1) / 12)
    quantiles = np.where(rows[:, None] < 2, mean[:, None], _counting_quantiles(low, high, rows, step))
    parts = {
        "min": low,
        "max": high,
        "mean": mean,
        "std": std,
        "count": rows,
        **dict(zip(QUANTILES, quantiles.T, strict=True)),
    }
    return {name: parts[name].reshape(-1, 1) for name in NAMES}


def image_stats(frames: NDArray[np.uint8]) -> Stats:
    """Statistics of one camera in one episode.

    Args:
        frames: Shape (T, height, width, 3).
    """
    return _sampled(ImageCounts(), frames)


def depth_stats(frames: DepthImage) -> Stats:
    """Statistics of one depth camera in one episode, in the unit of its images.

    Args:
        frames: Shape (T, height, width).
    """
    return _sampled(DepthCounts(unit_of(frames)), frames)


def seen_stats(frames: NDArray[np.uint8] | NDArray[np.float32], unit: str | None) -> Stats:
    """Statistics of decoded frames.

    Args:
        frames: RGB, shape (T, height, width, 3), or distances in m, shape (T, height, width).
        unit: In which distances are told; None for colours.
    """
    if frames.dtype == np.uint8:
        return image_stats(frames.astype(np.uint8, copy=False))
    return depth_stats(in_unit(frames.astype(np.float32, copy=False), unit))


def _sampled(counted: "ImageCounts | DepthCounts", frames: NDArray[Any]) -> Stats:
    for frame in frames[sample_indices(len(frames))]:
        counted.add(frame)
    return counted.stats()


class ImageCounts:
    """How often each level occurs in the sample frames of an episode; frames come one by one and are not kept."""

    def __init__(self) -> None:
        self._counts = np.zeros((3, 256), np.int64)
        self._frames = 0

    def add(self, frame: NDArray[np.uint8]) -> None:
        """Count a frame of `sample_indices`, shape (height, width, 3)."""
        thin = _thin_out(frame[None])
        self._counts += [np.bincount(thin[..., channel].ravel(), minlength=256) for channel in range(3)]
        self._frames += 1

    def stats(self) -> Stats:
        """Statistics of the frames so far, at least one."""
        each = []
        for counts in self._counts:
            levels = np.flatnonzero(counts)
            each.append(_weighted_stats(levels.astype(np.float64), counts[levels]))
        stats = _collect(each, np.array([self._frames]))
        return {name: value if name == "count" else value.reshape(3, 1, 1) / 255.0 for name, value in stats.items()}


class DepthCounts:
    """How often each distance occurs in the sample frames of an episode, told to a mm, or of images in m to 0.1 mm."""

    def __init__(self, unit: str) -> None:
        self._ticks = 1.0 if unit == "mm" else 10_000.0
        self._counts: NDArray[np.int64] = np.zeros(1, np.int64)
        self._frames = 0

    def add(self, frame: DepthImage) -> None:
        """Count a frame of `sample_indices`, shape (height, width), of finite distances."""
        ticks = np.rint(_thin_out(frame[None]).astype(np.float64) * self._ticks).clip(0, MOST_TICKS).astype(np.int64)
        counts = np.bincount(ticks.ravel(), minlength=len(self._counts)).astype(np.int64)
        counts[: len(self._counts)] += self._counts
        self._counts = counts
        self._frames += 1

    def stats(self) -> Stats:
        """Statistics of the frames so far, at least one."""
        ticks = np.flatnonzero(self._counts)
        stats = _collect([_weighted_stats(ticks / self._ticks, self._counts[ticks])], np.array([self._frames]))
        return {name: value if name == "count" else value.reshape(1, 1, 1) for name, value in stats.items()}


def aggregate(episodes: Sequence[Mapping[str, Stats]]) -> dict[str, Stats]:
    """Statistics of a dataset from those of its episodes; quantiles are weighted means, as in LeRobot."""
    stacked = {
        name: {part: np.stack([episode[name][part] for episode in episodes]) for part in episodes[0][name]}
        for name in episodes[0]
    }
    return {name: aggregate_stacked(stats) for name, stats in stacked.items()}


def aggregate_stacked(episodes: Stats) -> Stats:
    """Statistics of one feature over episodes.

    Args:
        episodes: Those of each episode along the first axis.
    """
    counts = episodes["count"]
    total = counts.sum(axis=0)
    weights = counts.reshape(len(counts), *[1] * (episodes["mean"].ndim - 1)) / total.reshape(-1)[0]
    mean = (weights * episodes["mean"]).sum(axis=0)
    return {
        "min": episodes["min"].min(axis=0),
        "max": episodes["max"].max(axis=0),
        "mean": mean,
        "std": np.sqrt((weights * (episodes["std"] ** 2 + (episodes["mean"] - mean) ** 2)).sum(axis=0)),
        "count": total,
        **{name: (weights * episodes[name]).sum(axis=0) for name in QUANTILES if name in episodes},
    }


def sample_indices(rows: int) -> NDArray[np.intp]:
    """Rows of an episode whose frames are looked at: all below 101, then ever fewer of them."""
    samples = max(min(rows, SAMPLES_MIN), min(int(rows**SAMPLES_POWER), SAMPLES_MAX))
    return np.round(np.linspace(0, rows - 1, samples)).astype(np.intp)


def _collect(each: Sequence[Mapping[str, float]], count: NDArray[np.intp]) -> Stats:
    """Statistics per element as arrays, in LeRobot's order."""
    return {name: count if name == "count" else np.array([stat[name] for stat in each]) for name in NAMES}


def _thin_out(frames: NDArray[Any]) -> NDArray[Any]:
    """Take every n-th pixel of large frames."""
    height, width = frames.shape[1:3]
    if max(width, height) < LARGE_PX:
        return frames
    step = int(max(width, height) / TARGET_PX)
    return frames[:, ::step, ::step]


def _weighted_stats(values: NDArray[np.float64], counts: NDArray[np.intp]) -> dict[str, float]:
    """Statistics of distinct ascending `values` that occur `counts` times."""
    total = int(counts.sum())
    mean = float(values @ counts / total)
    std = float(np.sqrt((values - mean) ** 2 @ counts / total))
    stats = {"min": float(values[0]), "max": float(values[-1]), "mean": mean, "std": std}
    if total < 2:
        return {**stats, **dict.fromkeys(QUANTILES, mean)}
    return {**stats, **_quantiles(values, counts, total)}


def _quantiles(values: NDArray[np.float64], counts: NDArray[np.intp], total: int) -> dict[str, float]:
    """Quantiles as a histogram of `BINS` bins between minimum and maximum tells them."""
    edges = np.linspace(values[0] - 1e-10, values[-1] + 1e-10, BINS + 1)
    bins = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, BINS - 1)
    inside = np.bincount(bins, weights=counts, minlength=BINS)
    upto = np.cumsum(inside)
    quantiles = {}
    for name, quantile in QUANTILES.items():
        bin_ = int(np.searchsorted(upto, quantile * total))
        if bin_ == 0:
            quantiles[name] = float(edges[0])
        else:
            fraction = (quantile * total - upto[bin_ - 1]) / inside[bin_]
            quantiles[name] = float(edges[bin_] + fraction * (edges[bin_ + 1] - edges[bin_]))
    return quantiles


def _counting_quantiles(
    low: NDArray[np.float64], high: NDArray[np.float64], rows: NDArray[np.int64], step: int
) -> NDArray[np.float64]:
    """As `_quantiles`, of every whole number from `low` to `high`, or of `rows` times `low` if `step` is 0.

    The bins are not filled: what is below the edge of one follows from the edge.

    Args:
        low: Shape (E,), as are the next.
        high: The last number.
        rows: How many there are.
        step: 0 or 1.

    Returns:
        Shape (E, number of quantiles).
    """
    low, high, rows = low[:, None], high[:, None], rows[:, None]
    start, stop = low - 1e-10, high + 1e-10
    width = (stop - start) / BINS

    def edge(number: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.where(number == BINS, stop, number * width + start)

    def below(number: NDArray[np.int64]) -> NDArray[np.float64]:
        counted = np.clip(np.ceil(edge(number)) - low, 0, rows)
        return np.where(number == 0, 0, np.where(number == BINS, rows, counted))

    target = np.array(list(QUANTILES.values())) * rows
    value = low + step * (np.ceil(target) - 1)
    bin_, after = np.zeros(target.shape, np.int64), np.full(target.shape, BINS)
    for _ in range(BINS.bit_length()):  # halve until `bin_` is the last whose edge is not above the value
        middle = (bin_ + after) // 2
        passed = edge(middle) <= value
        bin_, after = np.where(passed, middle, bin_), np.where(passed, after, middle)
    before, until = (below(bin_), below(bin_ + 1)) if step else (0, rows)
    inside = edge(bin_) + (target - before) / (until - before) * (edge(bin_ + 1) - edge(bin_))
    return np.where(bin_ == 0, edge(bin_), inside)

"""Aggregation on the robot: a signal of hundreds of samples a second becomes one event a window."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import buckets
from ..moments import Moments

BLOCK = 512  # samples that wait to be summed up: memory does not grow with the window
ELEMENTS = 256  # of a sample; `Vector` in the contract holds no more
LARGEST = 1e100  # squares of larger numbers, and sums of those, are not finite


class SignalWindow:
    """Samples of one signal since the last take. Adding one costs a copy."""

    def __init__(self, *, histogram: bool = False) -> None:
        """Begin a window.

        Args:
            histogram: Count the samples of a signal of one element by bucket too.
        """
        self._histogram = histogram
        self._refused = 0
        self._begin()

    def _begin(self) -> None:
        self._moments: Moments | None = None
        self._buckets: Counter[int] = Counter()
        self._rows = np.empty((0, 0))
        self._lates = np.zeros(BLOCK, dtype=bool)
        self._waiting = self._late = 0

    def add(self, values: Sequence[float] | NDArray[Any], *, late: bool = False) -> None:
        """Take in a sample; the first of a window says how many elements the signal has."""
        if not self._rows.size and 0 < len(values) <= ELEMENTS:
            self._rows = np.empty((BLOCK, len(values)))
        if not len(values) or len(values) != self._rows.shape[1]:
            self._refused += 1
            return
        self._rows[self._waiting] = values
        self._lates[self._waiting] = late
        self._waiting += 1
        if self._waiting == BLOCK:
            self._fold()

    def _fold(self) -> None:
        rows = self._rows[: self._waiting]
        finite = (np.abs(rows) <= LARGEST).all(axis=1)
        good = rows[finite]
        self._refused += len(rows) - len(good)
        self._late += int(self._lates[: self._waiting][finite].sum())
        self._waiting = 0
        if len(good):
            moments = Moments.of(good)
            self._moments = self._moments.then(moments) if self._moments else moments
            if self._histogram:
                self._buckets.update(buckets.count(good[:, 0]))

    def take(self) -> dict[str, Any] | None:
        """What the window held, as fields of `SignalData`, and begin the next; None if it held no sample.

        What was refused without any sample is told with the next.
        """
        self._fold()
        moments, late, found = self._moments, self._late, sorted(self._buckets.items())
        self._begin()
        if moments is None:
            return None
        refused, self._refused = self._refused, 0
        names = ("mean", "variance", "minimum", "maximum", "newest")
        return {
            "samples": moments.samples,
            "late": late,
            "refused": refused,
            "bucket": tuple(bucket for bucket, _ in found),
            "bucket_samples": tuple(samples for _, samples in found),
            **{name: tuple(getattr(moments, name).tolist()) for name in names},
        }

"""Count, mean, variance and range of many samples, such that parts merge into the whole."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Of samples with D elements each; every array has shape (D,).

    Source: Chan, Golub & LeVeque 1983, doi:10.1080/00031305.1983.10483115, eq. 2.1, of which Welford's update is the
    case of one sample.
    """

    samples: int
    mean: Floats
    squares: Floats
    """Sum of squared distances from the mean."""
    minimum: Floats
    maximum: Floats
    newest: Floats

    @classmethod
    def of(cls, rows: Floats) -> "Moments":
        """Of samples in order of time, shape (N, D), at least one."""
        mean = rows.mean(axis=0)
        return cls(len(rows), mean, ((rows - mean) ** 2).sum(axis=0), rows.min(axis=0), rows.max(axis=0), rows[-1])

    def then(self, later: "Moments") -> "Moments":
        """Of these samples and later ones."""
        samples = self.samples + later.samples
        apart = later.mean - self.mean
        return Moments(
            samples,
            self.mean + apart * (later.samples / samples),
            self.squares + later.squares + apart**2 * (self.samples * later.samples / samples),
            np.minimum(self.minimum, later.minimum),
            np.maximum(self.maximum, later.maximum),
            later.newest,
        )

    @property
    def variance(self) -> Floats:
        """Mean squared distance from the mean."""
        return self.squares / self.samples

"""A histogram whose buckets are the same everywhere, so that any two add: percentiles of robots, hours and fleets.

The buckets are those of a Prometheus native histogram of schema 5, and of an OpenTelemetry exponential histogram of
scale 5, whose index is one less. 32 to a doubling: a percentile is off by at most 1.1 %.
Source: opentelemetry.io/docs/specs/otel/metrics/data-model, "ExponentialHistogram";
prometheus.io/docs/specs/native_histograms.
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

PER_DOUBLING = 32
LOWEST, HIGHEST = -511, 512
"""Of 0.000016 and 65,536. What lies beyond, zero and less included, counts in the outermost."""


def count(values: NDArray[np.float64]) -> Counter[int]:
    """Samples by bucket; bucket b holds what is above 2**((b-1)/32) and at most 2**(b/32)."""
    least = 2.0 ** ((LOWEST - 1) / PER_DOUBLING)
    found = np.ceil(np.log2(np.maximum(values, least)) * PER_DOUBLING)
    buckets, samples = np.unique(np.clip(found, LOWEST, HIGHEST).astype(int), return_counts=True)
    return Counter(dict(zip(buckets.tolist(), samples.tolist(), strict=True)))


def quantile(samples: Mapping[int, int], part: float) -> float:
    """The value below or at which that part of the samples lies, taken from the middle of its bucket.

    Args:
        samples: By bucket, not empty.
        part: From 0 to 1.
    """
    below, wanted = 0, part * sum(samples.values())
    for bucket in sorted(samples):
        below += samples[bucket]
        if below >= wanted:
            break
    return float(2.0 ** ((bucket - 0.5) / PER_DOUBLING))

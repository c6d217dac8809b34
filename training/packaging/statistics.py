"""Which statistics a policy normalises with, as one digest: a package whose dataset has moved on can be told."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from physai.infrastructure.contracts import Digest, digest_bytes
from physai.infrastructure.errors import MissingFileError

from ..errors import StatisticsError

USED = ("max", "mean", "min", "std")


def read_statistics(path: Path, features: Iterable[str]) -> Digest:
    """Digest of what normalises these features, as float32.

    Args:
        path: A dataset's `meta/stats.json`, or the `statistics.json` of a training.
        features: Observations and action; their order does not count.

    Raises:
        MissingFileError: If there is no such file.
        StatisticsError: If it does not hold them.
    """
    try:
        stats = json.loads(path.read_bytes())
        values = [np.asarray(stats[name][key], np.float32).ravel() for name in sorted(features) for key in USED]
    except FileNotFoundError as error:
        raise MissingFileError(path, "statistics", "Name the meta/stats.json of a dataset.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StatisticsError(path, f"{type(error).__name__}: {error}") from error
    return digest_bytes(b"".join(array.tobytes() for array in values))

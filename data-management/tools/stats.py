"""Statistics of a dataset, computed from its rows and not from what it says of itself."""

from pathlib import Path

import numpy as np

from physai.infrastructure.contracts import Contract
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.info import NUMBERS

QUANTILES = {"q01": 0.01, "q50": 0.5, "q99": 0.99}
NAMES = ("min", "max", "mean", "std", *QUANTILES)


class ChannelStats(Contract):
    """One element of one feature."""

    feature: str
    name: str
    values: dict[str, float]
    """`min max mean std q01 q50 q99`; exact quantiles, where `meta/stats.json` has those of a histogram."""


class DatasetStats(Contract):
    """Every channel of a dataset."""

    dataset: str
    rows: int
    channels: tuple[ChannelStats, ...]


def stats(root: Path) -> DatasetStats:
    """Compute the statistics of every recorded channel.

    Raises:
        DatasetError: If the dataset cannot be read.
    """
    dataset = Dataset(root)
    channels = []
    for feature, description in dataset.info.recorded.items():
        if description.dtype not in NUMBERS:
            continue
        parts = [dataset.episode(index)[feature] for index in range(dataset.num_episodes)]
        values = np.concatenate([part.reshape(len(part), -1) for part in parts]).astype(np.float64)
        names = description.element_names
        for number, channel in enumerate(values.T):
            found = {"min": channel.min(), "max": channel.max(), "mean": channel.mean(), "std": channel.std()}
            found |= {name: np.quantile(channel, q) for name, q in QUANTILES.items()}
            label = names[number] if len(names) == values.shape[1] else str(number)
            exact = {name: float(value) for name, value in found.items()}
            channels.append(ChannelStats(feature=feature, name=label, values=exact))
    return DatasetStats(dataset=str(root), rows=dataset.info.total_frames, channels=tuple(channels))

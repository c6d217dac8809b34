"""Demonstrations in memory: rows of episodes as tensors, and batches with their action chunks."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor

from physai.infrastructure.contracts import TensorSpec
from physai.infrastructure.datasets import Dataset, Feature

from ..errors import FeatureTypeError, MemoryTooSmallError, MissingFeatureError, MissingSplitError
from .recipe import Observation

STATE, TARGET, ACTION, IMAGES = "observation.state", "observation.environment_state", "action", "observation.images."
HELDOUT_ROWS = 512
"""Held-out rows looked at; evenly spaced over all of them."""


@dataclass(frozen=True)
class Demonstrations:
    """Rows of some episodes of a dataset, one after another."""

    columns: dict[str, Tensor]
    """Observations and `action`, first axis the row; camera frames are uint8, (rows, 3, H, W)."""
    last: Tensor
    """For each row, the last row of its episode."""

    @property
    def rows(self) -> int:
        """Rows in all."""
        return len(self.last)

    def batch(self, rows: NDArray[np.intp], chunk: int) -> dict[str, Tensor]:
        """These rows, each with the actions from there on, as LeRobot's policies take them.

        Args:
            rows: Indices, shape (B,).
            chunk: Actions per row. Where the episode has ended, its last action is repeated and marked as padding.
        """
        index = torch.from_numpy(rows)
        wanted = index[:, None] + torch.arange(chunk)
        last = self.last[index][:, None]
        batch = {name: _scaled(values[index]) for name, values in self.columns.items() if name != ACTION}
        return batch | {ACTION: self.columns[ACTION][torch.minimum(wanted, last)], "action_is_pad": wanted > last}

    def spread(self, count: int) -> NDArray[np.intp]:
        """At most `count` rows, evenly spaced."""
        return np.unique(np.linspace(0, self.rows - 1, min(count, self.rows)).round().astype(np.intp))


def _scaled(values: Tensor) -> Tensor:
    """Camera frames in 0..1; anything else as it is."""
    return values.float() / 255 if values.dtype == torch.uint8 else values


def input_names(dataset: Dataset, observation: Observation) -> list[str]:
    """Features a policy with this observation is given, in order.

    Raises:
        MissingFeatureError: If the dataset lacks one of them, or the action.
        FeatureTypeError: If one is of another kind.
    """
    features = dataset.info.features
    cameras = sorted(name for name in dataset.info.cameras if name.startswith(IMAGES))
    inputs = [STATE, TARGET] if observation == "state" else [STATE, *(cameras or [f"{IMAGES}*"])]
    for name in (*inputs, ACTION):
        if name not in features:
            raise MissingFeatureError(dataset.root, name, features)
        feature = features[name]
        if not name.startswith(IMAGES) and (feature.dtype != "float32" or len(feature.shape) != 1):
            raise FeatureTypeError(dataset.root, name, f"{feature.dtype} {feature.shape}", "a float32 vector")
    return inputs


def tensor_spec(name: str, feature: Feature) -> TensorSpec:
    """A feature as the policy sees it; units are for whoever knows the robot."""
    if feature.is_video:
        height, width, channels = feature.shape
        return TensorSpec(name=name, dtype="float32", shape=(channels, height, width))
    return TensorSpec(name=name, dtype="float32", shape=feature.shape, elements=tuple(feature.names or ()))


def load(dataset: Dataset, split: str, inputs: Iterable[str]) -> Demonstrations:
    """Read the episodes of one split.

    Raises:
        MissingSplitError: If there are none.
        MemoryTooSmallError: If camera frames do not fit into memory.
    """
    episodes = dataset.splits.get(split, range(0))
    if not episodes:
        raise MissingSplitError(dataset.root, split, dataset.splits)
    names = [*inputs, ACTION]
    cameras = [name for name in names if name in dataset.info.cameras]
    rows = [dataset.lengths[episode] for episode in episodes]
    _check_memory(dataset.root, sum(rows) * sum(int(np.prod(dataset.info.features[name].shape)) for name in cameras))
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    for episode in episodes:
        values = dataset.episode(episode)
        for name in names:
            columns[name].append(
                dataset.frames(episode, name).transpose(0, 3, 1, 2) if name in cameras else values[name]
            )
    ends = np.cumsum(rows) - 1
    return Demonstrations(
        columns={name: torch.from_numpy(np.concatenate(parts)) for name, parts in columns.items()},
        last=torch.from_numpy(np.repeat(ends, rows)),
    )


def _check_memory(dataset: Path, needed_bytes: int) -> None:
    free_bytes = psutil.virtual_memory().available
    if 2 * needed_bytes > free_bytes:  # once in parts, once joined
        raise MemoryTooSmallError(dataset, 2 * needed_bytes, free_bytes)

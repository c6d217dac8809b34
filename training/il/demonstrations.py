"""Demonstrations in memory: rows of episodes as tensors, and batches with their action chunks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor

from physai.infrastructure.contracts import TensorSpec
from physai.infrastructure.datasets import Dataset, Feature

from ..errors import (
    DatasetMismatchError,
    FeatureTypeError,
    MemoryTooSmallError,
    MissingFeatureError,
    MissingSplitError,
)
from .recipe import Observation

STATE, TARGET, ACTION, IMAGES = "observation.state", "observation.environment_state", "action", "observation.images."
HELDOUT_ROWS = 512
"""Held-out rows looked at; evenly spaced over all of them."""


class Window(NamedTuple):
    """Steps around a row that a policy takes, 0 being the row itself."""

    observation: tuple[int, ...] | None
    """None: the row alone, without a time axis."""
    action: tuple[int, ...]


@dataclass(frozen=True)
class Demonstrations:
    """Rows of some episodes, one after another."""

    columns: dict[str, Tensor]
    """Observations and `action`, first axis the row; camera frames are uint8, (rows, 3, H, W)."""
    first: Tensor
    """For each row, the first row of its episode."""
    last: Tensor
    """For each row, the last row of its episode."""
    tasks: tuple[str, ...] = ()
    """For each row, what it was told to do; empty for policies that are told nothing."""

    @property
    def rows(self) -> int:
        """Rows in all."""
        return len(self.last)

    def batch(self, rows: NDArray[np.intp], window: Window) -> dict[str, Any]:
        """These rows, each with what is around it, as LeRobot's policies take them.

        Beyond an end of the episode its first or last row is repeated; such actions are marked as padding.

        Args:
            rows: Indices, shape (B,).
            window: Steps of observations and actions.
        """
        index = torch.from_numpy(rows)
        first, last = self.first[index][:, None], self.last[index][:, None]

        def around(steps: tuple[int, ...]) -> Tensor:
            return index[:, None] + torch.tensor(steps)

        def inside(wanted: Tensor) -> Tensor:
            return torch.minimum(torch.maximum(wanted, first), last)

        seen = index if window.observation is None else inside(around(window.observation))
        batch: dict[str, Any] = {name: _scaled(v[seen]) for name, v in self.columns.items() if name != ACTION}
        if self.tasks:
            batch["task"] = [self.tasks[row] for row in rows]
        wanted = around(window.action)
        padded = (wanted < first) | (wanted > last)
        return batch | {ACTION: self.columns[ACTION][inside(wanted)], "action_is_pad": padded}

    def spread(self, count: int) -> NDArray[np.intp]:
        """At most `count` rows, evenly spaced."""
        return np.unique(np.linspace(0, self.rows - 1, min(count, self.rows)).round().astype(np.intp))


def _scaled(values: Tensor) -> Tensor:
    """Camera frames in 0..1; anything else as it is."""
    return values.float() / 255 if values.dtype == torch.uint8 else values


def input_names(dataset: Dataset, observation: Observation) -> list[str]:
    """Features a policy with this observation is given, in order; depth cameras are passed over, see `recipe.unseen`.

    Raises:
        MissingFeatureError: If the dataset lacks one of them, or the action.
        FeatureTypeError: If one is of another kind.
    """
    features = dataset.info.features
    cameras = sorted(name for name in dataset.info.colour_cameras if name.startswith(IMAGES))
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


def check_alike(datasets: Sequence[Dataset], names: Iterable[str]) -> None:
    """Make sure that datasets can be learned from together.

    Raises:
        DatasetMismatchError: If their rates differ, or one of these features.
        MissingFeatureError: If one lacks a feature.
    """
    first, *others = datasets
    for other in others:
        if other.fps != first.fps:
            raise DatasetMismatchError(other.root, "rate", f"{other.fps} Hz", first.root, f"{first.fps} Hz")
        for name in names:
            if name not in other.info.features:
                raise MissingFeatureError(other.root, name, other.info.features)
            mine, theirs = (tensor_spec(name, dataset.info.features[name]) for dataset in (first, other))
            if mine != theirs:
                what = (theirs.elements or theirs.shape, mine.elements or mine.shape)
                raise DatasetMismatchError(other.root, f"feature '{name}'", what[0], first.root, what[1])


def load(datasets: Sequence[Dataset], split: str, inputs: Iterable[str], *, language: bool = False) -> Demonstrations:
    """Read the episodes of one split of each dataset.

    Args:
        datasets: Alike, see `check_alike`.
        split: Those without it are passed over, as long as one has it.
        inputs: Observations.
        language: Whether rows are told their task.

    Raises:
        MissingSplitError: If none has episodes in it.
        MemoryTooSmallError: If camera frames do not fit into memory.
    """
    found = [(dataset, episode) for dataset in datasets for episode in dataset.splits.get(split, range(0))]
    first = datasets[0]
    if not found:
        raise MissingSplitError(first.root, split, first.splits)
    names = [*inputs, ACTION]
    cameras = [name for name in names if name in first.info.cameras]
    rows = [dataset.lengths[episode] for dataset, episode in found]
    _check_memory(first.root, sum(rows) * sum(int(np.prod(first.info.features[name].shape)) for name in cameras))
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    tasks: list[str] = []
    for dataset, episode in found:
        values = dataset.episode(episode)
        tasks += [dataset.tasks[episode]] * dataset.lengths[episode] if language else []
        for name in names:
            columns[name].append(
                dataset.frames(episode, name).transpose(0, 3, 1, 2) if name in cameras else values[name]
            )
    ends = np.cumsum(rows)
    return Demonstrations(
        columns={name: torch.from_numpy(np.concatenate(parts)) for name, parts in columns.items()},
        first=torch.from_numpy(np.repeat(ends - rows, rows)),
        last=torch.from_numpy(np.repeat(ends - 1, rows)),
        tasks=tuple(tasks),
    )


def _check_memory(dataset: Path, needed_bytes: int) -> None:
    free_bytes = psutil.virtual_memory().available
    if 2 * needed_bytes > free_bytes:  # once in parts, once joined
        raise MemoryTooSmallError(dataset, 2 * needed_bytes, free_bytes)

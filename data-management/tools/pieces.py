"""What an edited dataset is made of: consecutive rows of episodes of other datasets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.datasets import Dataset

from .clips import Range


@dataclass(frozen=True)
class Piece:
    """Consecutive rows of one episode."""

    dataset: Dataset
    episode: int
    first: int
    """Row within the episode."""
    last: int
    """The row after the last."""

    @classmethod
    def whole(cls, dataset: Dataset, episode: int) -> "Piece":
        """All of an episode."""
        return cls(dataset, episode, 0, dataset.lengths[episode])

    @property
    def rows(self) -> int:
        """How many."""
        return self.last - self.first

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the episode is left out."""
        return (self.first, self.last) == (0, self.dataset.lengths[self.episode])

    def range(self, camera: str) -> Range:
        """Where its frames are."""
        path, start = self.dataset.clip(self.episode, camera)
        return Range(path, start + self.first, self.rows)

    def renumbered(self) -> dict[str, NDArray[Any]]:
        """Columns that count from the episode's first row, if that is another now."""
        if not self.first:
            return {}
        frames = np.arange(self.rows)
        return {"frame_index": frames, "timestamp": (frames / self.dataset.fps).astype(np.float32)}


class Tasks:
    """The tasks of an edited dataset: those of the first, whose `task_index` stays, then those of the others."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        datasets = list(dict.fromkeys(piece.dataset for piece in pieces))
        names = dict.fromkeys(task for dataset in datasets for task in dataset.task_names)
        self.numbers = {task: number for number, task in enumerate(names)}
        """Task → its `task_index`."""
        self._maps = {d: np.array([self.numbers[task] for task in d.task_names], np.int64) for d in datasets}
        self.staying = {d for d, new in self._maps.items() if (new == np.arange(len(new))).all()}
        """Datasets whose numbers are those here."""

    def renumbered(self, dataset: Dataset, values: NDArray[Any]) -> NDArray[np.int64]:
        """The `task_index` here of those that a dataset has."""
        return np.asarray(self._maps[dataset][values])

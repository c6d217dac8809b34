"""Chunks of actions that run into one another: what the old one still wanted fades out while the new one fades in."""

from collections.abc import Iterable
from typing import override

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import TensorSpec
from physai.infrastructure.control import ChunkedPolicy, Infer


class BlendedPolicy(ChunkedPolicy):
    """Mixes the first actions of a chunk with those that the chunk before it held for the same moments.

    Action i of the new chunk weighs (i + 1) / (n + 1) over n blended actions, so that neither end jumps. It needs
    chunks that are longer than `action_steps`; what is beyond them is what the old chunk still wanted.
    """

    def __init__(
        self, infer: Infer, action_steps: int, num_envs: int, blend_steps: int, inputs: Iterable[TensorSpec] = ()
    ) -> None:
        """Start with nothing planned.

        Args:
            infer: Called with the rows that need a chunk, in ascending order.
            action_steps: At least 1.
            num_envs: Rows of every observation.
            blend_steps: Actions to mix at most; 0 switches chunks hard.
            inputs: Of the package; see `ChunkedPolicy`.
        """
        super().__init__(infer, action_steps, num_envs, inputs)
        self._blend = blend_steps
        self._rest: dict[int, NDArray[np.float32]] = {}  # row → (left, A), what its last chunk held beyond its steps

    @override
    def reset(self, envs: NDArray[np.intp]) -> None:
        super().reset(envs)
        for row in envs:
            self._rest.pop(int(row), None)

    @override
    def _take(self, envs: NDArray[np.intp], chunk: NDArray[np.float32]) -> None:
        mixed = chunk.copy()
        for index, row in enumerate(map(int, envs)):
            rest = self._rest.get(row)
            n = 0 if rest is None else min(self._blend, len(rest), self._steps)
            if rest is not None and n:
                weight = (np.arange(1, n + 1, dtype=np.float32) / np.float32(n + 1))[:, None]
                mixed[index, :n] = weight * chunk[index, :n] + (1 - weight) * rest[:n]
            self._rest[row] = chunk[index, self._steps :]
        super()._take(envs, mixed)

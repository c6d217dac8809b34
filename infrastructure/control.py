"""What closes the loop between a robot and whatever decides for it; NumPy alone, so a robot can carry it."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import PhysaiError

type Observation = dict[str, NDArray[np.float32]]
"""Name → batch, first axis one row per environment or robot.

`observation.state` (N, J) measured joint positions in rad; `observation.environment_state` (N, 7) target pose in the
base frame, x y z in m and quaternion x y z w; `observation.images.<camera>` (N, 3, H, W) in 0..1.
"""

type Infer = Callable[[Observation], NDArray[np.float32]]
"""A batch of observations (B, …) → action chunks (B, chunk, A)."""


class Policy(Protocol):
    """Decides what every robot of a batch does next."""

    def reset(self, envs: NDArray[np.intp]) -> None:
        """Forget what was planned for these rows: a new episode begins there."""

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Absolute joint targets in rad, shape (N, A)."""


class ChunkError(PhysaiError):
    """A policy answered with something that is no batch of action chunks."""

    def __init__(self, got: tuple[int, ...], envs: int, action_steps: int) -> None:
        super().__init__(
            f"policy: answered with shape {got}, wanted ({envs}, chunk of {action_steps} or more, actions). "
            "Check the package's action_steps against its graph."
        )


class ChunkedPolicy:
    """Plays the first `action_steps` actions of a chunk before it asks for the next one.

    Rows run out at different times, since their episodes begin at different times; `infer` is asked once per step
    for all rows that have run out, and not at all when none has.
    """

    def __init__(self, infer: Infer, action_steps: int, num_envs: int) -> None:
        """Start with nothing planned.

        Args:
            infer: Called with the rows that need a chunk, in ascending order.
            action_steps: At least 1.
            num_envs: Rows of every observation.
        """
        self._infer = infer
        self._steps = action_steps
        self._left = np.zeros(num_envs, dtype=np.intp)  # actions still to be played, per row
        self._chunk: NDArray[np.float32] | None = None  # (num_envs, action_steps, A)

    def reset(self, envs: NDArray[np.intp]) -> None:
        """Drop what is left of these rows' chunks."""
        self._left[envs] = 0

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Next action of every row, shape (N, A).

        Raises:
            ChunkError: If `infer` does not answer with one long enough chunk for every row asked.
        """
        empty = np.flatnonzero(self._left == 0)
        if empty.size:
            chunk = self._infer({name: rows[empty] for name, rows in observation.items()})
            self._take(empty, chunk)
        assert self._chunk is not None, "every row starts empty, so the first act asks for all"
        action: NDArray[np.float32] = self._chunk[np.arange(self._left.size), self._steps - self._left]
        self._left -= 1
        return action

    def _take(self, envs: NDArray[np.intp], chunk: NDArray[np.float32]) -> None:
        if chunk.ndim != 3 or chunk.shape[0] != envs.size or chunk.shape[1] < self._steps:
            raise ChunkError(chunk.shape, envs.size, self._steps)
        if self._chunk is None:
            self._chunk = np.zeros((self._left.size, self._steps, chunk.shape[2]), dtype=np.float32)
        self._chunk[envs] = chunk[:, : self._steps]
        self._left[envs] = self._steps

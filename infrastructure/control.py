"""What closes the loop between a robot and whatever decides for it; NumPy alone, so a robot can carry it."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import PhysaiError

if TYPE_CHECKING:
    from .contracts import TensorSpec

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


class Memory:
    """What a graph is given beside the present observation: those of the steps before it, and noise.

    Source of what stands for the steps before the first: Chi et al. 2023, arXiv:2303.04137, as LeRobot's queues do it.
    """

    def __init__(self, inputs: "Iterable[TensorSpec]", num_envs: int, seed: int = 0) -> None:
        """Start with nothing remembered.

        Args:
            inputs: Of the package.
            num_envs: Rows of every observation.
            seed: Of the noise.
        """
        specs = tuple(inputs)
        self._past = {spec.name: np.zeros((num_envs, *spec.shape), spec.dtype) for spec in specs if spec.history}
        self._noise = {spec.name: spec.shape for spec in specs if spec.noise}
        self._fresh = np.ones(num_envs, dtype=np.bool_)
        self._seed = seed
        self._rngs = [np.random.default_rng((seed, row)) for row in range(num_envs)]

    def reset(self, envs: NDArray[np.intp], episodes: NDArray[np.intp] | None = None) -> None:
        """Forget what these rows have seen.

        Args:
            envs: Rows in which an episode begins.
            episodes: Number of each of these episodes; its noise is drawn from that alone, whichever the row.
        """
        self._fresh[envs] = True
        for env, episode in zip(envs, () if episodes is None else episodes, strict=episodes is not None):
            self._rngs[env] = np.random.default_rng((self._seed, int(episode)))

    def see(self, observation: Observation) -> None:
        """Take in the observation of a control step, of all rows."""
        for name, past in self._past.items():
            past[:, :-1] = past[:, 1:]
            past[:, -1] = observation[name]
            past[self._fresh] = observation[name][self._fresh][:, None]
        self._fresh[:] = False

    def recall(self, observation: Observation, envs: NDArray[np.intp]) -> Observation:
        """What the graph is given for these rows, one chunk each."""
        given = {name: rows[envs] for name, rows in observation.items()}
        given |= {name: past[envs] for name, past in self._past.items()}
        return given | {name: self._drawn(shape, envs) for name, shape in self._noise.items()}

    def _drawn(self, shape: tuple[int, ...], envs: NDArray[np.intp]) -> NDArray[np.float32]:
        return np.stack([self._rngs[env].standard_normal(shape, dtype=np.float32) for env in envs])


class ChunkedPolicy:
    """Plays the first `action_steps` actions of a chunk before it asks for the next one.

    Rows run out at different times, since their episodes begin at different times; `infer` is asked once per step
    for all rows that have run out, and not at all when none has.
    """

    def __init__(self, infer: Infer, action_steps: int, num_envs: int, inputs: "Iterable[TensorSpec]" = ()) -> None:
        """Start with nothing planned.

        Args:
            infer: Called with the rows that need a chunk, in ascending order.
            action_steps: At least 1.
            num_envs: Rows of every observation.
            inputs: Of the package; those with a history or of noise are made here.
        """
        self._infer = infer
        self._memory = Memory(inputs, num_envs)
        self._steps = action_steps
        self._left = np.zeros(num_envs, dtype=np.intp)  # actions still to be played, per row
        self._chunk: NDArray[np.float32] | None = None  # (num_envs, action_steps, A)

    def reset(self, envs: NDArray[np.intp]) -> None:
        """Drop what is left of these rows' chunks."""
        self._left[envs] = 0
        self._memory.reset(envs)

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Next action of every row, shape (N, A).

        Raises:
            ChunkError: If `infer` does not answer with one long enough chunk for every row asked.
        """
        self._memory.see(observation)
        empty = np.flatnonzero(self._left == 0)
        if empty.size:
            chunk = self._infer(self._memory.recall(observation, empty))
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

"""A short film of a cell at work: its first arms side by side, framed for a moment in the colour of each outcome."""

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.control import Observation, Policy
from physai.infrastructure.simulation import Camera, Rollout, TaskEnv
from physai.infrastructure.video import FAILURE, SUCCESS, Colour, framed, tiled

VIEW = Camera(name="film", width=160, height=120)
ARMS = 4
STRIDE = 3  # control steps per frame; rendering costs more than all the rest of a shift
FLASH = 5  # frames for which an outcome is shown

type Frames = NDArray[np.uint8]


class Film:
    """Frames of a shift, from its beginning for so many seconds."""

    def __init__(self, env: TaskEnv, seconds: float) -> None:
        self._env = env
        self._wanted = max(1, round(seconds * self.fps))
        self._frames: list[Frames] = []
        self._flashes: dict[int, tuple[Colour, int]] = {}  # arm → colour and frames left

    @property
    def fps(self) -> int:
        """Frames per second of real time."""
        return max(1, round(self._env.rate_hz / STRIDE))

    @property
    def frames(self) -> Frames:
        """RGB, shape (T, height, width, 3)."""
        return np.stack(self._frames)

    def shoot(self, step: int) -> None:
        """Take a picture, if one is due at this control step."""
        if step % STRIDE == 0 and len(self._frames) < self._wanted:
            pictures = self._env.images()[:ARMS]
            self._frames.append(tiled([self._tile(arm, picture) for arm, picture in enumerate(pictures)]))

    def show(self, rollout: Rollout) -> None:
        """Show an outcome on the frames that follow."""
        self._flashes[rollout.env] = (SUCCESS if rollout.success else FAILURE, FLASH)

    def _tile(self, arm: int, picture: Frames) -> Frames:
        colour, left = self._flashes.get(arm, (SUCCESS, 0))
        if not left:
            return picture
        self._flashes[arm] = (colour, left - 1)
        return framed(picture, colour)


class Filmed:
    """A policy that is filmed while it works."""

    def __init__(self, policy: Policy, film: Film) -> None:
        self._policy = policy
        self._film = film
        self._step = 0

    def reset(self, envs: NDArray[np.intp]) -> None:
        """New episodes begin on these arms."""
        self._policy.reset(envs)

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Absolute joint targets in rad, shape (N, A)."""
        self._film.shoot(self._step)
        self._step += 1
        return self._policy.act(observation)

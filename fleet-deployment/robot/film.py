"""A short film of a cell at work: its first arms side by side, framed for a moment in the colour of each outcome."""

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.control import Observation, Policy
from physai.infrastructure.simulation import Camera, Rollout, TaskEnv

VIEW = Camera(name="film", width=160, height=120)
ARMS = 4
COLUMNS = 2
STRIDE = 3  # control steps per frame; rendering costs more than all the rest of a shift
BORDER = 3  # pixels
FLASH = 5  # frames for which an outcome is shown
SUCCESS, FAILURE = (40, 170, 80), (200, 60, 50)

type Frames = NDArray[np.uint8]


class Film:
    """Frames of a shift, from its beginning for so many seconds."""

    def __init__(self, env: TaskEnv, seconds: float) -> None:
        self._env = env
        self._wanted = max(1, round(seconds * self.fps))
        self._frames: list[Frames] = []
        self._flashes: dict[int, tuple[tuple[int, int, int], int]] = {}  # arm → colour and frames left

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
            self._frames.append(self._grid(self._env.images()[:ARMS]))

    def show(self, rollout: Rollout) -> None:
        """Show an outcome on the frames that follow."""
        self._flashes[rollout.env] = (SUCCESS if rollout.success else FAILURE, FLASH)

    def _grid(self, pictures: Frames) -> Frames:
        tiles = [self._tile(arm, picture.copy()) for arm, picture in enumerate(pictures)]
        tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % min(COLUMNS, len(tiles)))
        rows = [np.concatenate(tiles[i : i + COLUMNS], axis=1) for i in range(0, len(tiles), COLUMNS)]
        return np.concatenate(rows)

    def _tile(self, arm: int, tile: Frames) -> Frames:
        colour, left = self._flashes.get(arm, (SUCCESS, 0))
        if left:
            tile[:BORDER] = tile[-BORDER:] = colour
            tile[:, :BORDER] = tile[:, -BORDER:] = colour
            self._flashes[arm] = (colour, left - 1)
        return tile


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

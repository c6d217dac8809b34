"""The film of a shift: a grid of its first arms, framed in the colours of the outcomes."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from physai.fleet_deployment.robot.film import FLASH, STRIDE, Film, Filmed
from physai.infrastructure.control import Observation
from physai.infrastructure.simulation import Rollout, TaskEnv
from physai.infrastructure.video import BORDER, FAILURE, SUCCESS

HEIGHT, WIDTH = 12, 16


class Still:
    """A policy that keeps still."""

    def reset(self, envs: np.ndarray) -> None:
        pass

    def act(self, observation: Observation) -> np.ndarray:
        return np.zeros((1, 6), dtype=np.float32)


def cell(arms: int) -> TaskEnv:
    """All that a film asks of an environment: its rate, and pictures in one grey per arm."""
    pictures = np.stack([np.full((HEIGHT, WIDTH, 3), 10 + arm, dtype=np.uint8) for arm in range(arms)])
    return cast(TaskEnv, SimpleNamespace(rate_hz=30.0, images=lambda: pictures))


def rollout(arm: int, success: bool) -> Rollout:
    return cast(Rollout, SimpleNamespace(env=arm, success=success))


def shoot(film: Film, steps: int) -> None:
    policy = Filmed(Still(), film)
    for _ in range(steps):
        policy.act({})


@pytest.mark.parametrize(
    ("arms", "shape"), [(1, (HEIGHT, WIDTH)), (2, (HEIGHT, 2 * WIDTH)), (3, (24, 32)), (9, (24, 32))]
)
def test_the_first_arms_stand_in_a_grid(arms: int, shape: tuple[int, int]) -> None:
    film = Film(cell(arms), seconds=1.0)
    shoot(film, 1)
    assert film.frames.shape == (1, *shape, 3)
    assert film.frames[0, 0, 0, 0] == 10
    assert film.frames[0, -1, -1, 0] == {1: 10, 2: 11, 3: 0, 9: 13}[arms]


def test_a_film_is_as_long_as_it_was_asked_to_be() -> None:
    film = Film(cell(1), seconds=0.5)
    shoot(film, 300)
    assert film.fps == 30 // STRIDE
    assert len(film.frames) == 5, "0.5 s at 10 frames a second, though the shift was longer"


def test_an_outcome_is_shown_for_a_moment_on_its_own_arm() -> None:
    film = Film(cell(2), seconds=10)
    shoot(film, 1)
    film.show(rollout(0, True))
    film.show(rollout(1, False))
    shoot(film, STRIDE * (FLASH + 1))
    before, after = film.frames[1 : 1 + FLASH], film.frames[1 + FLASH :]
    assert (before[:, 0, 0] == SUCCESS).all()
    assert (before[:, 0, WIDTH] == FAILURE).all()
    assert (before[:, BORDER:-BORDER, BORDER : WIDTH - BORDER] == 10).all()
    assert len(after) == 1
    assert (after[:, :, :WIDTH] == 10).all()

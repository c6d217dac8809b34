"""The film of a shift: a grid, as long as its longest episode, in the colours of the outcomes."""

import numpy as np

from physai.fleet_deployment.robot.film import BORDER, FAILURE, HOLD, STRIDE, SUCCESS, film
from physai.infrastructure.simulation import Rollout

HEIGHT, WIDTH = 12, 16


def rollout(steps: int, success: bool) -> Rollout:
    return Rollout(
        condition=0,
        success=success,
        steps=steps,
        observations={},
        joint_vel=np.zeros((steps, 6), dtype=np.float32),
        actions=np.zeros((steps, 6), dtype=np.float32),
        images=np.full((steps, HEIGHT, WIDTH, 3), 7, dtype=np.uint8),
        final_error_m=0.0,
        env=0,
    )


def test_three_episodes_fill_three_quarters_of_a_grid() -> None:
    frames = film([rollout(10, True), rollout(4, False), rollout(10, True)])
    # 10 steps, every 2nd of them shown, one end frame, and the hold
    assert frames.shape == (10 // STRIDE + 1 + HOLD, 2 * HEIGHT, 2 * WIDTH, 3)
    assert (frames[:, HEIGHT:, WIDTH:] == 0).all()
    assert (frames[0, :HEIGHT] == 7).all(), "no border while it runs"
    end = frames[-1]
    assert end[0, 0].tolist() == list(SUCCESS)
    assert end[0, WIDTH].tolist() == list(FAILURE)
    assert (end[BORDER : HEIGHT - BORDER, BORDER : WIDTH - BORDER] == 7).all()


def test_a_short_episode_waits_for_the_long_one() -> None:
    frames = film([rollout(20, True), rollout(2, False)])
    assert frames[1, 0, WIDTH].tolist() == list(FAILURE), "2 steps are 1 frame, then the end"
    assert frames[1, 0, 0].tolist() == [7, 7, 7]

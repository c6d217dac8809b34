"""Episodes are played once each, end where they should, and keep what was seen and done.

The environment here is a real, tiny control loop, a point on a line that goes where it is told; Isaac Lab itself is
played in `test_simulation_env.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physai.infrastructure.contracts import Condition
from physai.infrastructure.control import Observation
from physai.infrastructure.simulation import Rollout, TaskEnv, play

RATE_HZ = 10.0
STEP_M = 0.1


@dataclass
class Line:
    """Points at 0 that move by at most `STEP_M` a step towards what they are told; success is being at the target."""

    num_envs: int
    rate_hz: float = RATE_HZ
    image_key: str = "observation.images.line"
    begun: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.position = np.zeros((self.num_envs, 1), np.float32)
        self.target = np.full((self.num_envs, 1), 1e6, np.float32)

    def begin(self, envs: np.ndarray, conditions: Sequence[Condition]) -> None:
        for env, condition in zip(envs, conditions, strict=True):
            self.position[env] = 0
            self.target[env] = condition.command[0]
            self.begun.append(condition.command[0])

    def observe(self) -> Observation:
        return {"observation.state": self.position.copy(), "observation.environment_state": self.target.copy()}

    def joint_vel(self) -> np.ndarray:
        return np.zeros_like(self.position)

    def images(self) -> np.ndarray:
        return np.repeat((self.position * 100).astype(np.uint8), 12, axis=1).reshape(self.num_envs, 2, 2, 3)

    def step(self, action: np.ndarray) -> np.ndarray:
        self.position += np.clip(action - self.position, -STEP_M, STEP_M)
        return cast(np.ndarray, (np.abs(self.target - self.position) < 1e-3)[:, 0])

    def error_m(self) -> np.ndarray:
        return cast(np.ndarray, np.abs(self.target - self.position)[:, 0])


class Straight:
    """Goes straight to the target."""

    def __init__(self) -> None:
        self.resets: list[int] = []
        self.seen: set[str] = set()

    def reset(self, envs: np.ndarray) -> None:
        self.resets += envs.tolist()

    def act(self, observation: Observation) -> np.ndarray:
        self.seen |= set(observation)
        return observation["observation.environment_state"]


def conditions(targets: Sequence[float]) -> list[Condition]:
    return [Condition(joint_pos_rad=(0.0,), command=(target,)) for target in targets]


def played(line: Line, targets: Sequence[float], **options: Any) -> list[Rollout]:
    rollouts = play(cast(TaskEnv, line), Straight(), conditions(targets), **options)
    return sorted(rollouts, key=lambda rollout: rollout.condition)


def test_an_episode_ends_at_success_and_keeps_its_tail() -> None:
    """0.3 m at 0.1 m a step: success with the third step; rows are what was seen before each."""
    (rollout,) = played(Line(1), [0.3], horizon_s=2.0, tail_steps=2)
    assert (rollout.success, rollout.steps) == (True, 3)
    assert rollout.observations["observation.state"][:, 0].tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.3])
    assert rollout.actions.shape == (5, 1)
    assert rollout.final_error_m == pytest.approx(0, abs=1e-6)


def test_an_episode_without_success_ends_at_the_horizon() -> None:
    """0.5 s at 10 Hz are five steps; 0.5 of 0.9 m is left to 0.4."""
    (rollout,) = played(Line(1), [0.9], horizon_s=0.5, tail_steps=3)
    assert (rollout.success, rollout.steps, len(rollout.actions)) == (False, 5, 5)
    assert rollout.final_error_m == pytest.approx(0.4, abs=1e-6)


def test_success_with_the_last_step_of_the_horizon_counts() -> None:
    (rollout,) = played(Line(1), [0.5], horizon_s=0.5)
    assert (rollout.success, rollout.steps) == (True, 5)


def test_images_are_shown_to_the_policy_in_0_to_1_and_kept_as_bytes() -> None:
    policy = Straight()
    (rollout,) = play(cast(TaskEnv, Line(1)), policy, conditions([0.2]), horizon_s=1.0, images=True)
    assert rollout.images is not None
    assert rollout.images.shape == (2, 2, 2, 3)
    assert rollout.images[1].max() == 10  # 0.1 m
    assert "observation.images.line" in policy.seen
    assert "observation.images.line" not in rollout.observations


@given(
    tenths=st.lists(st.integers(1, 9), max_size=12),
    num_envs=st.integers(1, 5),
    horizon=st.integers(1, 7),
    tail=st.integers(0, 3),
)
def test_every_condition_is_played_once_whoever_plays_it(
    tenths: list[int], num_envs: int, horizon: int, tail: int
) -> None:
    """Reaching t tenths takes t steps: success if that is within the horizon."""
    line = Line(num_envs)
    told: list[tuple[int, int]] = []
    rollouts = played(
        line,
        [t / 10 for t in tenths],
        horizon_s=horizon / RATE_HZ,
        tail_steps=tail,
        progress=lambda done, total: told.append((done, total)),
    )
    assert [rollout.condition for rollout in rollouts] == list(range(len(tenths)))
    assert told == [(done, len(tenths)) for done in range(1, len(tenths) + 1)]
    assert line.begun == pytest.approx([t / 10 for t in tenths])  # in order
    for t, rollout in zip(tenths, rollouts, strict=True):
        assert rollout.success == (t <= horizon)
        assert rollout.steps == min(t, horizon)
        assert len(rollout.actions) == (t + tail if t <= horizon else horizon)
        assert rollout.env < num_envs

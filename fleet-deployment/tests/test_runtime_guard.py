"""No command leaves the guard that a motor should not get."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from physai.fleet_deployment.runtime.guard import Guard
from physai.infrastructure.contracts import JointLimits
from physai.infrastructure.control import Observation

LIMITS = (
    JointLimits(joint="a", lower_rad=-1.0, upper_rad=1.0),
    JointLimits(joint="b", lower_rad=0.0, upper_rad=2.0),
)
NAN = float("nan")
INF = float("inf")


class Script:
    """A policy that answers what it was told to."""

    def __init__(self, *actions: list[list[float]]) -> None:
        self.actions = [np.array(action, dtype=np.float32) for action in actions]
        self.resets: list[list[int]] = []

    def reset(self, envs: NDArray[np.intp]) -> None:
        self.resets.append(envs.tolist())

    def act(self, observation: Observation) -> NDArray[np.float32]:
        return self.actions.pop(0)


def at(*rows: list[float]) -> Observation:
    return {"observation.state": np.array(rows, dtype=np.float32)}


def test_an_action_in_range_passes_untouched() -> None:
    guard = Guard(Script([[0.5, 1.5], [-1.0, 2.0]]), LIMITS, 2)
    assert guard.act(at([0, 0], [0, 0])).tolist() == [[0.5, 1.5], [-1.0, 2.0]]
    assert (guard.clamped.tolist(), guard.held.tolist()) == ([0, 0], [0, 0])


def test_an_action_beyond_a_range_is_clamped_and_counted_once() -> None:
    guard = Guard(Script([[1.5, -3.0], [0.0, 0.5]]), LIMITS, 2)
    assert guard.act(at([0, 0], [0, 0])).tolist() == [[1.0, 0.0], [0.0, 0.5]]
    assert (guard.clamped.tolist(), guard.held.tolist()) == ([1, 0], [0, 0])


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_a_bad_action_holds_the_last_target(bad: float) -> None:
    guard = Guard(Script([[0.5, 1.0]], [[0.9, bad]], [[bad, bad]]), LIMITS, 1)
    guard.act(at([0.0, 0.0]))
    assert guard.act(at([0.4, 0.9])).tolist() == [[0.5, 1.0]]
    assert guard.act(at([0.3, 0.8])).tolist() == [[0.5, 1.0]], "the arm does not sag from where it measures itself"
    assert (guard.clamped.tolist(), guard.held.tolist()) == ([0], [2])


def test_a_bad_first_action_holds_where_the_arm_is() -> None:
    guard = Guard(Script([[NAN, 0.0]]), LIMITS, 1)
    assert guard.act(at([0.25, 0.75])).tolist() == [[0.25, 0.75]]


def test_a_new_episode_counts_from_zero_and_forgets_the_last_target() -> None:
    policy = Script([[5.0, 1.0], [5.0, 1.0]], [[NAN, 0.0], [NAN, 0.0]])
    guard = Guard(policy, LIMITS, 2)
    guard.act(at([0, 0], [0, 0]))
    guard.reset(np.array([1]))
    assert policy.resets == [[1]]
    assert guard.clamped.tolist() == [1, 0]
    assert guard.act(at([0, 0], [0.5, 0.5])).tolist() == [[1.0, 1.0], [0.5, 0.5]]


@given(
    st.lists(
        arrays(np.float32, (3, 2), elements=st.floats(width=32, allow_nan=True, allow_infinity=True)),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_a_policy_says_the_robot_gets_finite_targets_in_range(actions: list[NDArray[np.float32]]) -> None:
    policy = Script()
    policy.actions = list(actions)
    guard = Guard(policy, LIMITS, 3)
    for _ in actions:
        sent = guard.act(at([0, 1], [0, 1], [0, 1]))
        assert np.isfinite(sent).all()
        assert (sent >= [-1.0, 0.0]).all()
        assert (sent <= [1.0, 2.0]).all()
    assert (guard.held + guard.clamped <= len(actions)).all()

"""Actions of two policies compared, with differences worked by hand."""

import numpy as np
import pytest

from physai.fleet_deployment.gating.rules import ShadowBounds
from physai.fleet_deployment.gating.shadow import Comparison

BOUNDS = ShadowBounds(min_steps=4, max_rms=0.1, max_abs=0.2)
RUNNING = np.zeros((1, 2), dtype=np.float32)


def compared(*actions: tuple[float, float]) -> Comparison:
    limit = np.array([1.0, 1.0], dtype=np.float32)
    comparison = Comparison(-limit, limit)
    for action in actions:
        comparison.add(RUNNING, np.array([action], dtype=np.float32))
    return comparison


def test_the_worst_joint_speaks_for_all() -> None:
    # Joint 0 is off by 0.1 in one step of four: sqrt(0.01 / 4) = 0.05. Joint 1 is never off.
    comparison = compared((0.1, 0), (0, 0), (0, 0), (0, 0))
    verdict = comparison.verdict(BOUNDS)
    assert verdict is not None
    assert (verdict.passed, comparison.steps, comparison.violations) == (True, 4, 0)
    assert (comparison.rms, comparison.max_abs) == pytest.approx((0.05, 0.1), rel=1e-6)


@pytest.mark.parametrize(
    ("actions", "why"),
    [
        ([(0.15, 0)] * 4, "RMS 0.15 > 0.1"),
        ([(0.25, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)], "greatest difference 0.25 > 0.2"),
        ([(0, 1.5), (0, 0), (0, 0), (0, 0)], "1 steps not finite or out of range"),
        ([(float("nan"), 0), (0, 0), (0, 0), (0, 0)], "1 steps not finite or out of range"),
        ([(float("nan"), 0)] * 4, "no step was finite"),
    ],
)
def test_what_is_beyond_a_bound_fails_and_says_which(actions: list[tuple[float, float]], why: str) -> None:
    verdict = compared(*actions).verdict(BOUNDS)
    assert verdict is not None
    assert not verdict.passed
    assert why in verdict.why


def test_too_few_steps_are_no_verdict() -> None:
    assert compared((0, 0), (0, 0), (0, 0)).verdict(BOUNDS) is None

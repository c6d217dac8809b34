"""The step loop: on time, guarded, holding on a fault, stopped when faults go on, and never late for a swap."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from physai.fleet_deployment.runtime.blend import BlendedPolicy
from physai.fleet_deployment.runtime.guard import Guard
from physai.fleet_deployment.runtime.loop import StepLoop
from physai.fleet_deployment.runtime.motion import MotionLimits, Ramp
from physai.fleet_deployment.runtime.onnx_policy import OnnxPolicy
from physai.fleet_deployment.runtime.simulated import SimulatedRobot
from physai.fleet_deployment.runtime.transport import Reading
from physai.fleet_deployment.runtime.watchdog import watched
from physai.infrastructure.contracts import JointLimits, PolicyPackage
from physai.infrastructure.control import Observation
from physai.infrastructure.errors import PhysaiError

RATE_HZ = 50.0
LIMITS = tuple(JointLimits(joint=name, lower_rad=-1.0, upper_rad=1.0) for name in ("a", "b"))


class Clock:
    """Time that passes only when someone sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class Says:
    """A policy that always wants the same, or fails."""

    def __init__(self, target: float, error: PhysaiError | None = None) -> None:
        self.target, self.error = target, error

    def reset(self, envs: NDArray[np.intp]) -> None:
        pass

    def act(self, observation: Observation) -> NDArray[np.float32]:
        if self.error:
            raise self.error
        return np.full((1, 2), self.target, dtype=np.float32)


def looped(policy: Says, **options: int) -> tuple[StepLoop, SimulatedRobot, Clock]:
    clock = Clock()
    robot = SimulatedRobot(2, RATE_HZ, clock=clock)
    return StepLoop(robot, Guard(policy, LIMITS, 1), RATE_HZ, clock=clock, sleep=clock.sleep, **options), robot, clock


def test_a_step_a_period_and_a_safe_stop_at_the_end() -> None:
    loop, robot, clock = looped(Says(0.5))
    report = loop.run(steps=50)
    assert (report.steps, report.misses, report.mode) == (50, 0, "running")
    assert clock.now_s == pytest.approx(101.0), "50 steps at 50 Hz are one second"
    assert len(robot.sent) == 50
    assert robot.stopped


def test_a_slow_step_is_a_miss_and_is_not_caught_up_in_a_burst() -> None:
    loop, _, clock = looped(Says(0.5))
    step = loop.step

    def slow() -> None:
        step()
        if loop.report.steps == 3:
            clock.sleep(0.07)  # three and a half periods

    loop.step = slow  # type: ignore[method-assign]
    assert loop.run(steps=10).misses == 1
    assert clock.now_s == pytest.approx(100.0 + 9 * 0.02 + 0.07)


def test_an_old_measurement_is_not_acted_upon_and_the_robot_holds() -> None:
    loop, robot, clock = looped(Says(0.5))
    loop.step()
    stale = Reading(robot.read().observation, clock.now_s - 0.08)
    robot.read = lambda: stale  # type: ignore[method-assign]
    loop.step()
    assert loop.report.mode == "holding"
    assert loop.report.why == "the measurement is 80 ms old"
    assert robot.sent[-1].tolist() == robot.sent[-2].tolist(), "the last target stands"


def test_the_loop_goes_on_when_a_fault_is_over() -> None:
    policy = Says(float("nan"))
    loop, robot, _ = looped(policy)
    loop.step()
    assert (loop.report.mode, loop.report.why) == ("holding", "the policy's action is not finite")
    policy.target = 0.25
    loop.step()
    assert (loop.report.mode, loop.report.why, loop.report.held) == ("running", None, 1)
    assert robot.sent[-1].tolist() == [0.25, 0.25]


@pytest.mark.parametrize("policy", [Says(float("nan")), Says(0.0, PhysaiError("the graph is broken"))])
def test_faults_that_go_on_stop_the_robot_for_good(policy: Says) -> None:
    loop, robot, _ = looped(policy, patience=4)
    report = loop.run(steps=100)
    assert (report.mode, report.steps) == ("stopped", 4)
    assert robot.stopped
    assert str(report.why).endswith("for 4 steps")


def test_before_the_first_measurement_nothing_is_sent() -> None:
    loop, robot, _ = looped(Says(0.5), patience=3)
    robot.read = lambda: None  # type: ignore[assignment, return-value, method-assign]
    assert loop.run(steps=9).why == "nothing was measured yet, for 3 steps"
    assert robot.sent == []


def test_the_watchdog_stops_a_robot_whose_loop_hangs() -> None:
    robot = SimulatedRobot(2, RATE_HZ)
    loop = StepLoop(robot, Guard(Says(0.5), LIMITS, 1), RATE_HZ)
    hung, read = threading.Event(), robot.read

    def hang() -> Reading:
        if len(robot.sent) == 3:
            hung.wait(30)
        return read()

    robot.read = hang  # type: ignore[method-assign]
    with watched(loop, periods=5):
        runner = threading.Thread(target=loop.run)
        runner.start()
        while not robot.stopped:
            time.sleep(0.01)
        sent = len(robot.sent)
        hung.set()
        runner.join()
    assert loop.report.mode == "stopped"
    assert "no step for" in str(loop.report.why)
    assert len(robot.sent) == sent == 3, "what the hung step wanted is not sent after the stop"


def test_a_policy_takes_over_between_two_steps_of_a_running_loop() -> None:
    robot = SimulatedRobot(2, RATE_HZ)
    loop = StepLoop(robot, Guard(Says(0.5), LIMITS, 1), RATE_HZ)
    over = threading.Event()
    runner = threading.Thread(target=loop.run, kwargs={"until": over})
    runner.start()
    assert loop.swap(Says(-0.5))
    over.set()
    runner.join()
    assert {tuple(targets) for targets in robot.sent} <= {(0.5, 0.5), (-0.5, -0.5)}
    assert loop.report.swaps == 1


def test_a_swap_that_nobody_takes_is_taken_back() -> None:
    loop, robot, _ = looped(Says(0.5))
    assert not loop.swap(Says(-0.5), timeout_s=0.01)
    loop.step()
    assert robot.sent[-1].tolist() == [0.5, 0.5]


def test_a_released_package_drives_the_simulated_robot(packages: Callable[[float], Path]) -> None:
    folder = packages(0.1)
    package = PolicyPackage.read(folder / "package.json")
    clock = Clock()
    robot = SimulatedRobot(6, package.rate_hz, clock=clock)
    policy = OnnxPolicy(folder, package, 1)
    policy.warm_up(folder)
    loop = StepLoop(robot, Guard(policy, package.limits, 1), package.rate_hz, clock=clock, sleep=clock.sleep)
    loop.run(steps=8)
    # A chunk plays 4 steps of "where I was + 0.1", and the robot is 0.1 further within one period: 2 chunks, 0.2 rad.
    assert robot.position_rad == pytest.approx([0.2] * 6)


@settings(max_examples=200)
@given(
    st.lists(st.floats(-3, 3) | st.just(float("nan")), min_size=1, max_size=60),
    st.floats(0.1, 4),
    st.floats(0.5, 20),
)
def test_whatever_is_wanted_targets_stay_within_range_speed_and_acceleration(
    wanted: list[float], velocity: float, acceleration: float
) -> None:
    period_s = 0.02
    ramp = Ramp(MotionLimits(velocity, acceleration), period_s, (1, 2))
    policy = Says(0.0)
    guard = Guard(policy, LIMITS, 1, ramp)
    before, speed = np.zeros((1, 2)), np.zeros((1, 2))
    for target in wanted:
        policy.target = target
        sent = guard.act({"observation.state": np.zeros((1, 2), dtype=np.float32)}).astype(np.float64)
        now = (sent - before) / period_s
        assert (np.abs(sent) <= 1.0 + 1e-6).all()
        assert (np.abs(now) <= velocity + 1e-4).all()
        assert (np.abs(now - speed) <= acceleration * period_s + 2e-4).all()
        before, speed = sent, now


def test_a_joint_arrives_without_overshooting() -> None:
    # 1 rad at 2 rad/s and 5 rad/s²: 0.4 s and 0.4 rad each to start and stop, 0.1 s between: 0.9 s, 45 steps of 20 ms.
    ramp = Ramp(MotionLimits(2.0, 5.0), 0.02, (1, 1))
    path = [float(ramp.step(np.ones((1, 1)), np.zeros((1, 1)))[0, 0]) for _ in range(60)]
    assert max(path) <= 1.0 + 1e-9
    assert 44 <= next(step for step, at in enumerate(path, 1) if at > 0.999) <= 50
    assert np.diff(path).max() == pytest.approx(0.04)


def test_chunks_run_into_one_another() -> None:
    chunks = iter([np.zeros((1, 4, 1)), np.full((1, 4, 1), 3.0), np.full((1, 4, 1), 3.0)])
    policy = BlendedPolicy(lambda _: next(chunks).astype(np.float32), 2, 1, blend_steps=2)
    seen = [float(policy.act({"x": np.zeros((1, 1), dtype=np.float32)})[0, 0]) for _ in range(6)]
    # Weights 1/3 and 2/3 on the new chunk: 0 0 | 1 2 | 3 3.
    assert seen == pytest.approx([0, 0, 1, 2, 3, 3])
    policy.reset(np.array([0]))


def test_a_new_episode_does_not_blend_with_the_one_before() -> None:
    chunks = iter([np.zeros((1, 4, 1)), np.full((1, 4, 1), 3.0)])
    policy = BlendedPolicy(lambda _: next(chunks).astype(np.float32), 2, 1, blend_steps=2)
    policy.act({"x": np.zeros((1, 1), dtype=np.float32)})
    policy.reset(np.array([0]))
    assert policy.act({"x": np.zeros((1, 1), dtype=np.float32)}).tolist() == [[3.0]]

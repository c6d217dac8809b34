"""A candidate in shadow mode: it sees what the running policy sees, nothing of it is sent, and the gate hears of it."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from physai.fleet_deployment.gating.rules import AutoApproval, GateRules, ShadowBounds
from physai.fleet_deployment.loader.agent import Agent
from physai.fleet_deployment.loader.desired import GitSource
from physai.fleet_deployment.loader.home import RobotHome
from physai.fleet_deployment.loader.loader import LoaderStatus
from physai.fleet_deployment.runtime.motion import MotionLimits
from physai.fleet_deployment.runtime.service import RunSettings, describe, serve
from physai.fleet_deployment.runtime.shadow import BEHIND, Shadow
from physai.fleet_deployment.runtime.simulated import SimulatedRobot
from physai.fleet_deployment.tests.conftest import Fleet
from physai.infrastructure.contracts import PolicyPackage
from physai.infrastructure.control import Observation
from physai.infrastructure.errors import PhysaiError
from physai.infrastructure.robots import load_robot

Packages = Callable[[float], Path]

UR10 = describe(load_robot("ur10"), "Isaac-Reach-UR10", 30.0)
BOUNDS = ShadowBounds(min_steps=20, max_rms=0.3, max_abs=0.5)


class Says:
    """A policy that always says the same, after a while."""

    def __init__(self, value: float, wait_s: float = 0.0, error: PhysaiError | None = None) -> None:
        self.value, self.wait_s, self.error = value, wait_s, error

    def reset(self, envs: np.ndarray) -> None: ...

    def act(self, observation: Observation) -> np.ndarray:
        time.sleep(self.wait_s)
        if self.error:
            raise self.error
        return np.full((1, 6), self.value, np.float32)


def agent(fleet: Fleet, bounds: ShadowBounds) -> Agent:
    rules = GateRules(automatic=(AutoApproval(name="fleet"),), shadow=bounds, trial=None)
    return Agent(
        RobotHome("robot-1", fleet.root / "robots/robot-1"), GitSource(fleet.repository), fleet.registry, rules
    )


def run_with_a_second_release(fleet: Fleet, packages: Packages, robot: Agent, shift_rad: float) -> list[LoaderStatus]:
    """Run for 4 s; while it runs, another package is released."""
    fleet.release(packages(0.0))
    told: list[LoaderStatus] = []

    def tell(status: LoaderStatus) -> None:
        told.append(status)
        if len(told) == 2:  # the loop runs
            fleet.release(packages(shift_rad))

    wanted = RunSettings(steps=120, poll_s=0.1, motion=MotionLimits(), blend_steps=0)
    transport = SimulatedRobot(6, 30.0)
    serve(robot, UR10, transport, wanted, tell)
    return told


def test_a_near_candidate_passes_is_journalled_and_takes_over(fleet: Fleet, packages: Packages) -> None:
    robot = agent(fleet, BOUNDS)
    told = run_with_a_second_release(fleet, packages, robot, 0.1)
    assert any(status.waiting_for == "its run in shadow mode" for status in told)
    (record,) = [record for record in robot.gate.history() if record.event["event"] == "shadow-judged"]
    assert record.event["passed"] is True
    active = robot.gate.status().active
    assert active is not None
    # The packages differ by 0.1 rad in every joint and step, so both figures are 0.1.
    assert active.shadow == record.event["why"]
    assert "(RMS 0.1, greatest 0.1)" in record.event["why"]
    assert active.release != told[0].wanted
    assert robot.gate.status().shadow is None, "the run is over"


def test_a_far_candidate_is_turned_down_and_never_sent(fleet: Fleet, packages: Packages) -> None:
    robot = agent(fleet, BOUNDS.model_copy(update={"max_rms": 0.05}))
    told = run_with_a_second_release(fleet, packages, robot, 0.1)
    (record,) = [record for record in robot.gate.history() if record.event["event"] == "shadow-judged"]
    assert record.event["passed"] is False
    assert "RMS 0.1 > 0.05" in record.event["why"]
    assert robot.gate.status().active.release == told[0].wanted  # type: ignore[union-attr]
    assert robot.gate.status().candidate is None


@pytest.fixture
def contract(packages: Packages) -> PolicyPackage:
    return PolicyPackage.read(packages(0.0) / "package.json")


def shown(shadow: Shadow, steps: int) -> None:
    for _ in range(steps):
        shadow.see({}, np.zeros((1, 6), np.float32))


def test_a_candidate_that_is_too_slow_for_the_rate_is_turned_down(contract: PolicyPackage) -> None:
    shadow = Shadow("slow", Says(0.0, wait_s=0.2), contract, BOUNDS)
    began = time.monotonic()
    shown(shadow, BEHIND + 5)
    assert time.monotonic() - began < 0.1, "the step loop does not wait"
    verdict = shadow.verdict()
    shadow.close()
    assert verdict is not None
    assert not verdict.passed
    assert "too slow for the control rate" in verdict.why


def test_a_candidate_whose_graph_fails_is_turned_down(contract: PolicyPackage) -> None:
    shadow = Shadow("broken", Says(0.0, error=PhysaiError("policy 'x': cannot be asked")), contract, BOUNDS)
    shown(shadow, 1)
    until = time.monotonic() + 5
    while (verdict := shadow.verdict()) is None and time.monotonic() < until:
        time.sleep(0.01)
    shadow.close()
    assert verdict is not None
    assert (verdict.passed, verdict.why) == (False, "policy 'x': cannot be asked")

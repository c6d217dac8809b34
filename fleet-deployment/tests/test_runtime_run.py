"""A whole robot: step loop, hot-loader, watchdog and gate in one process, releases coming in while it runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from physai.fleet_deployment.errors import NotReleasedError
from physai.fleet_deployment.loader.loader import LoaderStatus
from physai.fleet_deployment.runtime.motion import MotionLimits
from physai.fleet_deployment.runtime.service import RunSettings, describe, serve
from physai.fleet_deployment.runtime.simulated import SimulatedRobot
from physai.fleet_deployment.tests.conftest import Fleet
from physai.infrastructure.robots import load_robot

Packages = Callable[[float], Path]

UR10 = describe(load_robot("ur10"), "Isaac-Reach-UR10", 30.0)
SETTINGS = RunSettings(steps=90, poll_s=0.1, motion=MotionLimits(), blend_steps=2)


def test_a_release_that_arrives_during_a_run_takes_over_without_a_restart(fleet: Fleet, packages: Packages) -> None:
    first = fleet.release(packages(0.0))
    told: list[LoaderStatus] = []
    released = []

    def tell(status: LoaderStatus) -> None:
        told.append(status)
        if not released:
            released.append(fleet.release(packages(0.1)))

    serving, report = serve(fleet.agent(), UR10, SimulatedRobot(6, 30.0), SETTINGS, tell)
    assert told[0].serving == first.package
    assert serving == released[0].package
    assert (report.mode, report.steps, report.held, report.swaps) == ("running", 90, 0, 1)


def test_a_robot_without_any_release_does_not_move(fleet: Fleet) -> None:
    with pytest.raises(NotReleasedError, match="robot-1: has no policy to run"):
        serve(fleet.agent(), UR10, SimulatedRobot(6, 30.0), SETTINGS, lambda _: None)
